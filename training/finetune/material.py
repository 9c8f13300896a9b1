"""What people corrected and said, as fine-tuning takes it: from a label store, or made by an experiment."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, UInt8

from causalseg.annotations.records import Split
from causalseg.annotations.review import approved_for_training
from causalseg.annotations.store import LabelStore


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """One corrected mask."""

    image_u8: UInt8[np.ndarray, "height width 3"]
    mask: Bool[np.ndarray, "height width"]
    description: str
    patient: str
    """Corrections of one patient are never on both sides of a split."""
    key: str
    """Names the picture and the mask; for the hash of the data alone."""
    modality: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What people say of the confounders in one picture."""

    image_u8: UInt8[np.ndarray, "height width 3"]
    present: Mapping[str, bool]
    """By id."""
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """All that a version learns from and is measured with."""

    corrections: Sequence[Correction]
    held_back: Sequence[Correction] = ()
    """Never learnt from: the validation part of the split."""
    said: Sequence[Said] = field(default=())

    @property
    def sha256(self) -> str:
        """Of everything that is learnt from, whatever its order."""
        lines = [["mask", one.key, one.description] for one in self.corrections]
        lines += [["said", one.key, json.dumps(sorted(one.present.items()))] for one in self.said]
        return hashlib.sha256(json.dumps(sorted(lines)).encode()).hexdigest()


def material_of(store: LabelStore) -> Material:
    """The approved masks of a store's train part, those of its validation part, and what is said in its train part.

    Raises:
        StoreError: the store cannot be read.
    """
    return Material(_corrections(store, "train"), _corrections(store, "val"), _said(store))


def _corrections(store: LabelStore, split: Split) -> list[Correction]:
    scans = {scan.sha256: scan for scan in store.scans()}
    return [
        Correction(
            store.image_u8(revision),
            store.mask(revision),
            revision.description,
            scans[revision.scan_sha256].patient_key,
            f"{revision.scan_sha256}:{revision.index}:{revision.mask_sha256}",
            scans[revision.scan_sha256].modality,
        )
        for revision in approved_for_training.masks(store, split)
    ]


def _said(store: LabelStore) -> list[Said]:
    """What nobody contradicts; a picture of which that leaves nothing is left out."""
    return [
        Said(store.reopened(*place).image_u8, present, f"{place[0]}:{place[1]}")
        for place, words in approved_for_training.said(store).items()
        if (present := {confounder: True in what for confounder, what in words.items() if len(what) == 1})
    ]
