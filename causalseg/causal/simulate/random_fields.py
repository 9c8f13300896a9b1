"""Smooth random fields and blurs that are fast enough to run inside training."""

import numpy as np
from jaxtyping import Float32
from PIL import Image, ImageFilter

from causalseg.causal.simulate.simulator import Picture, Sheet

GRAIN_SIDE_PX = 256
"""Noise is drawn on a grid of at most this side and enlarged, so that its grain is a share of the picture."""


def resize_field(
    field: Float32[np.ndarray, "rows columns *channels"],
    height_px: int,
    width_px: int,
    resample: Image.Resampling = Image.Resampling.BICUBIC,
) -> Float32[np.ndarray, "height width *channels"]:
    """Stretch a coarse field over a picture, each channel alone."""
    if field.shape[:2] == (height_px, width_px):
        return field
    if field.ndim == 3:
        return np.stack([resize_field(plane, height_px, width_px, resample) for plane in np.moveaxis(field, 2, 0)], -1)
    resized = Image.fromarray(np.ascontiguousarray(field)).resize((width_px, height_px), resample)
    return np.array(resized)


def smooth_field(rng: np.random.Generator, height_px: int, width_px: int, cells: int) -> Sheet:
    """A smooth random field with about `cells` humps a side, zero mean and a largest magnitude of 1."""
    field = resize_field(rng.standard_normal((cells + 1, cells + 1), np.float32), height_px, width_px)
    field -= field.mean()
    field /= max(float(field.max()), -float(field.min()), 1e-6)
    return field


def grain(
    rng: np.random.Generator, height_px: int, width_px: int, *, coarse_y: float = 1.0, coarse_x: float = 1.0
) -> Sheet:
    """Unit normal noise whose grain is `coarse` pixels of a picture of side `GRAIN_SIDE_PX`."""
    shrink = min(1.0, GRAIN_SIDE_PX / min(height_px, width_px))
    rows = max(4, round(height_px * shrink / coarse_y))
    columns = max(4, round(width_px * shrink / coarse_x))
    return resize_field(rng.standard_normal((rows, columns), np.float32), height_px, width_px)


def gaussian_blur(image: Picture, sigma_px: float) -> Picture:
    """Blur a picture in [0, 1]; three box passes in 8 bits (Pillow), 1 ms at 256 px."""
    blurred = to_pillow(image).filter(ImageFilter.GaussianBlur(sigma_px))
    return np.asarray(blurred, np.float32) / np.float32(255)


def to_pillow(image: Picture) -> Image.Image:
    """A picture in [0, 1] as 8-bit RGB."""
    return Image.fromarray(np.rint(image * np.float32(255)).clip(0, 255).astype(np.uint8))
