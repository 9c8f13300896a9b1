"""Where the model doubts its mask: the places of its edge that a person should look at first."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32
from scipy import ndimage

MOST_PLACES = 3
_LONGEST_PX = 256
"""Doubt is looked for on a grid of at most this many pixels a side."""
_BAND_SHARE = 0.03
"""How far from the mask's edge a place may be, as a share of the longest side."""
_BLUR_SHARE = 0.015
"""Standard deviation of the neighbourhood that doubt is averaged over, as a share of the longest side."""
_APART_SHARE = 0.15
"""Least distance of two places, as a share of the longest side."""
_LEAST_DOUBT = 0.15
"""Of 1; a sharp edge has less."""


class Place(NamedTuple):
    """A place of a scan; x and y continuous, in its pixels."""

    x: float
    y: float
    doubt: float
    """Mean of 4 p (1 - p) around it, in [0, 1]; 1 where the model cannot tell at all."""


def least_certain(
    probability: Float32[np.ndarray, "height width"], mask: Bool[np.ndarray, "height width"]
) -> list[Place]:
    """The least certain places along the edge of `mask`, at most `MOST_PLACES`, worst first.

    The probability p crosses 1/2 all along an edge, so 4 p (1 - p) alone says nothing; its mean over a neighbourhood
    is large where the edge is wide, that is, where the model does not know where the thing ends.
    """
    if not mask.any():
        return []
    step = -(-max(mask.shape) // _LONGEST_PX)
    coarse, edge = probability[::step, ::step].astype(np.float64), _edge_band(mask[::step, ::step])
    longest = max(coarse.shape)
    doubt = np.where(edge, ndimage.gaussian_filter(4 * coarse * (1 - coarse), _BLUR_SHARE * longest), 0.0)
    rows, columns = np.mgrid[: doubt.shape[0], : doubt.shape[1]]
    places: list[Place] = []
    while len(places) < MOST_PLACES:
        row, column = np.unravel_index(np.argmax(doubt), doubt.shape)
        if doubt[row, column] < _LEAST_DOUBT:
            break
        places.append(Place((column + 0.5) * step, (row + 0.5) * step, float(doubt[row, column])))
        doubt[np.hypot(rows - row, columns - column) < _APART_SHARE * longest] = 0.0
    return places


def _edge_band(mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """The pixels near the edge of a mask; where the picture ends there is no edge."""
    band_px = max(1.0, _BAND_SHARE * max(mask.shape))
    inside_px = np.asarray(ndimage.distance_transform_edt(mask)) if not mask.all() else np.full(mask.shape, np.inf)
    outside_px = np.asarray(ndimage.distance_transform_edt(~mask))
    return np.where(mask, inside_px, outside_px) <= band_px
