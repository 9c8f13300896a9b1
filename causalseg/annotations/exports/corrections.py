"""A person's corrections of some slices over the model's masks of all slices: the person wins.

Only corrections of the same description count: one of "liver" says nothing of a "tumour" in the same slice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool

from causalseg.annotations.exports.bundle import Provenance
from causalseg.annotations.exports.formats import Masks
from causalseg.annotations.label_records import Revision
from causalseg.annotations.store import LabelStore


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """A mask that a person drew on one slice, frame or page."""

    mask: Bool[np.ndarray, "height width"]
    revision: Revision | None = None
    """None where it was not saved yet."""


def saved_corrections(store: LabelStore, scan_sha256: str, *, person: str, description: str) -> dict[int, Correction]:
    """Index -> what the person saved last of this description on it."""
    revisions = store.revisions(scan_sha256, person)
    latest = {one.index: one for one in revisions if is_same(one.description, description)}  # oldest come first
    return {index: Correction(store.mask(one), one) for index, one in sorted(latest.items())}


def is_same(description: str, other: str) -> bool:
    """Whether two descriptions say the same, however they are spaced and capitalized."""
    return description.lower().split() == other.lower().split()


def with_corrections(
    masks: Masks, provenance: Provenance, corrections: Mapping[int, Correction]
) -> tuple[Masks, Provenance]:
    """The masks with those of the corrections in their places, and the provenance that says which.

    Args:
        masks: of the model, by index.
        provenance: of `masks`.
        corrections: by index; also of slices that the model was not asked about.
    """
    if not corrections:
        return masks, provenance
    saved = {index: one.revision for index, one in corrections.items() if one.revision is not None}
    merged = {**masks, **{index: one.mask for index, one in corrections.items()}}
    return dict(sorted(merged.items())), replace(
        provenance,
        corrected=tuple(sorted(corrections)),
        person=next((one.person for one in saved.values()), provenance.person),
        revisions={**provenance.revisions, **{index: one.number for index, one in saved.items()}},
        saved_at=max((one.saved_at for one in saved.values()), default=provenance.saved_at),
    )
