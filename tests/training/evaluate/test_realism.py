"""A small classifier on crops whose kinds are known to be alike or not."""

import numpy as np

from training.evaluate.realism import CROP_PX, RealismProtocol, crop_around, told_apart

QUICK = RealismProtocol(folds=2, epochs=4)


def _noise(seed: int, mean: float) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(mean, 20, (40, CROP_PX, CROP_PX, 3))
    return noise.clip(0, 255).astype(np.uint8)


def test_what_differs_is_told_apart_and_what_does_not_is_not() -> None:
    assert told_apart(_noise(0, 90), _noise(1, 160), QUICK).mean > 0.95
    alike = told_apart(_noise(0, 120), _noise(1, 120), QUICK)
    assert alike.low < 0.5 + 0.15 and alike.high > 0.35
    assert alike.count == 80


def test_a_crop_lies_around_the_region_and_inside_the_picture() -> None:
    image_u8 = np.zeros((100, 80, 3), np.uint8)
    region = np.zeros((100, 80), bool)
    region[98, 2] = True
    image_u8[98, 2] = 255

    crop = crop_around(image_u8, region, np.random.default_rng(0))

    assert crop.shape == (CROP_PX, CROP_PX, 3)
    assert crop.max() == 255
