"""What is lifted out of a scan, and the image arithmetic that all lifters share.

Lengths are shares of the picture's shorter side, as in the simulators.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int
from scipy import ndimage

from causalseg.causal.simulate.simulator import Picture, Region, Sheet, luminance

DARKEST = np.float32(0.02)
"""Added to both sides of a ratio, so that black does not divide."""
RATIOS = (0.02, 4.0)
"""Ratios of a layer are held between these."""


@dataclass(frozen=True, slots=True, eq=False)
class Lifted:
    """An artefact without the scan that it was in."""

    artefact: str
    alpha: Sheet
    """Opacity in [0, 1]."""
    layer: Picture
    """RGB in [0, 1] where the artefact is opaque, else the ratio of the scan to the scan behind the artefact."""
    is_ratio: bool


Part = tuple[Sheet, Picture]
"""Opacity and layer."""


def px(share: float, image: Picture | Sheet | Region) -> int:
    """A share of the shorter side in pixels, at least one."""
    return max(1, round(share * min(image.shape[:2])))


def odd_px(share: float, image: Picture | Sheet | Region) -> int:
    """The same, odd and at least three."""
    return max(3, 2 * (px(share, image) // 2) + 1)


def dark_strokes(grey: Sheet, width: float) -> Sheet:
    """How much darker than their surroundings things are that are thinner than `width`."""
    return ndimage.grey_closing(grey, odd_px(width, grey)) - grey


def bright_strokes(grey: Sheet, width: float) -> Sheet:
    """How much brighter than their surroundings things are that are thinner than `width`."""
    return grey - ndimage.grey_opening(grey, odd_px(width, grey))


def long_parts(strokes: Sheet, length: float, turns: int = 12) -> Sheet:
    """What of the strokes runs straight for `length` in any of `turns` directions; spots and grain vanish."""
    footprints = (_line(odd_px(length, strokes), np.pi * turn / turns) for turn in range(turns))
    return np.max([ndimage.grey_opening(strokes, footprint=line) for line in footprints], axis=0)


def _line(length_px: int, angle: float) -> Bool[np.ndarray, "side side"]:
    half = length_px // 2
    along = np.linspace(-half, half, 4 * length_px)
    line = np.zeros((2 * half + 1, 2 * half + 1), bool)
    line[np.rint(half + along * np.sin(angle)).astype(int), np.rint(half + along * np.cos(angle)).astype(int)] = True
    return line


def grown(seeds: Region, bounds: Region) -> Region:
    """The parts of `bounds` that hold a seed."""
    return ndimage.binary_propagation(seeds & bounds, np.ones((3, 3), bool), mask=bounds)


def widened(region: Region, reach_px: int) -> Region:
    """The region and what is within `reach_px` of it."""
    return ndimage.binary_dilation(region, iterations=reach_px) if region.any() else region.copy()


def feathered(region: Region, soft_px: float | int = 0.7) -> Sheet:
    """A region as opacity with a soft edge."""
    return ndimage.gaussian_filter(region.astype(np.float32), soft_px).astype(np.float32)


def pieces(region: Region) -> tuple[Int[np.ndarray, "height width"], list[tuple[slice, slice]]]:
    """The connected pieces, numbered from 1, and their boxes."""
    numbers = np.zeros(region.shape, np.int32)
    ndimage.label(region, np.ones((3, 3), bool), output=numbers)
    return numbers, ndimage.find_objects(numbers)


def chosen(numbers: Int[np.ndarray, "height width"], wanted: list[int]) -> Region:
    """The pieces of these numbers."""
    return np.isin(numbers, wanted) & (numbers > 0)


def box_hw(box: tuple[slice, slice]) -> tuple[int, int]:
    """Height and width of a piece's box."""
    return box[0].stop - box[0].start, box[1].stop - box[1].start


def at_border(region: Region) -> Region:
    """The pieces that reach the picture's border."""
    rim = np.zeros_like(region)
    rim[[0, -1]], rim[:, [0, -1]] = True, True
    return grown(rim, region)


def behind(image: Picture, holes: Region, reach: float = 0.015) -> Picture:
    """The picture with its holes filled from around them, nearest first."""
    filled, known = image.copy(), ~holes
    missing = holes
    for widen in (1, 2, 4, 8, 16):
        soft_px = px(reach, image) * widen
        weight = ndimage.gaussian_filter(known.astype(np.float32), soft_px)
        near = missing & (weight > 0.1)
        for channel in range(3):
            around = ndimage.gaussian_filter(image[..., channel] * known, soft_px)
            filled[near, channel] = (around[near] / weight[near]).astype(np.float32)
        missing = missing & ~near
    return filled


def ratio_to(image: Picture, background: Picture) -> Picture:
    """Scan over background, held within `RATIOS`."""
    return ((image + DARKEST) / (background + DARKEST)).clip(*RATIOS).astype(np.float32)


def as_ratio(image: Picture, region: Region) -> Part:
    """A region as a multiplicative layer over what is behind it."""
    wide = widened(region, 1)
    return feathered(wide), ratio_to(image, behind(image, widened(wide, 1)))


def grey_of(image: Picture) -> Sheet:
    """Luma, as the simulators take it."""
    return luminance(image)
