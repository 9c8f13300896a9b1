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

_LOGO = 0.05
"""Side of the corner at the left top that a vendor's logo stands in."""


def lift_text(image: Picture, lesion: Region) -> Part | None:
    """Letters in a line, or a large one at the border; in a coloured scan, fainter ones too, at the left."""
    bright = bright_strokes(grey_of(image), 0.03)
    if is_grey(image):
        letters = _upright(_glyphs(image, bright, strong=0.35, weak=0.2, top=0.75), 0.018) & ~_logo(image)
        large = _upright(_glyphs(image, bright, strong=0.5, weak=0.25, largest=0.12), 0.035) & ~_inside(image)
        return _as_mark(image, bright, in_lines(letters, least=2) | large)
    letters = _upright(_glyphs(image, bright, strong=0.22, weak=0.1, top=0.4), 0.008)
    letters[:, px(0.25, image) :] = False
    letters &= np.ptp(image, axis=2) < 0.4
    return _as_mark(image, bright, in_lines(letters, least=2))


def _inside(image: Picture) -> Region:
    """All but the eighth next to each border, where no single letter stands."""
    inside = np.zeros(image.shape[:2], bool)
    reach = px(0.125, image)
    inside[reach:-reach, reach:-reach] = True
    return inside


def _upright(glyphs: Region, least: float) -> Region:
    """Pieces at least so high, and not much wider: letters, not layers of tissue."""
    numbers, boxes = pieces(glyphs)
    sizes = [box_hw(box) for box in boxes]
    least_px = px(least, glyphs)
    return chosen(numbers, [n for n, (high, wide) in enumerate(sizes, start=1) if high >= max(least_px, 0.5 * wide)])


def lift_side_marker(image: Picture, lesion: Region) -> Part | None:
    """A letter, or a few, in the upper part of a radiograph, with the line around it."""
    bright = bright_strokes(grey_of(image), 0.03)
    letters = _glyphs(image, bright, strong=0.2, weak=0.1, largest=0.12) & ~lesion
    letters &= ~_rim(image)
    letters[px(0.4, image) :] = False
    middle = px(0.36, image)
    letters[:, middle : image.shape[1] - middle] = False
    return _as_mark(image, bright, _clearest_group(letters, bright))


def lift_calipers(image: Picture, lesion: Region) -> Part | None:
    """Crosses, and the dots and figures near them."""
    bright = bright_strokes(grey_of(image), 0.03)
    glyphs = _glyphs(image, bright, strong=0.35, weak=0.18) & ~_logo(image)
    glyphs &= ~in_lines(_upright(glyphs, 0.018), least=3)
    return _as_mark(image, bright, grown(_crosses(bright), glyphs))


def _logo(image: Picture) -> Region:
    logo = np.zeros(image.shape[:2], bool)
    logo[: px(_LOGO, image), : px(_LOGO, image)] = True
    return logo


def _glyphs(
    image: Picture, bright: Sheet, *, strong: float, weak: float, top: float = 0.75, largest: float = 0.09
) -> Region:
    """Bright thin pieces of a letter's size, somewhere brighter than `top` of the scan's brightest."""
    grey = grey_of(image)
    brightest = float(np.quantile(grey, 0.995))
    numbers, boxes = pieces(grown((bright > strong) & (grey > top * brightest), bright > weak))
    most, least = px(largest, image), px(0.012, image)
    sizes = [box_hw(box) for box in boxes]
    return chosen(numbers, [n for n, hw in enumerate(sizes, start=1) if least <= max(hw) <= most])


def in_lines(letters: Region, least: int) -> Region:
    """Pieces of like height that stand in a line of at least so many."""
    numbers, boxes = pieces(letters)
    gap_px = px(0.035, letters)
    line_of = list(range(len(boxes)))
    for m, box in enumerate(boxes):
        for n in range(m):
            if line_of[m] != line_of[n] and _beside(box, boxes[n], gap_px):
                line_of = [line_of[n] if line == line_of[m] else line for line in line_of]
    return chosen(numbers, [n for n, line in enumerate(line_of, start=1) if line_of.count(line) >= least])


def _beside(one: tuple[slice, slice], other: tuple[slice, slice], gap_px: int) -> bool:
    (height, _), (other_height, _) = box_hw(one), box_hw(other)
    apart = max(one[1].start - other[1].stop, other[1].start - one[1].stop)
    level = abs(one[0].stop - other[0].stop) <= 2 or abs(one[0].start - other[0].start) <= 2
    return level and -2 <= apart <= gap_px and 0.6 <= height / other_height <= 1.7


def _rim(image: Picture) -> Region:
    """The outermost pixels, where a frame's edge looks like a stroke."""
    rim = np.ones(image.shape[:2], bool)
    reach = px(0.008, image)
    rim[reach:-reach, reach:-reach] = False
    return rim


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
    on_upright, on_slanted = (
        np.stack([np.roll(bright, step, (0, 1)) for step in steps]) for steps in (upright, slanted)
    )
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
