"""A dermoscopy of nobody's skin: furrows, one pigmented lesion with a network and a darker part, and hairs across."""

import numpy as np
from scipy.ndimage import gaussian_filter

from causalseg.phantoms.texture import Colours, Drawn, Field, Plane, bezier, over, posterise, step

_SKIN = np.array([0.89, 0.72, 0.65])
_BROWN = np.array([0.6, 0.36, 0.24])
_DARK = np.array([0.26, 0.13, 0.1])
_HAIR = np.array([0.2, 0.12, 0.09])
"""Colours, RGB in [0, 1]."""
_HAIRS = 11
_LEVELS = 51
"""Steps of each colour; fewer than 255, so that the example files stay small."""


def draw(rng: np.random.Generator, side_px: int) -> Drawn:
    """The picture and the mask of its lesion."""
    plane = Plane(side_px)
    center = (rng.uniform(0.44, 0.56), rng.uniform(0.44, 0.56))
    radii = (rng.uniform(0.22, 0.27), rng.uniform(0.17, 0.21))
    blob = plane.blob(rng, center, radii, angle=rng.uniform(0, np.pi), lobes=0.16)
    lesion = gaussian_filter(blob + 0.07 * plane.fractal(rng, 0.04), side_px / 300)
    colour = _pigmented(rng, plane, _skin(rng, plane), lesion)
    colour = _with_hairs(rng, plane, colour)
    corner = np.hypot(plane.x - 0.5, plane.y - 0.5)
    colour = colour * (1.04 - 0.75 * np.clip(corner - 0.3, 0, None) ** 1.5)[..., None]
    return posterise(colour, _LEVELS), lesion < 1


def _skin(rng: np.random.Generator, plane: Plane) -> Colours:
    """Pale skin with furrows, pores and red patches."""
    furrows = plane.ridges(rng, 0.01, 0.02) ** 3 + plane.ridges(rng, 0.02, 0.01) ** 3
    pale = 1 - 0.035 * furrows + 0.015 * plane.noise(rng, 0.006) + 0.02 * plane.noise(rng, 0.15)
    red = np.clip(0.5 + 0.5 * plane.fractal(rng, 0.06), 0, 1.5)[..., None]
    return _SKIN * pale[..., None] * (1 - 0.07 * red * np.array([0.0, 1.0, 0.8]))


def _pigmented(rng: np.random.Generator, plane: Plane, skin: Colours, lesion: Field) -> Colours:
    """The skin with pigment in it: light at the edge, a brown network inside, one darker part."""
    inside = step(1.02 - lesion, 0.07)
    cells = plane.ridges(rng, 0.008) ** 2
    patches = plane.fractal(rng, 0.07)
    dark_part = step(0.75 * patches + 0.55 - lesion, 0.35)
    pigment = np.clip(inside * (0.55 + 0.22 * cells + 0.08 * patches), 0, 0.95)
    dark = np.clip(inside * dark_part * (0.6 + 0.3 * cells), 0, 0.92)
    dots = inside * step(plane.noise(rng, 0.007) - 2.2, 0.15) * 0.6
    return over(over(over(skin, _BROWN, pigment), _DARK, dark), _DARK, dots)


def _with_hairs(rng: np.random.Generator, plane: Plane, colour: Colours) -> Colours:
    """Hairs that lie across, mostly one way, each with a faint shadow."""
    lie = rng.uniform(0, np.pi)
    for _ in range(_HAIRS):
        turn = lie + rng.normal(scale=0.45)
        along = np.array([np.cos(turn), np.sin(turn)])
        middle = rng.uniform(0.1, 0.9, size=2)
        half_length = rng.uniform(0.25, 0.6)
        bend = rng.normal(scale=0.14) * np.array([-along[1], along[0]])
        ends = np.stack([middle - half_length * along, middle + bend, middle + half_length * along])
        points = bezier(ends, plane.side_px)
        width = rng.uniform(0.0035, 0.0065)
        hair = plane.stroke(points, width)[..., None]
        shadow = 0.25 * plane.stroke(points + 0.006, 1.6 * width)[..., None]
        colour = colour * (1 - shadow)
        colour = colour * (1 - 0.88 * hair) + _HAIR * 0.88 * hair
    return colour
