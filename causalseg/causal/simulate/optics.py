"""What the lens, the hand, the sensor and the file format do: blur, noise, compression."""

import io
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from causalseg.causal.simulate.random_fields import GRAIN_SIDE_PX, gaussian_blur, grain, resize_field, to_pillow
from causalseg.causal.simulate.simulator import GlobalSimulator, Picture, draw_seed, is_grey, luminance

LIGHT_QUALITY = 92
"""JPEG quality whose artefacts nobody sees."""


@dataclass(frozen=True, slots=True)
class DefocusBlur(GlobalSimulator):
    """The whole picture out of focus."""

    sigma: float
    """Standard deviation of the blur, share of the shorter side."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "DefocusBlur":
        """Between 2.5 and 5 px at 256 px."""
        return cls(rng.uniform(0.010, 0.020))

    def change(self, image: Picture, strength: float) -> Picture:
        """Blur by a Gaussian."""
        return gaussian_blur(image, strength * self.sigma * min(image.shape[:2]))


@dataclass(frozen=True, slots=True)
class MotionBlur(GlobalSimulator):
    """The picture smeared along the line of its path during the exposure, mirrored at its rim."""

    length: float
    """Share of the shorter side."""
    angle_rad: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "MotionBlur":
        """Between 12 and 26 px at 256 px, in any direction."""
        return cls(rng.uniform(0.045, 0.10), rng.uniform(0, math.pi))

    def change(self, image: Picture, strength: float) -> Picture:
        """Average with copies at a half, a quarter, an eighth... of the path: a uniform line in few passes."""
        path_px = strength * self.length * min(image.shape[:2])
        down_px, right_px = path_px * math.sin(self.angle_rad), path_px * math.cos(self.angle_rad)
        if right_px >= 0:
            return _smear(image, down_px, right_px)
        return np.ascontiguousarray(_smear(image[:, ::-1], down_px, -right_px)[:, ::-1])


def _smear(image: Picture, down_px: float, right_px: float) -> Picture:
    """Average along a path to the lower right, centred on each pixel; steps end below half a pixel."""
    height_px, width_px = image.shape[:2]
    passes = math.ceil(math.log2(max(down_px, right_px, 1))) + 1
    steps = [(down_px / 2**order, right_px / 2**order) for order in range(1, passes + 1)]
    margin_y, margin_x = math.ceil(down_px) + passes + 1, math.ceil(right_px) + passes + 1
    smeared = np.pad(image, ((margin_y, margin_y), (margin_x, margin_x), (0, 0)), mode="symmetric")
    for down, right in steps:
        smeared = _average_with_shifted(smeared, down, right, share=0.5)
    back_y, back_x = (
        margin - sum(step[axis] for step in steps) / 2 for axis, margin in enumerate((margin_y, margin_x))
    )
    centred = _average_with_shifted(smeared, back_y, back_x, share=1.0)
    return np.ascontiguousarray(centred[:height_px, :width_px])


def _average_with_shifted(image: Picture, down_px: float, right_px: float, share: float) -> np.ndarray:
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
class SensorNoise(GlobalSimulator):
    """Read and shot noise of a sensor; standard deviations in grey values of [0, 1]."""

    read: float
    """Everywhere."""
    shot: float
    """In white; grows with the square root of the light."""
    chroma: float
    """Share of it that differs between the channels of a colour picture."""
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "SensorNoise":
        """Between 0.09 and 0.24 in white."""
        return cls(rng.uniform(0.05, 0.14), rng.uniform(0.08, 0.2), rng.uniform(0.2, 0.6), draw_seed(rng))

    def change(self, image: Picture, strength: float) -> Picture:
        """Add the noise, the same in all channels of a grey picture."""
        rng, hw = np.random.default_rng(self.seed), image.shape[:2]
        sigma = np.sqrt(np.float32(self.read**2) + np.float32(self.shot**2) * luminance(image))
        noise = [grain(rng, *hw) for _ in range(1 if is_grey(image) else 3)]
        common = sum(noise) / np.float32(math.sqrt(len(noise)))
        sigma *= np.float32(strength)
        noisy = image.copy()
        for channel in range(3):
            own = noise[channel % len(noise)]
            noisy[..., channel] += sigma * (common + np.float32(self.chroma) * (own - common))
        return noisy


@dataclass(frozen=True, slots=True)
class Compression(GlobalSimulator):
    """Blocks and ringing of JPEG; blocks are those of a picture of side 256, enlarged for larger pictures."""

    quality: float
    """On Pillow's scale."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Compression":
        """Between 5 and 12."""
        return cls(rng.uniform(5, 12))

    def change(self, image: Picture, strength: float) -> Picture:
        """Add what JPEG changes; the quality falls from `LIGHT_QUALITY` as strength grows."""
        small = _at_most(to_pillow(image), GRAIN_SIDE_PX)
        if is_grey(image):
            small = small.convert("L")
        quality = max(1, round(LIGHT_QUALITY * (self.quality / LIGHT_QUALITY) ** strength))
        file = io.BytesIO()
        small.save(file, "JPEG", quality=quality)
        error = np.asarray(Image.open(file), np.float32) - np.asarray(small, np.float32)
        enlarged = resize_field(error, image.shape[0], image.shape[1], Image.Resampling.NEAREST)
        return image + enlarged.reshape(*image.shape[:2], -1) / np.float32(255)


def _at_most(picture: Image.Image, side_px: int) -> Image.Image:
    shrink = side_px / min(picture.size)
    if shrink >= 1:
        return picture
    return picture.resize((round(picture.width * shrink), round(picture.height * shrink)), Image.Resampling.BILINEAR)
