"""Views of scans in which no pixel is resampled and no edge is lost: mirrored at most, perhaps in other light.

What stands at an edge (text, a ruler, a dark corner) stays in the picture, and fine grain stays as fine as it is.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, UInt8

from causalseg.models.preprocess import to_network
from training.data.augment import FLIP_UPSIDE_DOWN, relight
from training.data.squares import Squares
from training.data.twins import as_u8


class UnmovedViews(NamedTuple):
    """A view of each scan of a batch."""

    images_u8: list[UInt8[np.ndarray, "height width 3"]]
    is_relit: Bool[np.ndarray, " batch"]


def unmoved_views(
    data: Squares,
    chosen: np.ndarray,
    rng: np.random.Generator,
    generator: torch.Generator,
    *,
    relit_share: float,
    light: float,
) -> UnmovedViews:
    """Views of the `chosen` rows; `light` as in `augment`."""
    modalities = [data.rows[i].modality for i in chosen]
    mirrored = [_mirrored(data.images_u8[i], modality, rng) for i, modality in zip(chosen, modalities, strict=True)]
    images = to_network(torch.from_numpy(np.stack(mirrored)))
    relit, is_relit = relight(images, modalities, generator, relit_share=relit_share, light=light)
    return UnmovedViews(as_u8(relit), is_relit.numpy())


def _mirrored(image_u8: np.ndarray, modality: str, rng: np.random.Generator) -> np.ndarray:
    """Left and right exchanged in half of the pictures; up and down too where a scan has no fixed up."""
    if rng.random() < 0.5:
        image_u8 = image_u8[:, ::-1]
    if modality in FLIP_UPSIDE_DOWN and rng.random() < 0.5:
        image_u8 = image_u8[::-1]
    return np.ascontiguousarray(image_u8)
