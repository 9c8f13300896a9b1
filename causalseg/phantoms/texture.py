"""What the made-up pictures share: noise, lobed shapes, shading, lines and letters, all in units of the side."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import fourier_gaussian, map_coordinates

Field = Float[np.ndarray, "side side"]
Colours = Float[np.ndarray, "side side 3"]
"""RGB in [0, 1]."""
Drawn = tuple[UInt8[np.ndarray, "side side 3"], Bool[np.ndarray, "side side"]]
"""A picture, and the mask of what it shows."""
_EVERYWHERE = (slice(None), slice(None))
_BRUSH_REACH = 3.0
"""A line's pixels are computed out to so many of its widths."""


@dataclass(frozen=True, slots=True)
class Plane:
    """A square of `side_px` pixels with coordinates from 0 to 1."""

    side_px: int

    @property
    def x(self) -> Field:
        """Of each pixel's centre, growing to the right."""
        line = (np.arange(self.side_px) + 0.5) / self.side_px
        return np.broadcast_to(line, (self.side_px, self.side_px))

    @property
    def y(self) -> Field:
        """Of each pixel's centre, growing downwards."""
        return self.x.T

    def noise(self, rng: np.random.Generator, scale_y: float, scale_x: float | None = None) -> Field:
        """Smooth noise of mean 0 and deviation 1, whose grains have that size in units of the side."""
        sigma_px = self.side_px * np.array([scale_y, scale_y if scale_x is None else scale_x])
        spectrum = np.fft.rfft2(rng.standard_normal((self.side_px, self.side_px)))
        field = np.fft.irfft2(fourier_gaussian(spectrum, sigma_px, n=self.side_px), s=(self.side_px, self.side_px))
        return (field - field.mean()) / field.std()

    def fractal(self, rng: np.random.Generator, scale: float, *, octaves: int = 4) -> Field:
        """A sum of ever finer noise, deviation about 1."""
        layers = [0.5**octave * self.noise(rng, scale / 2**octave) for octave in range(octaves)]
        return sum(layers) / np.sqrt(sum(0.25**octave for octave in range(octaves)))

    def ridges(self, rng: np.random.Generator, scale_y: float, scale_x: float | None = None) -> Field:
        """Winding crests in [0, 1]: 1 on the line where a noise changes its sign."""
        return np.exp(-3 * np.abs(self.noise(rng, scale_y, scale_x)))

    def warp(self, field: Field, shift_y: Field, shift_x: Field) -> Field:
        """`field` pulled along by shifts in units of the side."""
        rows, columns = np.indices(field.shape, dtype=np.float64)
        where = [rows + shift_y * self.side_px, columns + shift_x * self.side_px]
        return map_coordinates(field, where, order=1, mode="reflect")

    def ellipse(
        self,
        center_xy: tuple[float, float],
        radii: tuple[float, float],
        angle: float = 0.0,
        where: tuple[slice, slice] = _EVERYWHERE,
    ) -> Float[np.ndarray, "rows columns"]:
        """Distance from the centre in units of the ellipse's own radius: below 1 is inside.

        Args:
            center_xy: in [0, 1].
            radii: along and across `angle`, in units of the side.
            angle: in radians, clockwise on the screen.
            where: the rows and columns to compute.
        """
        return np.hypot(*self._along_and_across(center_xy, radii, angle, where))

    def blob(
        self,
        rng: np.random.Generator,
        center_xy: tuple[float, float],
        radii: tuple[float, float],
        *,
        angle: float = 0.0,
        lobes: float = 0.1,
    ) -> Field:
        """As `ellipse`, with an outline that leaves the ellipse by about `lobes`, as chance has it."""
        along, across = self._along_and_across(center_xy, radii, angle, _EVERYWHERE)
        turn = np.arctan2(across, along)
        outline = 1.0 + lobes * sum(
            rng.normal() / order * np.cos(order * turn + rng.uniform(0, 2 * np.pi)) for order in range(2, 9)
        )
        return np.hypot(along, across) / outline

    def _along_and_across(
        self, center_xy: tuple[float, float], radii: tuple[float, float], angle: float, where: tuple[slice, slice]
    ) -> tuple[Float[np.ndarray, "rows columns"], Float[np.ndarray, "rows columns"]]:
        dx, dy = self.x[where] - center_xy[0], self.y[where] - center_xy[1]
        along = (dx * np.cos(angle) + dy * np.sin(angle)) / radii[0]
        return along, (dy * np.cos(angle) - dx * np.sin(angle)) / radii[1]

    def around(self, center_xy: tuple[float, float], reach: float) -> tuple[slice, slice]:
        """Rows and columns of a small square around a point, `reach` and two pixels to each side."""
        reach_px = int(np.ceil(reach * self.side_px)) + 2
        column, row = (int(position * self.side_px) for position in center_xy)
        rows, columns = (slice(max(0, middle - reach_px), max(0, middle + reach_px)) for middle in (row, column))
        return rows, columns

    def stroke(self, points_xy: Float[np.ndarray, "points 2"], width: float) -> Field:
        """Coverage in [0, 1] of a soft-edged line through the points, `width` in units of the side."""
        nearest = np.full((self.side_px, self.side_px), np.inf)
        for x, y in points_xy:
            around = self.around((x, y), _BRUSH_REACH * width)
            away = np.hypot(self.x[around] - x, self.y[around] - y)
            nearest[around] = np.minimum(nearest[around], away)
        return step((0.5 * width - nearest) * self.side_px, 1.0)


def over(below: Colours, above: Colours | Float[np.ndarray, " 3"], share: Field) -> Colours:
    """A colour, or a picture, laid over a picture with the opacity `share`."""
    return below * (1 - share[..., None]) + above * share[..., None]


def posterise(colour: Colours, levels: int) -> UInt8[np.ndarray, "side side 3"]:
    """8 bits with few steps in each colour, so that the example files stay small."""
    return (np.rint(levels * np.clip(colour, 0, 1)) * (255 // levels)).astype(np.uint8)


def step(field: Field, softness: float) -> Field:
    """From 0 below to 1 above zero, over about twice `softness`."""
    return 0.5 + 0.5 * np.tanh(np.clip(field, -1e3, 1e3) / softness)


def bezier(points_xy: Float[np.ndarray, "3 2"], count: int) -> Float[np.ndarray, "count 2"]:
    """Points on the quadratic curve of three control points."""
    t = np.linspace(0, 1, count)[:, None]
    return (1 - t) ** 2 * points_xy[0] + 2 * t * (1 - t) * points_xy[1] + t**2 * points_xy[2]


def letters(text: str) -> Bool[np.ndarray, "7 width"]:
    """A line of text in dots, 5 x 7 a letter with a column between; unknown letters are blanks."""
    columns = [np.pad(_GLYPHS.get(letter, _BLANK), ((0, 0), (0, 1))) for letter in text]
    return np.concatenate(columns, axis=1)


def _glyph(rows: str) -> Bool[np.ndarray, "7 5"]:
    return np.array([[dot == "#" for dot in row] for row in rows.split()])


_BLANK = np.zeros((7, 5), dtype=bool)
_GLYPHS = {
    "0": _glyph(".###. #...# #...# #...# #...# #...# .###."),
    "1": _glyph("..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###."),
    "2": _glyph(".###. #...# ....# ..##. .#... #.... #####"),
    "3": _glyph("####. ....# ....# .###. ....# ....# ####."),
    "4": _glyph("#...# #...# #...# ##### ....# ....# ....#"),
    "5": _glyph("##### #.... ####. ....# ....# #...# .###."),
    "6": _glyph(".###. #.... #.... ####. #...# #...# .###."),
    "7": _glyph("##### ....# ...#. ..#.. ..#.. ..#.. ..#.."),
    "8": _glyph(".###. #...# #...# .###. #...# #...# .###."),
    "9": _glyph(".###. #...# #...# .#### ....# ....# .###."),
    "D": _glyph("####. #...# #...# #...# #...# #...# ####."),
    "L": _glyph("#.... #.... #.... #.... #.... #.... #####"),
    "T": _glyph("##### ..#.. ..#.. ..#.. ..#.. ..#.. ..#.."),
    "m": _glyph("..... ..... ##.#. #.#.# #.#.# #.#.# #.#.#"),
    ".": _glyph("..... ..... ..... ..... ..... .##.. .##.."),
}
