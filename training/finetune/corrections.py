"""What people corrected and said, as fine-tuning takes it, and what is refused before anything is learnt.

Corrections that do not fit their scans are empty, inverted, shifted or another scan's. A version is measured on
corrections held back, and when all corrections are wrong in one way those held back are wrong too: no score on them
can tell. What the parent sees can: it is a second opinion of every scan.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, UInt8

from causalseg.annotations import dice
from causalseg.annotations.label_records import Split
from causalseg.annotations.review import approved_for_training
from causalseg.annotations.store import LabelStore

MOST_EMPTY = 1 / 3
MOST_INVERTED = 1 / 4
MOST_SHIFTED = 0.4
LEAST_SHIFT = 0.06
"""Of the side, from which a mask counts as shifted."""
LEAST_SHIFT_GAIN = 0.25
"""Dice that shifting a mask back wins, from which it counts as shifted."""
LEAST_OWN = 0.12
"""Dice by which masks must agree better with their own scans than with the others'."""

Masks = Bool[np.ndarray, "scan side side"]


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


def too_few(patients: list[str]) -> str:
    """Why the corrections of these patients are too few, in a sentence; empty where they are enough."""
    return approved_for_training.too_few(len(patients), len(set(patients)))


def doubts(masks: Masks, seen: Masks) -> list[str]:
    """What is wrong with `masks`, given what the parent sees in the same scans: one sentence for each doubt."""
    found = (_empty(masks), _inverted(masks, seen), _shifted(masks, seen), _swapped(masks, seen))
    return [sentence for sentence in found if sentence]


def _empty(masks: Masks) -> str:
    empty = int((~masks.any((1, 2))).sum())
    if empty <= MOST_EMPTY * len(masks):
        return ""
    return f"{empty} of {len(masks)} corrected masks are empty. Approve a mask where there is something to see."


def _inverted(masks: Masks, seen: Masks) -> str:
    count = sum(
        bool(mask.mean() > 0.5 and dice(~mask, other) > dice(mask, other))
        for mask, other in zip(masks, seen, strict=True)
    )
    if count <= MOST_INVERTED * len(masks):
        return ""
    return (
        f"{count} of {len(masks)} corrected masks cover most of their scan and leave out what the model sees: they "
        "look inverted. Check them on the Review page."
    )


def _shifted(masks: Masks, seen: Masks) -> str:
    """Masks that fit what the parent sees well once they are moved, and badly where they are."""
    side = masks.shape[-1]
    moved = [_best_shift(mask, other) for mask, other in zip(masks, seen, strict=True) if mask.any() and other.any()]
    count = sum(gain >= LEAST_SHIFT_GAIN and distance >= LEAST_SHIFT * side for distance, gain in moved)
    if count <= MOST_SHIFTED * len(masks):
        return ""
    return (
        f"{count} of {len(masks)} corrected masks fit what the model sees only when they are moved: they look shifted "
        "against their scans. Check them on the Review page."
    )


def _best_shift(mask: Bool[np.ndarray, "side side"], seen: Bool[np.ndarray, "side side"]) -> tuple[float, float]:
    """Pixels by which `mask` moves to fit `seen` best, and the Dice that it wins, by correlation."""
    spectrum = np.fft.rfft2(seen.astype(np.float32)) * np.conj(np.fft.rfft2(mask.astype(np.float32)))
    overlap = np.fft.irfft2(spectrum, s=mask.shape)
    total = int(mask.sum()) + int(seen.sum())
    y, x = np.unravel_index(int(overlap.argmax()), overlap.shape)
    step = np.asarray([min(at, size - at) for at, size in zip((int(y), int(x)), mask.shape, strict=True)])
    return float(np.hypot(*step)), float(2 * (overlap.max() - overlap[0, 0]) / total)


def _swapped(masks: Masks, seen: Masks) -> str:
    """Masks that fit other scans as well as their own."""
    agreement = _agreement(masks, seen)
    count = len(masks)
    own = float(np.diag(agreement).mean())
    others = float((agreement.sum() - np.trace(agreement)) / (count * (count - 1)))
    if own - others >= LEAST_OWN:
        return ""
    return (
        f"The corrected masks fit what the model sees in their own scans (Dice {own:.2f}) hardly better than what it "
        f"sees in the others ({others:.2f}): they may belong to other scans, or the model cannot be a judge of them. "
        "Check them on the Review page."
    )


def _agreement(masks: Masks, seen: Masks) -> Float[np.ndarray, "scan scan"]:
    """Dice of every mask with every other's prediction; 1 where both are empty."""
    one, other = masks.reshape(len(masks), -1).astype(np.float32), seen.reshape(len(seen), -1).astype(np.float32)
    total = one.sum(1)[:, None] + other.sum(1)[None]
    return np.where(total > 0, 2 * (one @ other.T) / np.maximum(total, 1), 1.0)
