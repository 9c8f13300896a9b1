"""How well two readers agree on a picture: overlap, and the distance between their outlines.

Distances come from scipy's exact Euclidean distance transform and not from monai.metrics: the review page needs no
model, and importing monai imports torch, which takes seconds. A test compares the two.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64
from scipy.ndimage import binary_erosion, distance_transform_edt

from causalseg.annotations.label_records import Revision
from causalseg.annotations.store import LabelStore, dice

_PERCENTILE = 95


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two masks of one picture, compared."""

    dice: float
    """In [0, 1]; 1 where both are empty."""
    surface_distance: float | None
    """Mean distance from a point on either outline to the other outline; None where only one of them is empty."""
    hausdorff95: float | None
    """The distance that 95 % of the points of either outline keep within; the larger of the two directions."""
    unit: Literal["mm", "px"]
    """Of the two distances: mm where the scan's spacing is known."""


@dataclass(frozen=True, slots=True)
class ReaderPair:
    """The newest masks of two people on one picture."""

    first: Revision
    second: Revision
    same_description: bool
    """False where they may have looked for different things."""
    agreement: Agreement


def compare(
    mask: Bool[np.ndarray, "height width"],
    other: Bool[np.ndarray, "height width"],
    spacing_mm: tuple[float, float] | None = None,
) -> Agreement:
    """Compare two masks of the same picture.

    Args:
        mask: of one reader.
        other: of another.
        spacing_mm: between rows, between columns; None counts in pixels.
    """
    unit = "px" if spacing_mm is None else "mm"
    if not mask.any() or not other.any():
        nothing = None if mask.any() or other.any() else 0.0
        return Agreement(dice(mask, other), nothing, nothing, unit)
    spacing = spacing_mm or (1.0, 1.0)
    there, back = _distances(mask, other, spacing), _distances(other, mask, spacing)
    return Agreement(
        dice(mask, other),
        float(np.concatenate([there, back]).mean()),
        float(max(np.percentile(there, _PERCENTILE), np.percentile(back, _PERCENTILE))),
        unit,
    )


def between_readers(store: LabelStore, scan_sha256: str, index: int = 0) -> list[ReaderPair]:
    """Every two people who drew on a picture, by their newest masks, in the order in which those were saved.

    Raises:
        StoreError: a mask's file is gone or damaged.
    """
    scan = store.scan(scan_sha256)
    newest = {revision.person: revision for revision in store.revisions(scan_sha256, index=index)}
    drawn = [(revision, store.mask(revision)) for revision in sorted(newest.values(), key=lambda one: one.saved_at)]
    return [
        ReaderPair(
            first,
            second,
            _folded(first.description) == _folded(second.description),
            compare(mask, other, None if scan is None else scan.spacing_mm),
        )
        for (first, mask), (second, other) in combinations(drawn, 2)
    ]


def _folded(description: str) -> str:
    return " ".join(description.casefold().split())


def _distances(
    mask: Bool[np.ndarray, "height width"], other: Bool[np.ndarray, "height width"], spacing: tuple[float, float]
) -> Float64[np.ndarray, " points"]:
    """From every pixel of the outline of `mask` to the nearest one of the outline of `other`."""
    to_other = distance_transform_edt(~_outline(other), sampling=spacing)
    return np.asarray(to_other, dtype=np.float64)[_outline(mask)]


def _outline(mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Pixels of the mask with one of four neighbours outside it; beyond the picture is outside."""
    return mask & ~binary_erosion(mask)
