"""Slices in space: their order by position along the normal, the distances between them, and the affine of all.

DICOM counts millimetres to the patient's left and back (LPS+), nibabel to the right and front (RAS+).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from pydicom import Dataset

from causalseg.scan.dicom.header import normal_of, numbers_of

_SAME_PLACE_MM = 0.01
_UNEVEN_SHARE = 0.05
"""Of the usual distance between slices; more than that and a slice is missing or doubled."""
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_UNEVEN = (
    "The distances between the slices differ: some may be missing. Sizes in mm across slices are only approximate."
)
_DOUBLED = (
    "Several slices lie in the same place, and not the same number everywhere: they are shown by place, and sizes "
    "across slices are not known."
)


@dataclass(frozen=True, slots=True)
class Stack:
    """How slices lie."""

    order: tuple[int, ...]
    """Places in the given sequence, lowest slice first; volumes in time one after another."""
    repeats: int = 1
    """How often every position occurs."""
    step_mm: tuple[float, float, float] | None = None
    """From one slice to the next, LPS+; None where slices lie in the same place."""
    spacing_mm: float | None = None
    """Between slices, along their normal."""
    warnings: tuple[str, ...] = ()


def stack_slices(facts: Sequence[Dataset]) -> Stack | None:
    """The order of slices by their positions; None where these, or a common orientation, are not known.

    A position that occurs n times in a scan in which every position does is one of n volumes in time.
    """
    heights_mm = _heights_mm(facts)
    if heights_mm is None:
        return None
    levels = _levels(heights_mm)
    repeats = len(levels[0])
    if len(levels) < 2:
        return None
    if any(len(level) != repeats for level in levels):
        return Stack(tuple(place for level in levels for place in level), warnings=(_DOUBLED,))
    order = tuple(level[repeat] for repeat in range(repeats) for level in levels)
    lowest, highest = (facts[levels[end][0]].get("ImagePositionPatient") for end in (0, -1))
    gaps = np.diff([heights_mm[level[0]] for level in levels])
    is_uneven = bool((np.abs(gaps - np.median(gaps)) > _UNEVEN_SHARE * np.median(gaps)).any())
    step = np.subtract(numbers_of(highest), numbers_of(lowest)) / (len(levels) - 1)
    spacing_mm = float(np.mean(gaps))
    return Stack(order, repeats, (step[0], step[1], step[2]), spacing_mm, (_UNEVEN,) if is_uneven else ())


def _heights_mm(facts: Sequence[Dataset]) -> Float64[np.ndarray, " slices"] | None:
    """Of each slice along the first one's normal."""
    normal = normal_of(facts[0])
    positions = [numbers_of(one.get("ImagePositionPatient")) for one in facts]
    orientations = [numbers_of(one.get("ImageOrientationPatient")) for one in facts]
    if normal is None or any(len(position) != 3 for position in positions):
        return None
    if any(len(one) != 6 or not np.allclose(one, orientations[0], atol=1e-3) for one in orientations):
        return None
    return np.asarray(positions) @ normal


def _levels(heights_mm: Float64[np.ndarray, " slices"]) -> list[list[int]]:
    """Places of the slices at each height, lowest first; at one height in the given order."""
    order = np.argsort(heights_mm, kind="stable")
    starts = np.flatnonzero(np.diff(heights_mm[order]) > _SAME_PLACE_MM) + 1
    return [sorted(level.tolist()) for level in np.split(order, starts)]


def affine_of(facts: Dataset, step_mm: tuple[float, float, float] | None) -> Float64[np.ndarray, "4 4"] | None:
    """(column, row, slice, 1) -> RAS+ in mm, of a stack that begins with the slice of `facts`.

    A lone slice (`step_mm` None) is as thick as its header says, else 1 mm. None where the header does not say it, or
    says what cannot be.
    """
    cosines = np.asarray(numbers_of(facts.get("ImageOrientationPatient")))
    position, spacing = numbers_of(facts.get("ImagePositionPatient")), numbers_of(facts.get("PixelSpacing"))
    normal = normal_of(facts)
    if normal is None or len(position) != 3 or len(spacing) != 2 or min(spacing) <= 0:
        return None
    thickness = [n for key in ("SpacingBetweenSlices", "SliceThickness") for n in numbers_of(facts.get(key)) if n > 0]
    affine = np.eye(4)
    affine[:3, 0] = cosines[:3] * spacing[1]
    affine[:3, 1] = cosines[3:] * spacing[0]
    affine[:3, 2] = normal * (thickness or [1.0])[0] if step_mm is None else step_mm
    affine[:3, 3] = position
    return _LPS_TO_RAS @ affine if _is_usable(affine) else None


def _is_usable(affine: Float64[np.ndarray, "4 4"]) -> bool:
    """Whether it has an inverse and fits the single precision that NIfTI keeps it in."""
    is_small = bool(np.abs(affine).max() < np.finfo(np.float32).max)
    return is_small and bool(abs(np.linalg.det(affine[:3, :3])) > np.finfo(np.float32).tiny)
