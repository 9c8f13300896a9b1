"""What every simulator is: parameters drawn once by a generator, then a deterministic change of a picture.

Randomness stays in `make_params`; `apply` is a function of its arguments. Lengths are shares of the picture's
shorter side, so that an effect looks the same at 256 px and at 2000 px.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
from jaxtyping import Bool, Float32, UInt8

Params = TypeVar("Params")
GREY_BELOW = 0.02
"""Mean difference between channels, in grey values of [0, 1], under which colour is only in drawn marks."""


class Simulated(NamedTuple):
    """A picture with a confounder in it, and where."""

    image_u8: UInt8[np.ndarray, "height width 3"]
    region: Bool[np.ndarray, "height width"]
    """Where the picture changed on purpose: all True for a global confounder, all False at strength 0."""


class Simulator(ABC, Generic[Params]):
    """One confounder that can be put into a picture."""

    coloured: ClassVar[bool] = False
    """Whether it brings colour even into a grey scan."""

    @abstractmethod
    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> Params:
        """Draw what this occurrence looks like: a frozen dataclass."""

    @abstractmethod
    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: Params, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """The picture (in [0, 1]; the result may leave it and is clipped) at `strength` in (0, 1], and the region."""


def everywhere(image: Float32[np.ndarray, "height width 3"]) -> Bool[np.ndarray, "height width"]:
    """The region of a global confounder."""
    return np.ones(image.shape[:2], bool)


def is_grey(image: Float32[np.ndarray, "height width 3"]) -> bool:
    """Whether the picture has no colour, but perhaps in a few drawn marks."""
    red, green, blue = (image[..., channel] for channel in range(3))
    return float(np.abs(red - green).mean() + np.abs(green - blue).mean()) < GREY_BELOW


def luminance(image: Float32[np.ndarray, "height width 3"]) -> Float32[np.ndarray, "height width"]:
    """Rec. 601 luma in [0, 1]."""
    red, green, blue = (image[..., channel] for channel in range(3))
    return np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue


def draw_seed(rng: np.random.Generator) -> int:
    """A seed for the pixels' noise, which is too large to be kept in the parameters."""
    return int(rng.integers(2**32))
