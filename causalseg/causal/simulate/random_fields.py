"""Smooth random fields and blurs that are fast enough to run inside training."""

import numpy as np
from jaxtyping import Float32
from PIL import Image, ImageFilter

GRAIN_SIDE_PX = 256
"""Noise is drawn on a grid of at most this side and enlarged, so that its grain is a share of the picture."""


def resize_field(
    field: Float32[np.ndarray, "rows columns"],
    height_px: int,
    width_px: int,
    resample: Image.Resampling = Image.Resampling.BICUBIC,
) -> Float32[np.ndarray, "height width"]:
    """Stretch a coarse field over a picture."""
    if field.shape == (height_px, width_px):
        return field
    return np.array(Image.fromarray(field).resize((width_px, height_px), resample))


def smooth_field(
    rng: np.random.Generator, height_px: int, width_px: int, cells: int
) -> Float32[np.ndarray, "height width"]:
    """A smooth random field with about `cells` humps a side, zero mean and a largest magnitude of 1."""
    field = resize_field(rng.standard_normal((cells + 1, cells + 1), np.float32), height_px, width_px)
    field -= field.mean()
    field /= max(float(field.max()), -float(field.min()), 1e-6)
    return field


def grain(
    rng: np.random.Generator, height_px: int, width_px: int, *, coarse_y: float = 1.0, coarse_x: float = 1.0
) -> Float32[np.ndarray, "height width"]:
    """Unit normal noise whose grain is `coarse` pixels of a picture of side `GRAIN_SIDE_PX`."""
    shrink = min(1.0, GRAIN_SIDE_PX / min(height_px, width_px))
    rows = max(4, round(height_px * shrink / coarse_y))
    columns = max(4, round(width_px * shrink / coarse_x))
    return resize_field(rng.standard_normal((rows, columns), np.float32), height_px, width_px)


def gaussian_blur(
    image: Float32[np.ndarray, "height width 3"], sigma_px: float
) -> Float32[np.ndarray, "height width 3"]:
    """Blur a picture in [0, 1]; three box passes in 8 bits (Pillow), 1 ms at 256 px."""
    blurred = to_pillow(image).filter(ImageFilter.GaussianBlur(sigma_px))
    return np.asarray(blurred, np.float32) / np.float32(255)


def to_pillow(image: Float32[np.ndarray, "height width 3"]) -> Image.Image:
    """A picture in [0, 1] as 8-bit RGB."""
    return Image.fromarray(np.rint(image * np.float32(255)).clip(0, 255).astype(np.uint8))
