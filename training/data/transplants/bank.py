"""A bank of real artefacts: lifted when first asked for, out of the given rows' scans alone.

Split-aware by construction: give training's rows for training and the test's rows for a test.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float16, Int32, UInt8

from causalseg.models.preprocess import squash
from training.data.reading import load_image, load_mask
from training.data.rows import Row
from training.data.squares import Squares
from training.data.transplants.lifted import Lifted
from training.data.transplants.lifting import LIFTERS, lift

ImageAndLesion = tuple[UInt8[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]

MISTAKEN_FOR: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "hair": ("ruler", "ink"),
        "gel_bubble": ("hair", "ruler", "patches", "ink"),
        "patches": ("dark_corner", "ink"),
        "ink": ("patches", "dark_corner"),
        "burned_in_text": ("calipers", "side_marker"),
        "calipers": (),
        "side_marker": ("burned_in_text",),
        "wires": (),
    }
)
"""Artefacts that a lifter would take for its own: a scan labelled with one of them is no source."""
_TRIES = 8
"""Sources that are tried for one draw."""


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """A lifted artefact as the few pixels that it has."""

    shape: tuple[int, int]
    places: Int32[np.ndarray, " pixel"]
    alpha_u8: UInt8[np.ndarray, " pixel"]
    layer: Float16[np.ndarray, "pixel 3"]
    is_ratio: bool

    @classmethod
    def of(cls, lifted: Lifted) -> "_Kept":
        alpha_u8 = np.rint(lifted.alpha.ravel() * 255).astype(np.uint8)
        places = np.flatnonzero(alpha_u8).astype(np.int32)
        layer = lifted.layer.reshape(-1, 3)[places].astype(np.float16)
        height, width = lifted.alpha.shape
        return cls((height, width), places, alpha_u8[places], layer, lifted.is_ratio)

    def lifted(self, artefact: str) -> Lifted:
        count = self.shape[0] * self.shape[1]
        alpha, layer = np.zeros(count, np.float32), np.zeros((count, 3), np.float32)
        alpha[self.places], layer[self.places] = self.alpha_u8 / np.float32(255), self.layer
        return Lifted(artefact, alpha.reshape(self.shape), layer.reshape(*self.shape, 3), self.is_ratio)


class TransplantBank:
    """Artefacts of labelled scans, by kind and modality."""

    def __init__(
        self,
        rows: Sequence[Row],
        labels: Sequence[Mapping[str, bool]],
        picture_of: Callable[[int], ImageAndLesion],
    ) -> None:
        """A bank of `rows` with what is said of each (`training.data.labels.labels_of`) and how to see one."""
        if len(rows) != len(labels):
            raise ValueError(f"There are {len(rows)} rows but labels of {len(labels)}.")
        self.rows, self.labels = list(rows), list(labels)
        self._picture_of = picture_of
        self._sources: dict[tuple[str, str], list[int]] = {}
        self._kept: dict[tuple[str, int], _Kept | None] = {}

    @classmethod
    def of_files(cls, rows: Sequence[Row], labels: Sequence[Mapping[str, bool]], side_px: int) -> "TransplantBank":
        """A bank that squashes the rows' files to squares when it needs them."""

        def picture_of(index: int) -> ImageAndLesion:
            mask_u8 = load_mask(rows[index].mask).astype(np.uint8) * 255
            return squash(load_image(rows[index].image), side_px), squash(mask_u8, side_px) > 127

        return cls(rows, labels, picture_of)

    @classmethod
    def of_squares(cls, squares: Squares, labels: Sequence[Mapping[str, bool]]) -> "TransplantBank":
        """A bank of squares that are there already."""
        return cls(squares.rows, labels, lambda i: (np.array(squares.images_u8[i]), squares.masks[i] > 0))

    def kinds(self) -> dict[str, tuple[str, ...]]:
        """What can be drawn: artefacts that have sources, each with their modalities."""
        of = {artefact: {self.rows[i].modality for i in self.sources(artefact)} for artefact in LIFTERS}
        return {artefact: tuple(sorted(modalities)) for artefact, modalities in of.items() if modalities}

    def sources(self, artefact: str, modality: str | None = None) -> list[int]:
        """Rows labelled with the artefact and with nothing that it is mistaken for."""
        mistaken = MISTAKEN_FOR.get(artefact, ())
        return [
            i
            for i, (row, said) in enumerate(zip(self.rows, self.labels, strict=True))
            if said.get(artefact) and modality in (None, row.modality) and not any(said.get(name) for name in mistaken)
        ]

    def free_scans(self, artefact: str, modality: str | None = None) -> list[int]:
        """Rows labelled free of the artefact: true counterfactuals of what is laid on them. Unknown is not free."""
        return [
            i
            for i, (row, said) in enumerate(zip(self.rows, self.labels, strict=True))
            if said.get(artefact) is False and modality in (None, row.modality)
        ]

    def lifted(self, artefact: str, index: int) -> Lifted | None:
        """The artefact of one row; None where too little is found."""
        if (artefact, index) not in self._kept:
            image_u8, lesion = self._picture_of(index)
            lifted = lift(image_u8, artefact, lesion)
            self._kept[artefact, index] = None if lifted is None else _Kept.of(lifted)
        kept = self._kept[artefact, index]
        return None if kept is None else kept.lifted(artefact)

    def picture(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        """A row's scan, at the size that the artefacts are lifted at."""
        return self._picture_of(index)[0]

    def draw(self, artefact: str, modality: str, rng: np.random.Generator) -> Lifted | None:
        """An artefact of a source drawn by chance; None where there is none, or none of several gives anything."""
        if (artefact, modality) not in self._sources:
            self._sources[artefact, modality] = self.sources(artefact, modality) if artefact in LIFTERS else []
        sources = self._sources[artefact, modality]
        for index in rng.permutation(sources)[:_TRIES]:
            if lifted := self.lifted(artefact, int(index)):
                return lifted
        return None
