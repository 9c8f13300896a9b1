"""A colonoscopy frame of nobody's colon: folds around a lumen, vessels, one polyp, and light that glares off it."""

import numpy as np
from scipy.ndimage import gaussian_filter

from causalseg.phantoms.texture import Colours, Drawn, Field, Plane, over, posterise, step

_MUCOSA = np.array([0.9, 0.52, 0.46])
_VESSEL = np.array([0.62, 0.2, 0.2])
_POLYP = np.array([0.88, 0.42, 0.38])
"""Colours of light that comes back, RGB in [0, 1]."""
_LIGHT = np.array([0.35, -0.5, 0.79])
"""Towards the lamp beside the lens: to the right, up, out of the picture."""
_LEVELS = 85
"""Steps of each colour; fewer than 255, so that the example files stay small."""
_CORNER = 1.62
"""|x - 1/2| + |y - 1/2|, doubled, beyond which the frame is black."""


def draw(rng: np.random.Generator, side_px: int) -> Drawn:
    """The picture and the mask of its polyp."""
    plane = Plane(side_px)
    lumen = (rng.uniform(0.62, 0.72), rng.uniform(0.26, 0.36))
    center = (rng.uniform(0.34, 0.44), rng.uniform(0.56, 0.66))
    radii = (rng.uniform(0.15, 0.19), rng.uniform(0.12, 0.15))
    polyp = plane.blob(rng, center, radii, angle=rng.uniform(-0.8, 0.8), lobes=0.06)
    light = _tube(rng, plane, lumen)
    colour = _mucosa(rng, plane) * (light * _shadow(plane, polyp))[..., None]
    colour, bump_glare = _with_polyp(rng, plane, colour, polyp)
    glare = _glare(rng, plane, light) * step(polyp - 1.15, 0.05) + bump_glare
    colour = _shine(colour, glare, side_px)
    frame = step(_CORNER - 2 * np.abs(plane.x - 0.5) - 2 * np.abs(plane.y - 0.5), 2 / side_px)
    return posterise(np.clip(colour, 0, 1) * frame[..., None], _LEVELS), (polyp < 1) & (frame > 0.5)


def _tube(rng: np.random.Generator, plane: Plane, lumen: tuple[float, float]) -> Field:
    """Light in [0, 1] on the wall of a tube that leads to `lumen`, with folds around it."""
    dx, dy = plane.x - lumen[0], plane.y - lumen[1]
    away = np.hypot(dx, 1.15 * dy) * (1 + 0.08 * plane.noise(rng, 0.1) + 0.1 * np.cos(3 * np.arctan2(dy, dx)))
    ring = 2.1 * np.log(away + 0.05) + 0.06 * plane.noise(rng, 0.12)
    phase = ring - np.floor(ring)
    fold = phase**1.5 * step(1 - phase - 0.06, 0.06)
    deep = 1 - np.exp(-((away / 0.17) ** 1.6))
    near = 1.12 - 0.45 * np.clip(away - 0.45, 0, None) ** 1.5
    return np.clip(deep * near * (0.62 + 0.42 * fold) * (1 + 0.05 * plane.noise(rng, 0.05)), 0.02, 1.05)


def _mucosa(rng: np.random.Generator, plane: Plane) -> Colours:
    """Colour of the wall: blotches of red, and vessels that branch."""
    red = np.clip(0.5 + 0.22 * plane.fractal(rng, 0.1), 0, 1)[..., None]
    colour = _MUCOSA * (1 - 0.25 * red * np.array([0.1, 0.9, 0.8]))
    trunks = plane.ridges(rng, 0.07) ** 14 + 0.6 * plane.ridges(rng, 0.035) ** 12
    seen = np.clip(0.5 + 0.5 * plane.noise(rng, 0.12), 0, 1)
    return over(colour, _VESSEL, np.clip(0.6 * trunks * seen, 0, 0.5))


def _shadow(plane: Plane, polyp: Field) -> Field:
    """What the polyp takes from the wall around its foot, more on the side away from the lamp."""
    foot = np.exp(-(np.clip(polyp - 1, 0, None) / 0.16)) * step(polyp - 1, 0.02)
    row, column = (np.gradient(gaussian_filter(polyp, plane.side_px / 100), axis=axis) for axis in (0, 1))
    steepness = np.hypot(row, column) + 1e-9
    turned_away = -(row * _LIGHT[1] + column * _LIGHT[0]) / steepness
    return 1 - foot * (0.3 + 0.32 * np.clip(turned_away, -0.6, 1))


def _with_polyp(rng: np.random.Generator, plane: Plane, colour: Colours, polyp: Field) -> tuple[Colours, Field]:
    """The wall with a dome on it, and the dome's own glare."""
    height = 0.12 * np.sqrt(np.clip(1 - polyp**2, 0, 1)) + 0.0022 * plane.fractal(rng, 0.02)
    smooth = gaussian_filter(height, plane.side_px / 250)
    slope_y, slope_x = (np.gradient(smooth, axis=axis) * plane.side_px for axis in (0, 1))
    lit = (_LIGHT[2] - slope_x * _LIGHT[0] - slope_y * _LIGHT[1]) / np.sqrt(1 + slope_x**2 + slope_y**2)
    pits = 1 - 0.1 * plane.ridges(rng, 0.011) + 0.05 * plane.noise(rng, 0.04)
    dome = _POLYP * ((0.46 + 0.6 * np.clip(lit, 0, 1)) * pits)[..., None]
    glare = step(lit + 0.06 * plane.noise(rng, 0.009) - 1.0, 0.012) * (polyp < 0.9)
    return over(colour, dome, step(1 - polyp, 0.025)), glare


def _glare(rng: np.random.Generator, plane: Plane, light: Field) -> Field:
    """Wet spots on the crests that face the lamp."""
    spots = plane.noise(rng, 0.006, 0.009) + 0.9 * plane.noise(rng, 0.06)
    return step(spots + 3.5 * (light - 0.85) - 3.3, 0.12)


def _shine(colour: Colours, glare: Field, side_px: int) -> Colours:
    """White where the light glares, and a bloom around it."""
    return over(colour, np.array([1.0, 0.98, 0.95]), np.clip(glare + 0.6 * gaussian_filter(glare, side_px / 120), 0, 1))
