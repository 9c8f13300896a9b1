"""A chest CT slice of nobody: skin, fat, ribs, spine, heart and two lungs with vessels, at a low dose.

Computed in Hounsfield units, then shown in a lung window.
"""

import numpy as np

from causalseg.phantoms.texture import Drawn, Field, Plane, step
from causalseg.scan.window import Window

_AIR_HU, _LUNG_HU, _FAT_HU, _MUSCLE_HU, _BLOOD_HU, _MARROW_HU, _BONE_HU = -1000, -850, -100, 50, 45, 200, 700
_LUNG_WINDOW = Window(center=-400.0, width=1500.0)
_NOISE_HU = 45
_RIBS = 20
_VESSELS = 70
"""In each lung."""


def draw(rng: np.random.Generator, side_px: int) -> Drawn:
    """The picture and the mask of its two lungs."""
    plane = Plane(side_px)
    body = plane.blob(rng, (0.5, 0.5), (0.45, 0.33), lobes=0.015)
    chest = plane.blob(rng, (0.5, 0.49), (0.375, 0.265), lobes=0.01)
    heart = plane.blob(rng, (0.54, 0.42), (0.14, 0.115), angle=0.5, lobes=0.06)
    lungs = _lungs(rng, plane, heart)
    hu = np.full_like(body, float(_AIR_HU))
    hu = _fill(hu, 1 - body, _FAT_HU + 20 * plane.noise(rng, 0.01))
    hu = _fill(hu, 1 - plane.blob(rng, (0.5, 0.5), (0.41, 0.3), lobes=0.03), _MUSCLE_HU + 25 * plane.noise(rng, 0.012))
    hu = _fill(hu, np.minimum(1 - chest, 0.1 + 0.2 * plane.noise(rng, 0.03)), np.full_like(hu, _FAT_HU))
    hu = _ribs(rng, plane, hu)
    hu = _mediastinum(rng, plane, hu, heart)
    hu = _fill(hu, 1 - lungs, _LUNG_HU + 110 * plane.y + 25 * plane.fractal(rng, 0.02))
    hu = _vessels(rng, plane, hu, lungs)
    hu = _table(plane, hu, body)
    hu += _NOISE_HU * plane.noise(rng, 0.0016) * (0.5 + step(1 - body, 0.3))
    grey = _LUNG_WINDOW.apply(hu) // 4 * 4
    return np.repeat(grey[..., None], 3, axis=2), lungs < 1


def _fill(hu: Field, inside: Field, values: Field) -> Field:
    """`values` where `inside` is above zero, with the soft edge of a scanner."""
    share = step(inside, 0.008)
    return hu * (1 - share) + values * share


def _lungs(rng: np.random.Generator, plane: Plane, heart: Field) -> Field:
    """Below 1 in either lung: two upright lobes, cut by the heart."""
    right = plane.blob(rng, (0.285, 0.48), (0.215, 0.135), angle=1.45, lobes=0.05)
    left = plane.blob(rng, (0.725, 0.49), (0.21, 0.125), angle=1.7, lobes=0.05)
    middle = 1 + (0.07 - np.abs(plane.x - 0.5)) / 0.1
    return np.maximum(np.minimum(right, left), np.maximum(2.06 - heart, middle))


def _ribs(rng: np.random.Generator, plane: Plane, hu: Field) -> Field:
    """Slanting cuts through ribs all around the chest, but for the front, where the breastbone is."""
    for turn in np.linspace(-np.pi / 2, 1.5 * np.pi, _RIBS, endpoint=False):
        if abs(turn + np.pi / 2) < 0.3 or abs(turn - np.pi / 2) < 0.2:
            continue
        middle = (0.5 + 0.385 * np.cos(turn), 0.49 + 0.275 * np.sin(turn))
        along = np.arctan2(0.275 * np.cos(turn), -0.385 * np.sin(turn)) + rng.normal(scale=0.05)
        rib = plane.blob(rng, middle, (rng.uniform(0.03, 0.05), 0.012), angle=along, lobes=0.04)
        hu = _bone(hu, rib)
    return _bone(hu, plane.blob(rng, (0.5, 0.215), (0.05, 0.016), lobes=0.05))


def _bone(hu: Field, shape: Field) -> Field:
    """Marrow in a hard shell."""
    hu = _fill(hu, 1 - shape, np.full_like(hu, _BONE_HU))
    return _fill(hu, 0.62 - shape, np.full_like(hu, _MARROW_HU))


def _mediastinum(rng: np.random.Generator, plane: Plane, hu: Field, heart: Field) -> Field:
    """Heart, aorta, airways and spine."""
    hu = _fill(hu, 1 - heart, _BLOOD_HU + 15 * plane.noise(rng, 0.03))
    hu = _fill(hu, 1 - plane.blob(rng, (0.565, 0.6), (0.035, 0.035), lobes=0.02), np.full_like(hu, _BLOOD_HU + 20))
    for x, turn in ((0.455, 0.5), (0.535, -0.5)):
        airway = plane.blob(rng, (x, 0.545), (0.02, 0.013), angle=turn, lobes=0.04)
        hu = _fill(hu, 1.25 - airway, np.full_like(hu, _MUSCLE_HU))
        hu = _fill(hu, 1 - airway, np.full_like(hu, _AIR_HU))
    for side in (-1, 1):
        hu = _bone(hu, plane.blob(rng, (0.5 + 0.06 * side, 0.725), (0.05, 0.016), angle=-0.35 * side, lobes=0.06))
    hu = _bone(hu, plane.blob(rng, (0.5, 0.775), (0.014, 0.04), lobes=0.05))
    hu = _bone(hu, plane.blob(rng, (0.5, 0.66), (0.058, 0.045), lobes=0.05))
    return _fill(hu, 1 - plane.blob(rng, (0.5, 0.722), (0.02, 0.016), lobes=0.03), np.full_like(hu, _MUSCLE_HU - 20))


def _vessels(rng: np.random.Generator, plane: Plane, hu: Field, lungs: Field) -> Field:
    """Cut vessels, thick near the hilum and thin at the edge."""
    share = np.zeros_like(hu)
    for hilum_x in (0.4, 0.61):
        outward = np.sign(hilum_x - 0.5)
        for _ in range(_VESSELS):
            away, turn = rng.uniform(0.02, 0.26), rng.normal(scale=0.9)
            center = (hilum_x + outward * away * np.cos(turn), 0.5 + 1.1 * away * np.sin(turn))
            width = 0.0028 + 0.008 * np.exp(-away / 0.08)
            radii = (width * rng.choice([1.0, 1.5, 4.0, 8.0]), width)
            around = plane.around(center, 2 * max(radii))
            spot = plane.ellipse(center, radii, outward * turn, around)
            share[around] = np.maximum(share[around], step(1 - spot, 0.25))
    share *= step(0.93 - lungs, 0.03)
    return hu * (1 - share) + (_BLOOD_HU - 150) * share


def _table(plane: Plane, hu: Field, body: Field) -> Field:
    """The couch under the back."""
    arc = np.abs(plane.y - (0.9 - 0.35 * (plane.x - 0.5) ** 2)) - 0.004
    outside = body > 1
    return np.where(outside, np.maximum(hu, _AIR_HU + 750 * step(-arc, 0.003)), hu)
