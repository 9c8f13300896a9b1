"""Pictures that look like scans and are of nobody, each with its true mask: for examples, demos and tests.

One picture a file; `texture` has what they share. `python -m causalseg.phantoms FOLDER` writes the examples.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from causalseg.phantoms import breast_ultrasound, chest_ct, colonoscopy, skin_lesion

DEFAULT_SIDE_PX = 512


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """A made-up scan whose mask is known because it was drawn first."""

    image_u8: UInt8[np.ndarray, "side side 3"]
    mask: Bool[np.ndarray, "side side"]
    modality: str
    """One of `MODALITIES`."""
    description: str
    """What the mask shows, as a person would type it."""
    confounder: str
    """Id of the confounder that was drawn on purpose."""


_KINDS: dict[str, tuple[Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]], str, str]] = {
    "ultrasound": (breast_ultrasound.draw, "breast tumour", "calipers"),
    "endoscopy": (colonoscopy.draw, "polyp", "specular_highlight"),
    "dermoscopy": (skin_lesion.draw, "skin lesion", "hair"),
    "ct": (chest_ct.draw, "lung", "sensor_noise"),
}
"""Modality -> how it is drawn, what its mask shows, which confounder it has."""

PHANTOMS = tuple(_KINDS)
"""Names that `make_phantom` knows."""


def make_phantom(name: str, seed: int, *, side_px: int = DEFAULT_SIDE_PX) -> Phantom:
    """The phantom of that modality and seed; the same arguments give the same pixels.

    Args:
        name: one of `PHANTOMS`.
        seed: of everything that chance decides.
        side_px: height and width; another side gives another picture.

    Raises:
        ValueError: the name is unknown.
    """
    if name not in _KINDS:
        raise ValueError(f"unknown phantom {name!r}; known phantoms are {list(PHANTOMS)}")
    draw, description, confounder = _KINDS[name]
    image_u8, mask = draw(np.random.default_rng(seed), side_px)
    return Phantom(image_u8, mask, modality=name, description=description, confounder=confounder)
