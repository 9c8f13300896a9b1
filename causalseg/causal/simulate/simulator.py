"""What every simulator is: one occurrence of a confounder, drawn by chance, then a deterministic change of pictures.

Randomness stays in `draw`; `apply` is a function of the occurrence's values, the picture and the strength. Lengths are
shares of the picture's shorter side, so that an effect looks the same at 256 px and at 2000 px.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, UInt8

Picture = Float32[np.ndarray, "height width 3"]
"""RGB in [0, 1]; what a simulator returns may leave that range and is clipped."""
Sheet = Float32[np.ndarray, "height width"]
"""One number a pixel: light, opacity, noise."""
Region = Bool[np.ndarray, "height width"]
Changed = tuple[Picture, Region]
"""A picture with a confounder in it, and where it changed."""

GREY_BELOW = 0.02
"""Mean difference between channels, in grey values of [0, 1], under which colour is only in drawn marks."""


class Simulated(NamedTuple):
    """A picture with a confounder in it, and where."""

    image_u8: UInt8[np.ndarray, "height width 3"]
    region: Region
    """Where the picture changed on purpose: all True for a global confounder, all False at strength 0."""


class Simulator(ABC):
    """One occurrence of a confounder: subclasses are frozen dataclasses of what it looks like at strength 1."""

    coloured: ClassVar[bool] = False
    """Whether it brings colour even into a grey scan."""

    @classmethod
    @abstractmethod
    def draw(cls, rng: np.random.Generator) -> "Simulator":
        """An occurrence, drawn by chance."""

    @abstractmethod
    def apply(self, image: Picture, strength: float) -> Changed:
        """The picture with the confounder at `strength` in (0, 1], and the region."""


class GlobalSimulator(Simulator):
    """A confounder of the whole picture."""

    @abstractmethod
    def change(self, image: Picture, strength: float) -> Picture:
        """The picture with the confounder at `strength` in (0, 1]."""

    def apply(self, image: Picture, strength: float) -> Changed:
        """The changed picture; the region is all of it."""
        return self.change(image, strength), np.ones(image.shape[:2], bool)


def is_grey(image: Picture) -> bool:
    """Whether the picture has no colour, but perhaps in a few drawn marks."""
    red, green, blue = (image[..., channel] for channel in range(3))
    return float(np.abs(red - green).mean() + np.abs(green - blue).mean()) < GREY_BELOW


def luminance(image: Picture) -> Sheet:
    """Rec. 601 luma in [0, 1]."""
    red, green, blue = (image[..., channel] for channel in range(3))
    return np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue


def draw_seed(rng: np.random.Generator) -> int:
    """A seed for the pixels' noise, which is too large to be kept in the occurrence."""
    return int(rng.integers(2**32))
