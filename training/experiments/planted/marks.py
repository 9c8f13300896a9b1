"""Calipers at chosen places: at the ends of a lesion, where they give it away, or where there is none."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, UInt8

from causalseg.causal.simulate.canvas import PointXY
from causalseg.causal.simulate.overlays import Calipers
from training.data import Squares

EDGE = 0.04
"""Crosses keep this far from the picture's edge, share of its side."""
AROUND = 0.11
"""Half the side of the square around a misplaced centre that must be nearly free of lesion, share of the picture."""
NEARLY_FREE = 0.05
CENTRES = (0.13, 0.87)
"""Where misplaced centres may lie, share of the picture."""
_TRIES = 30

Ends = tuple[PointXY, ...]


class Marked(NamedTuple):
    """A picture with calipers in it, and where."""

    image_u8: UInt8[np.ndarray, "height width 3"]
    region: Bool[np.ndarray, "height width"]


def lesion_ends(mask: Bool[np.ndarray, "height width"]) -> Ends:
    """The ends of a lesion's width, then of its height, as shares of the picture: two distances.

    Raises:
        ValueError: the mask is empty.
    """
    ys, xs = np.nonzero(mask)
    if not len(ys):
        raise ValueError("an empty mask has no ends")
    size = np.array(mask.shape[::-1])
    return tuple(
        tuple(np.clip((np.array([xs[i], ys[i]]) + 0.5) / size, EDGE, 1 - EDGE))
        for i in (xs.argmin(), xs.argmax(), ys.argmin(), ys.argmax())
    )


def misplaced_ends(mask: Bool[np.ndarray, "height width"], rng: np.random.Generator) -> Ends:
    """The lesion's own ends around a centre that is drawn until hardly any lesion lies there (at most 30 times)."""
    ends = np.array(lesion_ends(mask))
    (height, width), reach = mask.shape, AROUND
    centre = rng.uniform(*CENTRES, 2)
    for _ in range(_TRIES):
        x, y = centre
        rows, columns = (
            slice(max(0, int((at - reach) * side)), int((at + reach) * side)) for at, side in ((y, height), (x, width))
        )
        if mask[rows, columns].mean() < NEARLY_FREE:
            break
        centre = rng.uniform(*CENTRES, 2)
    return tuple(tuple(end) for end in (ends - ends.mean(0) + centre).clip(EDGE, 1 - EDGE))


def draw_calipers(image_u8: UInt8[np.ndarray, "height width 3"], ends: Ends, rng: np.random.Generator) -> Marked:
    """Full-strength calipers between `ends`, their look drawn by `rng`; no measured figures are written."""
    calipers = replace(Calipers.draw(rng), ends_xy=ends, readout=())
    changed, region = calipers.apply(image_u8.astype(np.float32) / np.float32(255), 1.0)
    return Marked(np.rint(changed.clip(0, 1) * np.float32(255)).astype(np.uint8), region)


@dataclass(frozen=True, slots=True, eq=False)
class Planted:
    """Training scans of which most carry calipers at their lesion."""

    squares: Squares
    is_marked: Bool[np.ndarray, " row"]


def plant(squares: Squares, share: float, seed: int) -> Planted:
    """Draw calipers at the lesion of a `share` of the scans; `seed` says which, and how they look."""
    rng = np.random.default_rng(seed)
    is_marked = rng.random(len(squares.rows)) < share
    images = np.array(squares.images_u8)
    for i in np.flatnonzero(is_marked):
        images[i] = draw_calipers(images[i], lesion_ends(squares.masks[i] > 0), rng).image_u8
    return Planted(Squares(squares.rows, images, squares.masks), is_marked)
