"""A stand-in for the engine whose masks can be worked out with a pencil, and which counts what it is asked."""

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch

from causalseg.causal.dictionary import Confounder, load_dictionary
from causalseg.causal.intervention import Evidence
from causalseg.engine import EncodedScan, Engine, Segmentation
from causalseg.errors import BadDescription, UnknownConfounder
from causalseg.scan import Scan
from causalseg.settings import Settings

DETECTED = ("low_contrast", "burned_in_text")
STRENGTHS = {"low_contrast": 0.62, "burned_in_text": 0.87}
TYPED_STRENGTH = 0.44
TYPED_PLACE = 5
"""The row band that removing any typed confounder takes away."""
ABSENT_WORD = "unicorn"
"""A description with this word is found nowhere."""
BAND_SHARE = 0.1
PAINTED_RGB = (40, 60, 220)
"""Of what the fake engine makes up where something was removed."""
LONGEST_WAIT_SECONDS = 60


def evidence_at(maps: list[torch.Tensor]) -> Evidence:
    return Evidence(torch.stack(maps)[None], torch.zeros(len(maps), 1))


class FakeEngine(Engine):
    """Marks what is brighter than the scan's mean; removing the dictionary's entry k takes row band k mod 10 away."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.breaks_on: str | None = None
        self.served = "fake-engine"
        self._made_by: list[tuple[EncodedScan, str]] = []
        self.told = ""
        self.can_remove = True
        self._may_encode = threading.Event()
        self._may_encode.set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing is encoded inside: time for a test to do something meanwhile."""
        self._may_encode.clear()
        try:
            yield
        finally:
            self._may_encode.set()

    @property
    def name(self) -> str:
        return self.served

    def name_for(self, encoded: EncodedScan) -> str:
        return next(name for one, name in self._made_by if one is encoded)

    @property
    def notice(self) -> str:
        return self.told

    @property
    def removes_named(self) -> bool:
        return self.can_remove

    @property
    def confounders(self) -> tuple[Confounder, ...]:
        return load_dictionary()

    def encode(self, scan: Scan) -> EncodedScan:
        self.calls["encode"] += 1
        self._may_encode.wait(LONGEST_WAIT_SECONDS)
        strength = {entry.id: 0.01 * place for place, entry in enumerate(self.confounders)} | STRENGTHS
        encoded = EncodedScan(
            scan=scan,
            strength=strength,
            picture=torch.zeros(1, 3, 8, 8),
            stages=(),
            pyramid=(),
            evidence=evidence_at([corner(entry.scope == "local") for entry in self.confounders]),
        )
        self._made_by.append((encoded, self.served))
        return encoded

    def look_for(self, encoded: EncodedScan, confounder: str) -> EncodedScan:
        self.calls["look_for"] += 1
        if not confounder.strip():
            raise BadDescription("Type what disturbs the scan.")
        if confounder in encoded.strength:
            return encoded
        strength = encoded.strength | {confounder: TYPED_STRENGTH}
        found = replace(encoded, strength=strength, evidence=evidence_at([*encoded.evidence.maps[0], corner(True)]))
        self._made_by.append((found, self.name_for(encoded)))
        return found

    def detected(self, encoded: EncodedScan) -> tuple[str, ...]:
        return DETECTED if self.can_remove else ()

    def segment(
        self, encoded: EncodedScan, description: str, remove: Literal["detected"] | Sequence[str] | None = "detected"
    ) -> Segmentation:
        self.calls["segment"] += 1
        if not description.strip():
            raise BadDescription("Type what to look for, for example: polyp.")
        if len(description) > Settings().max_description_chars:
            raise BadDescription(f"The description has {len(description)} characters; shorten it to 500.")
        if description == self.breaks_on:
            raise RuntimeError(f"tensor of {description} exploded")
        removed = DETECTED if remove == "detected" else tuple(remove or ())
        mask = bright(encoded.scan.image_u8)
        for confounder in removed:
            place = TYPED_PLACE if encoded.strength.get(confounder) == TYPED_STRENGTH else self.place(confounder)
            mask[band(place, mask.shape[0])] = False
        found = ABSENT_WORD not in description
        return Segmentation(
            mask=mask & found,
            probability=np.where(mask, 0.9, 0.1).astype(np.float32),
            presence=0.97 if found else 0.03,
            found=found,
            confounders=encoded.strength,
            removed=removed,
            seconds=0.012,
        )

    def counterfactuals(
        self, encoded: EncodedScan, description: str, each: Sequence[str] | None = None
    ) -> dict[str, Segmentation]:
        self.calls["counterfactuals"] += 1
        return {id_: self.segment(encoded, description, [id_]) for id_ in each or encoded.strength}

    def without(self, encoded: EncodedScan, remove: Literal["detected"] | Sequence[str] | None) -> np.ndarray[Any, Any]:
        """The scan with the row band of each removed confounder painted blue."""
        self.calls["without"] += 1
        image_u8 = encoded.scan.image_u8.copy()
        for confounder in DETECTED if remove == "detected" else tuple(remove or ()):
            typed = encoded.strength.get(confounder) == TYPED_STRENGTH
            image_u8[band(TYPED_PLACE if typed else self.place(confounder), image_u8.shape[0])] = PAINTED_RGB
        return image_u8

    def add(self, scan: Scan, confounder: str, strength: float, seed: int) -> Scan:
        self.calls["add"] += 1
        self.place(confounder)
        image_u8 = (scan.image_u8 * (1 - 0.5 * strength)).astype(np.uint8)
        return replace(scan, image_u8=image_u8, sha256=hashlib.sha256(image_u8.tobytes()).hexdigest())

    def place(self, confounder: str) -> int:
        ids = [entry.id for entry in self.confounders]
        if confounder not in ids:
            raise UnknownConfounder(f"There is no confounder {confounder!r}.")
        return ids.index(confounder)


def corner(is_local: bool) -> torch.Tensor:
    """A map: the upper left quarter of the scan, or all of it."""
    where = torch.ones(4, 4)
    if is_local:
        where[2:], where[:, 2:] = 0, 0
    return where


def bright(image_u8: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What is brighter than the mean of the scan."""
    grey = image_u8.mean(axis=2)
    return grey > grey.mean()


def band(place: int, height_px: int) -> slice:
    """The rows that removing entry `place` takes away."""
    start = int(height_px * BAND_SHARE * (place % 10))
    return slice(start, start + max(1, int(height_px * BAND_SHARE)))


def disc(height_px: int, width_px: int) -> np.ndarray[Any, Any]:
    """A scan with one bright disc left of its middle."""
    rows, columns = np.mgrid[:height_px, :width_px]
    inside = (rows - 0.5 * height_px) ** 2 + (columns - 0.4 * width_px) ** 2 < (0.25 * height_px) ** 2
    return np.where(inside[..., None], np.array([230, 150, 120], np.uint8), np.array([60, 30, 25], np.uint8)).astype(
        np.uint8
    )
