"""What ultrasound does: speckle, uneven gain, shadows behind what sound does not cross."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from causalseg.causal.simulate.canvas import FAINTEST_ALPHA, PointXY
from causalseg.causal.simulate.random_fields import grain, resize_field
from causalseg.causal.simulate.simulator import Simulator, draw_seed, everywhere

BRIGHTEST = 2.5
"""Standard deviations beyond which the log compression of the display holds speckle back."""


@dataclass(frozen=True, slots=True)
class SpeckleParams:
    """Speckle at strength 1."""

    contrast: float
    """Standard deviation over mean."""
    coarse_y: float
    """Grain along the beam, pixels of a picture of side 256."""
    coarse_x: float
    """Grain across the beam."""
    seed: int


class Speckle(Simulator[SpeckleParams]):
    """Multiplicative grain of coherent waves: the magnitude of a smooth complex normal field."""

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> SpeckleParams:
        """Coarser across the beam than along it."""
        return SpeckleParams(rng.uniform(0.32, 0.55), rng.uniform(1.5, 2.2), rng.uniform(2.5, 4.5), draw_seed(rng))

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: SpeckleParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Multiply; black stays black."""
        rng = np.random.default_rng(params.seed)
        size = {"coarse_y": params.coarse_y, "coarse_x": params.coarse_x}
        parts = [grain(rng, *image.shape[:2], **size) for _ in range(2)]
        rayleigh = np.hypot(*parts)
        bumps = ((rayleigh - rayleigh.mean()) / rayleigh.std()).clip(-BRIGHTEST, BRIGHTEST)
        factor = 1 + np.float32(strength * params.contrast) * bumps
        return image * np.maximum(factor, 0)[..., None], everywhere(image)


@dataclass(frozen=True, slots=True)
class GainParams:
    """Time-gain sliders."""

    bands: tuple[float, ...]
    """Gain of each depth band at strength 1, from near to far; 0 is right, positive too bright."""


class Gain(Simulator[GainParams]):
    """Depth bands that are too bright or too dark: sliders set wrongly."""

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> GainParams:
        """Four to eight sliders around a common error."""
        common = rng.choice([-1, 1]) * rng.uniform(0.05, 0.25)
        bands = common + rng.choice([-1, 1], size=int(rng.integers(4, 9))) * rng.uniform(0.15, 0.4)
        return GainParams(tuple(float(band) for band in bands))

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: GainParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Log-compressed echoes move up or down together; what is black for lack of echo stays black."""
        bands = resize_field(np.array(params.bands, np.float32)[:, None], image.shape[0], 1)
        echo = np.minimum(1, image * np.float32(8))
        return image + np.float32(strength) * bands[..., None] * echo * (image + np.float32(0.25)), everywhere(image)


@dataclass(frozen=True, slots=True)
class Shadow:
    """One shadow, seen with the probe above."""

    top: PointXY
    """Middle of what casts it."""
    half_width: float
    """Share of the width, at the top."""
    spread: float
    """Growth of the half-width down to the bottom, share of the width."""
    lean: float
    """Sideways drift down to the bottom, share of the width."""
    depth: float
    """Share of the echo that is lost, at strength 1."""
    cap: float
    """Share by which the echo of its top is brighter, at strength 1."""
    ripple: tuple[float, float]
    """Phases of the wavy sides, in radians."""


@dataclass(frozen=True, slots=True)
class ShadowParams:
    """All shadows of a picture."""

    shadows: tuple[Shadow, ...]


class AcousticShadow(Simulator[ShadowParams]):
    """Dark stripes below something hard, soft at their sides, with a bright echo on top."""

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> ShadowParams:
        """One to three."""
        return ShadowParams(tuple(_draw_shadow(rng) for _ in range(int(rng.integers(1, 4)))))

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: ShadowParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Multiply the echo away below each top."""
        passing = np.ones(image.shape[:2], np.float32)
        for shadow in params.shadows:
            passing *= 1 - np.float32(strength) * _shadow_alpha(image.shape[0], image.shape[1], shadow)
        region = np.abs(passing - 1) > FAINTEST_ALPHA
        return image * np.where(region, passing, 1)[..., None], region


def _draw_shadow(rng: np.random.Generator) -> Shadow:
    return Shadow(
        top=(rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.55)),
        half_width=rng.uniform(0.04, 0.14),
        spread=rng.uniform(0.0, 0.07),
        lean=rng.uniform(-0.07, 0.07),
        depth=rng.uniform(0.65, 0.92),
        cap=rng.uniform(0.2, 0.8),
        ripple=(rng.uniform(0, 6.28), rng.uniform(0, 6.28)),
    )


def _shadow_alpha(height_px: int, width_px: int, shadow: Shadow) -> Float32[np.ndarray, "height width"]:
    """Share of the echo that is lost at strength 1; negative on the bright top."""
    y = ((np.arange(height_px, dtype=np.float32) + 0.5) / height_px - shadow.top[1])[:, None]
    x = ((np.arange(width_px, dtype=np.float32) + 0.5) / width_px - shadow.top[0])[None, :]
    down = (y / (1 - shadow.top[1])).clip(0, 1)
    wavy = 1 + np.float32(0.1) * (np.sin(23 * y + shadow.ripple[0]) + np.sin(51 * y + shadow.ripple[1]))
    sideways = np.abs(x - shadow.lean * down) / ((shadow.half_width + shadow.spread * down) * wavy)
    below = y - np.float32(0.5) * shadow.half_width * sideways**2
    shade = _smooth_step((np.float32(1.5) - sideways) / np.float32(1.2)) * _smooth_step(below / np.float32(0.12))
    top = np.exp(-((below / np.float32(0.018)) ** 2)) * _smooth_step((np.float32(1.1) - sideways) / np.float32(0.6))
    return (shadow.depth * shade - shadow.cap * top).astype(np.float32)


def _smooth_step(share: Float32[np.ndarray, "height width"]) -> Float32[np.ndarray, "height width"]:
    inside = share.clip(0, 1)
    return inside * inside * (3 - 2 * inside)
