"""Lifters of spots and areas: gel bubbles, patches, dark corners, highlights, burnt pieces and the position box."""

import numpy as np
from scipy import ndimage

from causalseg.causal.simulate.simulator import Picture, Region
from training.data.transplants.lifted import (
    DARKEST,
    Part,
    at_border,
    box_hw,
    bright_strokes,
    chosen,
    dark_strokes,
    feathered,
    grey_of,
    grown,
    long_parts,
    odd_px,
    pieces,
    px,
    ratio_to,
    widened,
)


def lift_gel_bubbles(image: Picture, lesion: Region) -> Part | None:
    """Small glints and the rims around them, over the smoothed scan; hair is not among them."""
    grey = grey_of(image)
    bright, dark = bright_strokes(grey, 0.03), dark_strokes(grey, 0.035)
    hair = widened(np.maximum(long_parts(dark, 0.06), long_parts(bright, 0.06)) > 0.05, 2)
    numbers, boxes = pieces(grown(bright > 0.13, bright > 0.06) & ~hair)
    small = [n for n, box in enumerate(boxes, start=1) if 2 <= max(box_hw(box)) <= px(0.1, image)]
    bubbles = widened(chosen(numbers, small), px(0.012, image)) & ~widened(lesion, px(0.012, image))
    if not 0.0004 < bubbles.mean() < 0.15:
        return None
    smooth = np.stack([ndimage.median_filter(image[..., c], odd_px(0.07, image)) for c in range(3)], axis=-1)
    return feathered(bubbles, 1.0), ratio_to(image, smooth)


def lift_patches(image: Picture, lesion: Region) -> Part | None:
    """Flat pieces at the border whose colour is not the skin's."""
    barred = widened(lesion, px(0.02, image))
    tint = np.log((image[..., [0, 2]] + 2 * DARKEST) / (image[..., 1:2] + 2 * DARKEST))
    tint = np.stack([ndimage.gaussian_filter(tint[..., c], 1) for c in range(2)], axis=-1)
    middle = ~barred & (np.hypot(*_from_middle(image)) < 0.8)
    if not middle.any():
        return None
    foreign = np.abs(tint - np.median(tint[middle], axis=0)).max(2)
    spread = float(np.quantile(foreign[middle], 0.7))
    lit = grey_of(image) > 0.15
    bounds = (foreign > max(0.16, 1.5 * spread)) & lit & ~barred
    bounds = ndimage.binary_opening(bounds, iterations=px(0.012, image))
    patch = ndimage.binary_fill_holes(at_border(grown(bounds & (foreign > max(0.28, 2.5 * spread)), bounds))) & ~barred
    numbers, _ = pieces(patch)
    areas = np.bincount(numbers.ravel(), minlength=2)
    patch = chosen(numbers, [n for n in range(1, len(areas)) if 0.008 < areas[n] / patch.size < 0.35])
    return (feathered(patch), image.copy()) if patch.any() else None


def _from_middle(image: Picture) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns from -1 to 1."""
    height, width = image.shape[:2]
    rows, columns = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    return rows, columns


def lift_dark_corner(image: Picture, lesion: Region) -> Part | None:
    """Where the scan gets dark towards its border: a profile of light without the skin's pattern."""
    barred = widened(lesion, px(0.03, image))
    middle = ~barred & (np.hypot(*_from_middle(image)) < 0.75)
    if middle.mean() < 0.02:
        return None
    size = odd_px(0.035, image)
    grey = ndimage.median_filter(grey_of(image), size)
    light = np.minimum(grey / max(float(np.median(grey[middle])), 0.05), 1).astype(np.float32)
    dark = at_border(light < 0.9) & ~barred & (np.hypot(*_from_middle(image)) > 0.8)
    if (dark & (light < 0.65)).mean() < 0.004:
        return None
    alpha = feathered(dark, px(0.008, image)) * ~barred
    return alpha, np.repeat(light[..., None], 3, axis=2)


def lift_highlights(image: Picture, lesion: Region) -> Part | None:
    """White spots in the view with their glow; letters in the margin at the left are not among them."""
    low, top = image.min(2), image.max(2)
    bright = bright_strokes(low, 0.09)
    spots = grown((low > 0.8) & (bright > 0.25), (bright > 0.12) & (top > 0.6))
    spots &= ~widened(lesion, 2) & ~_margin(image)
    numbers, boxes = pieces(spots)
    spots = chosen(numbers, [n for n, box in enumerate(boxes, start=1) if max(box_hw(box)) <= px(0.12, image)])
    if spots.sum() < px(0.02, image) ** 2:
        return None
    alpha = np.where(widened(spots, 1) & ~_margin(image), (bright - 0.05) / 0.35, 0).clip(0, 1).astype(np.float32)
    return alpha, image.copy()


def _margin(image: Picture) -> Region:
    """The left fifth, and what is black and at the border, with its edge."""
    margin = widened(at_border(ndimage.median_filter(image.max(2), 3) < 0.12), px(0.02, image))
    margin[:, : px(0.22, image)] = True
    return margin


def lift_over_exposure(image: Picture, lesion: Region) -> Part | None:
    """Pieces burnt to white, each larger than a highlight, with the light around them."""
    light = ndimage.gaussian_filter(image.mean(2), 1)
    burnt = ndimage.binary_opening(light > 0.9, iterations=px(0.015, image))
    numbers, _ = pieces(burnt)
    areas = np.bincount(numbers.ravel(), minlength=2)
    burnt = chosen(numbers, [n for n in range(1, len(areas)) if areas[n] > 0.006 * light.size])
    burnt &= ~widened(lesion, px(0.04, image))
    if burnt.mean() < 0.006:
        return None
    reach = ndimage.gaussian_filter(widened(burnt, px(0.03, image)).astype(np.float32), px(0.015, image))
    alpha = (reach * ((light - 0.6) / 0.3).clip(0, 1)).astype(np.float32)
    return alpha * ~widened(lesion, px(0.01, image)), image.copy()


_BOX_SIDES = (0.15, 0.55)
"""Shortest and longest side of a position box."""


def lift_position_box(image: Picture, lesion: Region) -> Part | None:
    """The rectangle in the left bottom corner that shows where the endoscope is, black or green."""
    red, green, blue = (image[..., channel] for channel in range(3))
    drawn = (image.max(2) < 0.12) | ((green > 1.4 * red) & (green > 1.15 * blue))
    hw = _corner_rectangle(drawn)
    if hw is None:
        return None
    box = np.zeros(drawn.shape, bool)
    box[drawn.shape[0] - hw[0] :, : hw[1]] = True
    if (box & lesion).any():
        return None
    return box.astype(np.float32), image.copy()


def _corner_rectangle(drawn: Region) -> tuple[int, int] | None:
    """Height and width of the largest filled rectangle in the left bottom corner that ends in straight edges."""
    height, width = drawn.shape
    filled = np.flip(drawn, 0).cumsum(0).cumsum(1)
    best: tuple[int, int, int] | None = None
    for tall in range(round(_BOX_SIDES[0] * height), round(_BOX_SIDES[1] * height)):
        wides = np.arange(round(_BOX_SIDES[0] * width), round(_BOX_SIDES[1] * width))
        full = wides[filled[tall - 1, wides - 1] >= 0.97 * tall * wides]
        if len(full) and (best is None or tall * full[-1] > best[0]):
            best = (tall * int(full[-1]), tall, int(full[-1]))
    if best is None:
        return None
    _, tall, wide = best
    above = drawn[max(0, height - tall - 4) : height - tall - 1, wide // 2 : wide - 2]
    beside = drawn[height - tall + 2 : height - tall // 2, wide + 1 : wide + 4]
    return (tall, wide) if above.mean() < 0.4 and beside.mean() < 0.4 else None
