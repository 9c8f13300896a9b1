"""Lifters of strokes on skin and of lines on radiographs: hair, ruler, ink, wires."""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

from causalseg.causal.simulate.simulator import Picture, Region, Sheet
from training.data.transplants.lifted import (
    DARKEST,
    Part,
    as_ratio,
    box_hw,
    bright_strokes,
    chosen,
    dark_strokes,
    grey_of,
    grown,
    long_parts,
    pieces,
    px,
    widened,
)

_LEAST_SHARE = 0.0015
"""Of the picture that strokes must cover to be worth lifting."""


def lift_hair(image: Picture, lesion: Region) -> Part | None:
    """Long thin strokes, dark or bright, without a ruler's."""
    grey = grey_of(image)
    dark = dark_strokes(grey, 0.035)
    barred = widened(lesion, px(0.012, image)) | _ruler_band(dark)
    strands = _strands(dark, 0.07, 0.035) | _strands(bright_strokes(grey, 0.03), 0.16, 0.09)
    strands &= ~barred & ~_rim(image, 0.012)
    return as_ratio(image, strands) if strands.mean() > _LEAST_SHARE else None


def lift_wires(image: Picture, lesion: Region) -> Part | None:
    """Thin bright lines across a radiograph: leads and tubes."""
    bright = bright_strokes(grey_of(image), 0.018)
    lines = _strands(bright, 0.07, 0.04, longest=0.09) & ~lesion
    lines &= ~_rim(image, 0.03)
    return as_ratio(image, lines) if lines.mean() > _LEAST_SHARE else None


def _rim(image: Picture, width: float) -> Region:
    rim = np.ones(image.shape[:2], bool)
    reach = px(width, image)
    rim[reach:-reach, reach:-reach] = False
    return rim


def _strands(strokes: Sheet, strong: float, weak: float, longest: float = 0.06) -> Region:
    """Strokes that are clear somewhere, with their fainter ends, as far as they are long."""
    seeds, bounds = long_parts(strokes, longest) > strong, long_parts(strokes, longest / 2) > weak
    numbers, boxes = pieces(grown(seeds, bounds))
    least_px = px(1.5 * longest, strokes)
    return chosen(numbers, [n for n, box in enumerate(boxes, start=1) if max(box_hw(box)) >= least_px])


def lift_ruler(image: Picture, lesion: Region) -> Part | None:
    """A straight scale: its baseline, its regular ticks and the letters beside it."""
    dark = dark_strokes(grey_of(image), 0.035)
    whole = _ruler_band(dark) & (dark > 0.045)
    print_ = whole & ~widened(lesion, px(0.012, image))
    if print_.mean() < _LEAST_SHARE or print_.sum() < _LEAST_LEFT * whole.sum():
        return None
    return as_ratio(image, print_)


_LEAST_LEFT = 0.85
"""Of a ruler that must lie beside the lesion."""
_TILTS = np.deg2rad(range(180))
_LINES_TRIED = 6


def _ruler_band(dark: Sheet) -> Region:
    """The strip around the straightest long line, if ticks stand on it at equal distances; else nothing."""
    nothing = np.zeros(dark.shape, bool)
    marked = dark > 0.05
    y, x = np.nonzero(marked)
    if len(y) < px(0.3, dark):
        return nothing
    for angle, offset in _straightest(x, y):
        along, across = _turned(x, y, angle)
        on_line = np.abs(across - offset) <= 1
        run = _longest_run(np.unique(np.rint(along[on_line]).astype(int)), px(0.03, dark))
        if run and run[1] - run[0] >= px(0.3, dark):
            beside = (along[_between(side * (across - offset), 2, px(0.03, dark))] for side in (-1, 1))
            if any(_is_regular(places, run, dark) for places in beside):
                return _band(dark, angle, offset, run)
    return nothing


def _band(dark: Sheet, angle: float, offset: float, run: tuple[int, int]) -> Region:
    rows, columns = np.mgrid[: dark.shape[0], : dark.shape[1]]
    along, across = _turned(columns, rows, angle)
    more = px(0.03, dark)
    return _between(along, run[0] - more, run[1] + more) & (np.abs(across - offset) <= 2 * more)


def _between(values: Float[np.ndarray, "..."], low: float | int, high: float | int) -> Bool[np.ndarray, "..."]:
    return (values >= low) & (values <= high)


def _turned(
    x: Int[np.ndarray, "..."], y: Int[np.ndarray, "..."], angle: float
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Places along and across a direction."""
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def _straightest(x: Int[np.ndarray, " point"], y: Int[np.ndarray, " point"]) -> list[tuple[float, float]]:
    """The lines (angle, offset) that most points lie on, one a direction, the fullest first."""
    lines: list[tuple[int, float, float]] = []
    for angle in _TILTS:
        across = np.rint(_turned(x, y, angle)[1]).astype(int)
        counts = np.bincount(across - across.min())
        lines.append((int(counts.max()), float(angle), float(counts.argmax() + across.min())))
    return [(angle, offset) for _, angle, offset in sorted(lines, reverse=True)[:_LINES_TRIED]]


def _longest_run(places: Int[np.ndarray, " place"], gap_px: int) -> tuple[int, int] | None:
    """First and last of the longest stretch without a larger gap, four of five places taken."""
    stretches = np.split(places, np.flatnonzero(np.diff(places) > gap_px) + 1)
    longest = max(stretches, key=len)
    if not len(longest) or len(longest) < 0.8 * (longest[-1] - longest[0] + 1):
        return None
    return int(longest[0]), int(longest[-1])


_LEAST_REGULARITY = 0.3


def _is_regular(along: Float[np.ndarray, " point"], run: tuple[int, int], dark: Sheet) -> bool:
    """Whether the points repeat along the run."""
    profile = np.histogram(along, bins=run[1] - run[0], range=run)[0].astype(float).clip(0, 3)
    profile -= profile.mean()
    power = float((profile**2).sum())
    lags = range(px(0.012, dark) + 1, px(0.12, dark))
    repeats = [float((profile[lag:] * profile[:-lag]).sum()) / max(power, 1e-9) for lag in lags]
    return max(repeats) > _LEAST_REGULARITY


def lift_ink(image: Picture, lesion: Region) -> Part | None:
    """Strokes of a violet or blue pen, by how much bluer than the skin they are; green ink is left."""
    barred = widened(lesion, px(0.03, image))
    blueness = np.log((image[..., 2] + 2 * DARKEST) / (image[..., 1] + 2 * DARKEST))
    blueness = ndimage.gaussian_filter(blueness, 1.0) - np.median(blueness[~barred] if not barred.all() else blueness)
    grey = grey_of(image)
    skin = np.median(grey[~barred] if not barred.all() else grey)
    seen = (grey > 0.05) & (grey < skin)
    ink = grown((blueness > 0.18) & seen, (blueness > 0.08) & seen) & ~barred
    numbers, boxes = pieces(ink)
    large = [n for n, box in enumerate(boxes, start=1) if max(box_hw(box)) >= px(0.04, image)]
    ink = chosen(numbers, large)
    return as_ratio(image, ink) if ink.mean() > _LEAST_SHARE else None
