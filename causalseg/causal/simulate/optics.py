"""What the lens, the hand, the sensor and the file format do: blur, noise, compression."""

import io
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32
from PIL import Image

from causalseg.causal.simulate.random_fields import GRAIN_SIDE_PX, gaussian_blur, grain, resize_field, to_pillow
from causalseg.causal.simulate.simulator import Simulator, draw_seed, everywhere, is_grey, luminance


@dataclass(frozen=True, slots=True)
class DefocusParams:
    """How far out of focus at strength 1."""

    sigma: float
    """Standard deviation of the blur, share of the shorter side."""


class DefocusBlur(Simulator[DefocusParams]):
    """The whole picture out of focus."""

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> DefocusParams:
        """Between 2.5 and 5 px at 256 px."""
        return DefocusParams(rng.uniform(0.010, 0.020))

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: DefocusParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Blur by a Gaussian."""
        return gaussian_blur(image, strength * params.sigma * min(image.shape[:2])), everywhere(image)


@dataclass(frozen=True, slots=True)
class MotionParams:
    """The path of the picture during the exposure, at strength 1."""

    length: float
    """Share of the shorter side."""
    angle_rad: float


class MotionBlur(Simulator[MotionParams]):
    """The picture smeared along a line, mirrored at its rim."""

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> MotionParams:
        """Between 12 and 26 px at 256 px, in any direction."""
        return MotionParams(rng.uniform(0.045, 0.10), rng.uniform(0, math.pi))

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: MotionParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Average with copies at a half, a quarter, an eighth... of the path: a uniform line in few passes."""
        path_px = strength * params.length * min(image.shape[:2])
        down_px, right_px = path_px * math.sin(params.angle_rad), path_px * math.cos(params.angle_rad)
        facing = image if right_px >= 0 else image[:, ::-1]
        smeared = _smear(facing, down_px, abs(right_px))
        return (smeared if right_px >= 0 else np.ascontiguousarray(smeared[:, ::-1])), everywhere(image)


def _smear(
    image: Float32[np.ndarray, "height width 3"], down_px: float, right_px: float
) -> Float32[np.ndarray, "height width 3"]:
    """Average along a path to the lower right, centred on each pixel."""
    height_px, width_px = image.shape[:2]
    steps = [(down_px / 2**order, right_px / 2**order) for order in range(1, _passes(max(down_px, right_px)) + 1)]
    margin_y, margin_x = math.ceil(down_px) + len(steps) + 1, math.ceil(right_px) + len(steps) + 1
    smeared = np.pad(image, ((margin_y, margin_y), (margin_x, margin_x), (0, 0)), mode="symmetric")
    for down, right in steps:
        smeared = _average_with_shifted(smeared, down, right, share=0.5)
    back_y, back_x = (
        margin - sum(step[axis] for step in steps) / 2 for axis, margin in enumerate((margin_y, margin_x))
    )
    centred = _average_with_shifted(smeared, back_y, back_x, share=1.0)
    return np.ascontiguousarray(centred[:height_px, :width_px])


def _passes(path_px: float) -> int:
    """Halvings until a step is shorter than half a pixel."""
    return max(1, math.ceil(math.log2(max(path_px, 1))) + 1)


def _average_with_shifted(
    image: Float32[np.ndarray, "height width 3"], down_px: float, right_px: float, share: float
) -> Float32[np.ndarray, "smaller_height smaller_width 3"]:
    """`share` of the picture seen from a place to the lower right (bilinear), the rest of the picture itself."""
    (whole_y, whole_x), height_px, width_px = (math.floor(down_px), math.floor(right_px)), *image.shape[:2]
    part_y, part_x = down_px - whole_y, right_px - whole_x
    rows, columns = height_px - whole_y - 1, width_px - whole_x - 1
    result = np.float32(1 - share) * image[:rows, :columns]
    for y, weight_y in ((whole_y, 1 - part_y), (whole_y + 1, part_y)):
        for x, weight_x in ((whole_x, 1 - part_x), (whole_x + 1, part_x)):
            if weight := share * weight_y * weight_x:
                result += np.float32(weight) * image[y : y + rows, x : x + columns]
    return result


@dataclass(frozen=True, slots=True)
class NoiseParams:
    """Noise at strength 1, standard deviations in grey values of [0, 1]."""

    read: float
    """Everywhere."""
    shot: float
    """In white; grows with the square root of the light."""
    chroma: float
    """Share of it that differs between the channels of a colour picture."""
    seed: int


class SensorNoise(Simulator[NoiseParams]):
    """Read and shot noise of a sensor."""

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> NoiseParams:
        """Between 0.09 and 0.24 in white."""
        return NoiseParams(rng.uniform(0.05, 0.14), rng.uniform(0.08, 0.2), rng.uniform(0.2, 0.6), draw_seed(rng))

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: NoiseParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Add the noise, the same in all channels of a grey picture."""
        rng = np.random.default_rng(params.seed)
        height_px, width_px = image.shape[:2]
        sigma = np.sqrt(np.float32(params.read**2) + np.float32(params.shot**2) * luminance(image))
        noise = [grain(rng, height_px, width_px) for _ in range(1 if is_grey(image) else 3)]
        common = sum(noise) / np.float32(math.sqrt(len(noise)))
        sigma *= np.float32(strength)
        noisy = image.copy()
        for channel in range(3):
            own = noise[channel % len(noise)]
            noisy[..., channel] += sigma * (common + np.float32(params.chroma) * (own - common))
        return noisy, everywhere(image)


LIGHT_QUALITY = 92
"""JPEG quality whose artefacts nobody sees."""


@dataclass(frozen=True, slots=True)
class CompressionParams:
    """JPEG quality (Pillow's scale) at strength 1."""

    quality: float


class Compression(Simulator[CompressionParams]):
    """Blocks and ringing of JPEG; blocks are those of a picture of side 256, enlarged for larger pictures."""

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> CompressionParams:
        """Between 5 and 12."""
        return CompressionParams(rng.uniform(5, 12))

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: CompressionParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Add what JPEG changes; the quality falls from `LIGHT_QUALITY` as strength grows."""
        small = _at_most(to_pillow(image), GRAIN_SIDE_PX)
        if is_grey(image):
            small = small.convert("L")
        quality = max(1, round(LIGHT_QUALITY * (params.quality / LIGHT_QUALITY) ** strength))
        error = np.asarray(_through_jpeg(small, quality), np.float32) - np.asarray(small, np.float32)
        return image + _enlarged(error, *image.shape[:2]) / np.float32(255), everywhere(image)


def _through_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)


def _at_most(picture: Image.Image, side_px: int) -> Image.Image:
    shrink = side_px / min(picture.size)
    if shrink >= 1:
        return picture
    return picture.resize((round(picture.width * shrink), round(picture.height * shrink)), Image.Resampling.BILINEAR)


def _enlarged(error: np.ndarray, height_px: int, width_px: int) -> np.ndarray:
    planes = [error] if error.ndim == 2 else [np.ascontiguousarray(error[..., channel]) for channel in range(3)]
    return np.stack([resize_field(plane, height_px, width_px, Image.Resampling.NEAREST) for plane in planes], axis=-1)
