"""A transparent sheet to draw marks on, in units of the picture, anti-aliased."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from causalseg.causal.simulate.simulator import Changed, Picture, Region, Sheet

SUPERSAMPLE_BELOW_PX = 1024
SMALLEST_FONT_PX = 5
FAINTEST_ALPHA = 0.02
"""Opacity under which a soft edge ends."""

PointXY = Sequence[float]
"""x and y as shares of the width and the height."""
Mark = TypeVar("Mark")


class Stroke(NamedTuple):
    """A hair, a lead or a line of ink: a quadratic Bezier curve from its first point to its last."""

    points: tuple[PointXY, PointXY, PointXY]
    width: float


class Canvas:
    """Opacity in [0, 1] per pixel; places are shares of width and height, lengths shares of the shorter side.

    `fine` draws at twice the size, for smooth edges; letters are smooth without it.
    """

    def __init__(self, height_px: int, width_px: int, *, fine: bool = True) -> None:
        """An empty sheet."""
        self._scale = 2 if fine and min(height_px, width_px) < SUPERSAMPLE_BELOW_PX else 1
        self._wh = np.array([width_px, height_px]) * self._scale
        self._side = int(self._wh.min())
        self._sheet = Image.new("L", (int(self._wh[0]), int(self._wh[1])))
        self._draw = ImageDraw.Draw(self._sheet)

    def line(self, points: Sequence[PointXY], width: float, ink: float = 1.0) -> None:
        """A line through `points`; one that is thinner than a pixel is a pixel wide and fainter."""
        faint = min(1.0, width * self._side)
        self._draw.line([self._xy(point) for point in points], fill=_fill(ink * faint), width=self._thick(width))

    def tapering(self, points: Sequence[PointXY], width: float, ink: float = 1.0) -> None:
        """A line that starts at `width` and ends at a third of it."""
        steps = len(points) - 1
        for step in range(steps):
            self.line(points[step : step + 2], width * (1 - 0.67 * step / steps), ink)

    def polygon(self, points: Sequence[PointXY], ink: float = 1.0) -> None:
        """A filled polygon."""
        self._draw.polygon([self._xy(point) for point in points], fill=_fill(ink))

    def disc(self, centre: PointXY, radius: float, ink: float = 1.0) -> None:
        """A filled circle."""
        self._draw.ellipse(self._box(centre, radius), fill=_fill(ink))

    def ring(self, centre: PointXY, radius: float, width: float, ink: float = 1.0) -> None:
        """A circle's outline."""
        self._draw.ellipse(self._box(centre, radius), outline=_fill(ink), width=self._thick(width))

    def rectangle(self, corner: PointXY, opposite: PointXY, ink: float = 1.0) -> None:
        """A filled rectangle between two corners, left top and right bottom."""
        self._draw.rectangle([self._xy(corner), self._xy(opposite)], fill=_fill(ink))

    def text(self, corner: PointXY, words: str, size: float, ink: float = 1.0, anchor: str = "lt") -> None:
        """Words with their `anchor` (Pillow's: left top) at `corner`; `size` is the letters' height."""
        font = _font(max(SMALLEST_FONT_PX, round(size * self._side)))
        self._draw.text(self._xy(corner), words, fill=_fill(ink), font=font, anchor=anchor)

    def alpha(self, soft: float = 0.0) -> Sheet:
        """What was drawn as opacity, its edges softened over `soft`."""
        sheet = self._sheet.reduce(self._scale) if self._scale > 1 else self._sheet
        if soft:
            sheet = sheet.filter(ImageFilter.GaussianBlur(soft * min(sheet.size)))
        return np.asarray(sheet, np.float32) / np.float32(255)

    def _xy(self, point: PointXY) -> tuple[float, float]:
        return float(point[0] * self._wh[0]), float(point[1] * self._wh[1])

    def _thick(self, width: float) -> int:
        return max(1, round(width * self._side))

    def _box(self, centre: PointXY, radius: float) -> list[float]:
        (x, y), reach = self._xy(centre), max(radius * self._side, 0.5)
        return [x - reach, y - reach, x + reach, y + reach]


def paint(image: Picture, alpha: Sheet, colour: Sequence[float] | Picture) -> Changed:
    """Lay `colour` over the picture; where `alpha` is nothing, the picture is exactly as it was."""
    region = alpha > FAINTEST_ALPHA
    box = _bounding_box(region)
    painted, cover = image.copy(), np.where(region[box], alpha[box], 0)[..., None]
    colours = np.asarray(colour, np.float32)
    painted[box] += cover * ((colours[box] if colours.ndim == 3 else colours) - image[box])
    return painted, region


def relight(image: Picture, lit: Sheet, shade: Sheet) -> Changed:
    """Darken by the share `shade`, then brighten by the share `lit` of what is missing to white; colours stay."""
    region = np.maximum(lit, shade) > FAINTEST_ALPHA
    darker = image * (1 - np.where(region, shade, 0))[..., None]
    return darker + np.where(region, lit, 0)[..., None] * (1 - darker), region


def offsets_xy(height_px: int, width_px: int, centre: PointXY) -> tuple[Sheet, Sheet]:
    """Way right and down from `centre` to the middle of every pixel, as shares of the shorter side."""
    side_px = min(height_px, width_px)
    x = (np.arange(width_px, dtype=np.float32) + np.float32(0.5 - centre[0] * width_px)) / np.float32(side_px)
    y = (np.arange(height_px, dtype=np.float32) + np.float32(0.5 - centre[1] * height_px)) / np.float32(side_px)
    across, down = np.meshgrid(x, y)
    return across, down


def _bounding_box(region: Region) -> tuple[slice, slice]:
    rows, columns = (np.flatnonzero(region.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def arrival(strength: float, index: int, count: int) -> float:
    """Opacity in [0, 1] of the mark `index` of `count`, when they come one after the other as strength grows."""
    return min(1.0, max(0.0, strength * count - index))


def arriving(marks: Sequence[Mark], strength: float) -> Iterator[tuple[Mark, float]]:
    """The marks that have come at `strength` and the opacity of each, the last one first."""
    for index in reversed(range(len(marks))):
        if ink := arrival(strength, index, len(marks)):
            yield marks[index], ink


def curve(start: PointXY, middle: PointXY, end: PointXY, steps: int = 14) -> list[PointXY]:
    """Points of the quadratic Bezier curve from `start` to `end`, drawn towards `middle`."""
    t = np.linspace(0, 1, steps)[:, None]
    points = (1 - t) ** 2 * np.array(start) + 2 * t * (1 - t) * np.array(middle) + t**2 * np.array(end)
    return [(float(x), float(y)) for x, y in points]


def draw_point(rng: np.random.Generator, low: float = 0.0, high: float = 1.0) -> PointXY:
    """A point drawn uniformly from a square."""
    return rng.uniform(low, high), rng.uniform(low, high)


def _fill(ink: float) -> int:
    return round(255 * ink)


@lru_cache(maxsize=64)
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)
