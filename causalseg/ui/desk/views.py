"""Pictures of labels: one over its scan, two together. Lossless, for a reviewer judges edges by them."""

import numpy as np
from jaxtyping import Bool, UInt8

from causalseg.scan import Letterbox
from causalseg.ui import render

SIDE_PX = 448
"""Of the square that every picture is put on."""
_TINT = 0.22
"""Of a mask over its scan, in [0, 1]; the outline is opaque."""

Square = UInt8[np.ndarray, "side side 3"]
Image = UInt8[np.ndarray, "height width 3"]
Mask = Bool[np.ndarray, "height width"]


def plain(image_u8: Image) -> Square:
    """The scan alone."""
    return _box(image_u8).apply(image_u8)


def labelled(image_u8: Image, mask: Mask) -> Square:
    """A label over its scan: a faint tint and an outline."""
    box = _box(image_u8)
    square = box.apply(mask)
    layer = np.zeros((*square.shape, 4), np.uint8)
    layer[square] = (*render.TINT_RGB, round(255 * _TINT))
    layer[render.outline(square)] = (*render.TINT_RGB, 255)
    return render.blend(box.apply(image_u8), layer)


def difference(image_u8: Image, first: Mask, second: Mask) -> Square:
    """Where two labels differ: what only the second has, what only the first has, and what both have."""
    box = _box(image_u8)
    before, after = box.apply(first), box.apply(second)
    layer = np.zeros((*before.shape, 4), np.uint8)
    layer[render.outline(before & after)] = (*render.KEPT_RGB, 255)
    layer[after & ~before] = (*render.ADDED_RGB, 210)
    layer[before & ~after] = (*render.REMOVED_RGB, 210)
    return render.blend(box.apply(image_u8), layer)


def _box(image_u8: Image) -> Letterbox:
    return Letterbox.fit(*image_u8.shape[:2], side_px=SIDE_PX)
