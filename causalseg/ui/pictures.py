"""Pictures for the page: scan, mask and difference, each on one fixed black square.

Colours are of the Okabe-Ito palette, which stays apart for colour-blind eyes.
"""

import base64
from io import BytesIO

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8
from PIL import Image
from scipy import ndimage

from causalseg.scan import Letterbox, Scan

VIEW_SIDE_PX = 768
"""Side of the square on the page."""
CANVAS_SIDE_PX = 512
"""Side of the editor's canvas; every picture it gets has exactly this size, or it would shift the mask."""
OUTLINE_PX = 2
TINT_RGB = (0, 190, 140)
ADDED_RGB = (0, 114, 178)
REMOVED_RGB = (230, 159, 0)
KEPT_RGB = (235, 235, 235)
STROKE_HEX = "#0072B2"
"""The brush: another colour than the mask it corrects, so that what moved by itself can be told from a stroke."""
WHERE_RGB = (204, 121, 167)
"""Where a confounder is."""
WHERE_ALPHA = 190
"""Of a map where it is 1, in [0, 255]."""
STROKE_OPACITY = 0.5
"""Of the brush, in [0, 1]."""
COMPARE_OPACITY = 0.35
"""Of the observed mask in the comparison, in [0, 1]."""
REVIEW_SIDE_PX = 448
"""Of the square that the pages Work and Review put every picture on; lossless, for edges are judged by it."""
_REVIEW_TINT = 0.22
"""Of a mask over its scan there, in [0, 1]; the outline is opaque."""
_KEPT_ALPHA = 60
_CHANGED_ALPHA = 190

BESIDE_SIDE_PX = 360
"""Of the small picture beside the switches, shown at half of it."""
HATCH_RGB = ((52, 52, 52), (150, 150, 150))
"""Of what is not visible: greys that no scan has in stripes."""
_HATCH_STRIPES = 48
"""Along a side of the square."""

Picture = UInt8[np.ndarray, "side side 3"]
Layer = UInt8[np.ndarray, "side side 4"]
Mask = Bool[np.ndarray, "height width"]
PixelImage = UInt8[np.ndarray, "height width 3"]


def on_square(scan: Scan, side_px: int) -> Picture:
    """The scan letterboxed to a square of `side_px`."""
    return _box(scan.hw, side_px).apply(scan.image_u8)


def mask_layer(mask: Mask, *, opacity: float) -> Layer:
    """A mask in its scan's size -> tint and outline on the page's square; `opacity` in [0, 1] is the tint's."""
    square = _box(mask.shape, VIEW_SIDE_PX).apply(mask)
    layer = np.zeros((*square.shape, 4), np.uint8)
    layer[square] = (*TINT_RGB, round(255 * opacity))
    layer[outline(square)] = (*TINT_RGB, 255)
    return layer


def difference_layer(observed: Mask, mask: Mask) -> Layer:
    """What `mask` adds to `observed` and takes from it, on the page's square."""
    box = _box(mask.shape, VIEW_SIDE_PX)
    before, after = box.apply(observed), box.apply(mask)
    layer = np.zeros((*after.shape, 4), np.uint8)
    layer[before & after] = (*KEPT_RGB, _KEPT_ALPHA)
    layer[outline(before & after)] = (*KEPT_RGB, 255)
    layer[after & ~before] = (*ADDED_RGB, _CHANGED_ALPHA)
    layer[before & ~after] = (*REMOVED_RGB, _CHANGED_ALPHA)
    return layer


def without(image_u8: PixelImage, hidden: Mask, side_px: int) -> Picture:
    """A scan that the model changed, letterboxed to a square of `side_px`; hatched where nobody knows what is there."""
    box = _box(hidden.shape, side_px)
    rows, columns = np.indices((side_px, side_px))
    hatching = np.array(HATCH_RGB, np.uint8)[(rows + columns) * _HATCH_STRIPES // side_px % 2]
    return np.where(box.apply(hidden)[..., None], hatching, box.apply(image_u8))


def outline(mask: Mask) -> Mask:
    """The pixels of `mask` within `OUTLINE_PX` of its border."""
    inside = np.asarray(ndimage.binary_erosion(mask, iterations=OUTLINE_PX, border_value=1), bool)
    return mask & ~inside


def blend(picture: Picture, layer: Layer) -> Picture:
    """`layer` laid over `picture`."""
    alpha = layer[..., 3:].astype(np.uint16)
    return ((picture * (255 - alpha) + layer[..., :3] * alpha + 127) // 255).astype(np.uint8)


def where_layer(where: Float32[np.ndarray, "map_height map_width"], hw: tuple[int, int]) -> Layer:
    """A map in [0, 1] of a whole scan of size `hw` -> a tint as strong as the map, on the page's square."""
    whole = Image.fromarray(where).resize((hw[1], hw[0]), Image.Resampling.BILINEAR)
    grey_u8 = np.clip(np.asarray(whole) * WHERE_ALPHA, 0, 255).astype(np.uint8)
    square = _box(hw, VIEW_SIDE_PX).apply(np.repeat(grey_u8[..., None], 3, axis=2))
    layer = np.zeros((*square.shape[:2], 4), np.uint8)
    layer[..., :3], layer[..., 3] = WHERE_RGB, square[..., 0]
    return layer


def on_view(points_xy: Float64[np.ndarray, "points 2"], hw: tuple[int, int]) -> Float64[np.ndarray, "points 2"]:
    """Points (x, y) of a scan of size `hw` -> the page's square, in [0, 1]."""
    box = _box(hw, VIEW_SIDE_PX)
    left, top, right, bottom = box.content_box
    scale = np.array([(right - left) / hw[1], (bottom - top) / hw[0]])
    return (points_xy * scale + (left, top)) / VIEW_SIDE_PX


def editor_layer(canvas_mask: Mask, alpha: int) -> Layer:
    """The mask as the editor's only layer; `alpha` in [0, 255]."""
    layer = np.zeros((*canvas_mask.shape, 4), np.uint8)
    layer[canvas_mask] = (*TINT_RGB, alpha)
    return layer


def png_uri(picture: UInt8[np.ndarray, "height width channels"]) -> str:
    """A picture as a data URI: it reaches the page without a file on the server's disk."""
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def plain(image_u8: PixelImage) -> Picture:
    """The scan alone."""
    return _box(image_u8.shape, REVIEW_SIDE_PX).apply(image_u8)


def labelled(image_u8: PixelImage, mask: Mask) -> Picture:
    """A label over its scan: a faint tint and an outline."""
    box = _box(image_u8.shape, REVIEW_SIDE_PX)
    square = box.apply(mask)
    layer = np.zeros((*square.shape, 4), np.uint8)
    layer[square] = (*TINT_RGB, round(255 * _REVIEW_TINT))
    layer[outline(square)] = (*TINT_RGB, 255)
    return blend(box.apply(image_u8), layer)


def difference(image_u8: PixelImage, first: Mask, second: Mask) -> Picture:
    """Where two labels differ: what only the second has, what only the first has, and what both have."""
    box = _box(image_u8.shape, REVIEW_SIDE_PX)
    before, after = box.apply(first), box.apply(second)
    layer = np.zeros((*before.shape, 4), np.uint8)
    layer[outline(before & after)] = (*KEPT_RGB, 255)
    layer[after & ~before] = (*ADDED_RGB, 210)
    layer[before & ~after] = (*REMOVED_RGB, 210)
    return blend(box.apply(image_u8), layer)


def _box(hw: tuple[int, ...], side_px: int) -> Letterbox:
    return Letterbox.fit(hw[0], hw[1], side_px=side_px)
