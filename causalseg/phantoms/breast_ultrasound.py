"""A breast ultrasound that nobody had: layers, streaks, speckle, one dark mass, calipers and letters burned in."""

import numpy as np
from jaxtyping import Bool, UInt8

from causalseg.phantoms.texture import Drawn, Field, Plane, letters, step

_LAYERS = ((0.0, 0.62), (0.03, 0.3), (0.17, 0.44), (0.55, 0.5), (0.58, 0.26), (0.66, 0.34), (0.8, 0.1))
"""Depth at which a layer begins and its brightness: skin, fat, gland, fascia, muscle (twice), chest wall."""
_INK = 224
"""Grey of calipers and letters."""


def draw(rng: np.random.Generator, side_px: int) -> Drawn:
    """The picture and the mask of its mass."""
    plane = Plane(side_px)
    center = (rng.uniform(0.42, 0.58), rng.uniform(0.35, 0.42))
    radii = (rng.uniform(0.15, 0.19), rng.uniform(0.085, 0.11))
    angle = rng.uniform(-0.15, 0.15)
    mass = plane.blob(rng, center, radii, angle=angle, lobes=0.14)
    echo = _behind_mass(plane, _tissue(rng, plane), mass, center, radii)
    grey = _speckled(rng, plane, echo)
    image_u8 = np.rint(255 * np.clip(grey, 0, 1)).astype(np.uint8) // 4 * 4
    _burn_in(image_u8, center, radii, angle)
    return np.repeat(image_u8[..., None], 3, axis=2), mass < 1


def _tissue(rng: np.random.Generator, plane: Plane) -> Field:
    """Brightness of the layers, their boundaries waving and their streaks lying along them."""
    wave = 0.018 * plane.noise(rng, 0.08, 0.16)
    depth = plane.y + wave * step(plane.y - 0.06, 0.04)
    echo = np.full_like(depth, _LAYERS[0][1])
    for (begin, level), (_, above) in zip(_LAYERS[1:], _LAYERS, strict=False):
        echo += (level - above) * step(depth - begin, 0.008 if begin < 0.7 else 0.07)
    streaks = plane.ridges(rng, 0.008, 0.07) + 0.8 * plane.ridges(rng, 0.005, 0.035)
    streaks = plane.warp(streaks, 2 * wave, np.zeros_like(wave)) * (0.6 + 0.4 * plane.noise(rng, 0.05, 0.08))
    lobules = 0.1 * plane.noise(rng, 0.025, 0.06) + 0.05 * plane.noise(rng, 0.012)
    quiet = step(0.78 - depth, 0.05)
    return np.clip(echo + quiet * (0.3 * (streaks - 0.5) * step(depth - 0.03, 0.02) + lobules), 0.02, 1.2)


def _behind_mass(
    plane: Plane, echo: Field, mass: Field, center: tuple[float, float], radii: tuple[float, float]
) -> Field:
    """The mass: dark inside, a bright rim above and below, brighter tissue behind it, shadows at its edges."""
    across = (plane.x - center[0]) / radii[0]
    below = step(plane.y - center[1] - 0.6 * radii[1], 0.03) * np.exp(-2.2 * np.clip(plane.y - center[1], 0, None))
    behind = 0.45 * np.exp(-((across / 0.7) ** 4)) - 0.4 * np.exp(-(((np.abs(across) - 1.02) / 0.1) ** 2))
    echo = echo * (1 + below * behind)
    rim = np.exp(-(((mass - 1.06) / 0.05) ** 2)) * np.abs(plane.y - center[1]) / radii[1]
    inside = step(1 - mass, 0.05)
    return (echo + 0.2 * rim) * (1 - inside) + inside * (0.06 + 0.22 * echo)


def _speckled(rng: np.random.Generator, plane: Plane, echo: Field) -> Field:
    """Rayleigh speckle of an axial and a lateral size, log-compressed, darker with depth."""
    speckle = np.hypot(plane.noise(rng, 0.0024, 0.0048), plane.noise(rng, 0.0024, 0.0048)) / np.sqrt(2)
    gain = 1.15 - 0.55 * plane.y + 0.06 * plane.noise(rng, 0.4, 0.06)
    return gain * (echo + 0.11 * np.log(speckle + 0.08) * (0.35 + echo)) + 0.03 * speckle


def _burn_in(
    image_u8: UInt8[np.ndarray, "side side"],
    center: tuple[float, float],
    radii: tuple[float, float],
    angle: float,
) -> None:
    """Two measured axes with crosses at their ends, depth ticks, and letters, in place."""
    side_px = image_u8.shape[0]
    dot_px = max(1, side_px // 512)
    for radius, turn in ((radii[0], angle), (radii[1], angle + np.pi / 2)):
        direction = np.array([np.cos(turn), np.sin(turn)])
        for away in np.linspace(-1.05, 1.05, 2 + int(radius * 90)):
            _put(image_u8, np.array(center) + away * radius * direction, np.ones((1, 1), dtype=bool), dot_px)
        cross = np.zeros((9, 9), dtype=bool)
        cross[4, :] = cross[:, 4] = True
        for end in (-1.05, 1.05):
            _put(image_u8, np.array(center) + end * radius * direction, cross, dot_px)
    for tick in range(1, 8):
        _put(image_u8, np.array([0.985, tick / 8]), np.ones((1, 8 if tick % 4 else 14), dtype=bool), dot_px)
    _put(image_u8, np.array([0.12, 0.93]), letters("LT 4"), 2 * dot_px)
    _put(image_u8, np.array([0.8, 0.93]), letters(f"D1 {200 * radii[0]:.0f}.4 mm"), dot_px)


def _put(
    image_u8: UInt8[np.ndarray, "side side"], center_xy: np.ndarray, dots: Bool[np.ndarray, "rows columns"], dot_px: int
) -> None:
    """Dots around a point, each `dot_px` wide, in place; what falls outside is cut off."""
    ink = np.kron(dots, np.ones((dot_px, dot_px), dtype=bool))
    rows, columns = np.nonzero(ink)
    rows += int(center_xy[1] * image_u8.shape[0]) - ink.shape[0] // 2
    columns += int(center_xy[0] * image_u8.shape[1]) - ink.shape[1] // 2
    seen = (rows >= 0) & (rows < image_u8.shape[0]) & (columns >= 0) & (columns < image_u8.shape[1])
    image_u8[rows[seen], columns[seen]] = _INK
