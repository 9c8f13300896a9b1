"""Lifters of what is written onto a scan: letters, calipers and side markers. Marks are bright, thin and opaque.

Marks stand on lesions too; only their own pixels are lifted there, nothing of what lies between them.
"""

import numpy as np
from jaxtyping import Int
from scipy import ndimage

from causalseg.causal.simulate.simulator import Picture, Region, Sheet, is_grey
from training.data.transplants.lifted import (
    Part,
    box_hw,
    bright_strokes,
    chosen,
    grey_of,
    grown,
    pieces,
    px,
    widened,
)

_LOGO = 0.09
"""Side of the corner at the left top that a vendor's logo stands in."""


def lift_text(image: Picture, lesion: Region) -> Part | None:
    """Letters that stand in a line; in a coloured scan those in the margin at the left."""
    bright = bright_strokes(grey_of(image), 0.03)
    letters = _glyphs(image, bright, strong=0.4, weak=0.2) & ~_logo(image)
    if not is_grey(image):
        letters[:, px(0.25, image) :] = False
        letters &= np.ptp(image, axis=2) < 0.35
    return _as_mark(image, bright, in_lines(letters))


def lift_side_marker(image: Picture, lesion: Region) -> Part | None:
    """A letter, or a few, in the upper part of a radiograph, with the line around it."""
    bright = bright_strokes(grey_of(image), 0.03)
    letters = _glyphs(image, bright, strong=0.2, weak=0.1, largest=0.12) & ~lesion
    letters[px(0.35, image) :] = False
    middle = px(0.36, image)
    letters[:, middle : image.shape[1] - middle] = False
    return _as_mark(image, bright, _clearest_group(letters, bright))


def lift_calipers(image: Picture, lesion: Region) -> Part | None:
    """Crosses, and the dots and figures near them."""
    bright = bright_strokes(grey_of(image), 0.03)
    glyphs = _glyphs(image, bright, strong=0.35, weak=0.18) & ~_logo(image)
    crosses = widened(_crosses(bright) & glyphs, px(0.015, image)) & glyphs
    if not crosses.any():
        return None
    return _as_mark(image, bright, grown(crosses, glyphs))


def _logo(image: Picture) -> Region:
    logo = np.zeros(image.shape[:2], bool)
    logo[: px(_LOGO, image), : px(_LOGO, image)] = True
    return logo


def _glyphs(image: Picture, bright: Sheet, *, strong: float, weak: float, largest: float = 0.09) -> Region:
    """Bright thin pieces of a letter's size that are nearly as bright as the scan gets."""
    grey = grey_of(image)
    top = float(np.quantile(grey, 0.995))
    numbers, boxes = pieces(grown((bright > strong) & (grey > 0.75 * top), bright > weak))
    most, least = px(largest, image), px(0.012, image)
    sizes = [box_hw(box) for box in boxes]
    return chosen(numbers, [n for n, hw in enumerate(sizes, start=1) if least <= max(hw) <= most])


def in_lines(letters: Region) -> Region:
    """Pieces with a neighbour of like height beside them."""
    numbers, boxes = pieces(letters)
    gap = px(0.035, letters)
    kept = [
        n
        for n, box in enumerate(boxes, start=1)
        if any(_beside(box, other, gap) for m, other in enumerate(boxes, start=1) if m != n)
    ]
    return chosen(numbers, kept)


def _beside(one: tuple[slice, slice], other: tuple[slice, slice], gap_px: int) -> bool:
    (height, _), (other_height, _) = box_hw(one), box_hw(other)
    apart = max(one[1].start - other[1].stop, other[1].start - one[1].stop)
    level = abs(one[0].stop - other[0].stop) <= 2 or abs(one[0].start - other[0].start) <= 2
    return level and -2 <= apart <= gap_px and 0.6 <= height / other_height <= 1.7


def _clearest_group(letters: Region, bright: Sheet) -> Region:
    """The pieces that stand together and are the brightest against what is behind them."""
    groups, boxes = pieces(widened(letters, px(0.012, letters)))
    if not boxes:
        return letters
    numbers: Int[np.ndarray, "height width"] = np.where(letters, groups, 0)
    light = ndimage.sum_labels(bright, numbers, range(1, len(boxes) + 1))
    compact = [max(box_hw(box)) <= px(0.25, letters) for box in boxes]
    return chosen(numbers, [1 + int(np.argmax(light * compact))])


def _crosses(bright: Sheet) -> Region:
    """Middles of crosses: bright along four arms, dark between them; upright or slanted."""
    reach = px(0.012, bright)
    upright = [(0, reach), (0, -reach), (reach, 0), (-reach, 0)]
    slanted = [(y, x) for y in (-reach, reach) for x in (-reach, reach)]
    on_upright, on_slanted = (np.stack([np.roll(bright, step, (0, 1)) for step in steps]) for steps in (upright, slanted))
    plus = (on_upright.min(0) > 0.2) & (on_slanted.max(0) < 0.6 * on_upright.min(0))
    times = (on_slanted.min(0) > 0.2) & (on_upright.max(0) < 0.6 * on_slanted.min(0))
    return widened((plus | times) & (bright > 0.2), 1)


def _as_mark(image: Picture, bright: Sheet, marks: Region) -> Part | None:
    """Marks as opaque strokes: their opacity is how bright they stand out, their colour that of their core."""
    if marks.sum() < 3 * px(0.012, image) ** 2:
        return None
    near = widened(marks, 1)
    peak = ndimage.maximum_filter(np.where(marks, bright, 0), odd := 2 * px(0.008, image) + 1)
    alpha = np.where(near, bright / np.maximum(peak, 0.05), 0).clip(0, 1).astype(np.float32)
    cores = np.stack([ndimage.maximum_filter(np.where(marks, image[..., c], 0), odd) for c in range(3)], axis=-1)
    return alpha, cores.astype(np.float32)
