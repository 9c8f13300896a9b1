"""What ultrasound does: speckle, uneven gain, shadows behind what sound does not cross."""

from dataclasses import dataclass

import numpy as np

from causalseg.causal.simulate.canvas import FAINTEST_ALPHA, PointXY
from causalseg.causal.simulate.random_fields import grain, resize_field
from causalseg.causal.simulate.simulator import Changed, GlobalSimulator, Picture, Sheet, Simulator, draw_seed

BRIGHTEST = 2.5
"""Standard deviations beyond which the log compression of the display holds speckle back."""


@dataclass(frozen=True, slots=True)
class Speckle(GlobalSimulator):
    """Multiplicative grain of coherent waves: the magnitude of a smooth complex normal field."""

    contrast: float
    """Standard deviation over mean."""
    coarse_y: float
    """Grain along the beam, pixels of a picture of side 256."""
    coarse_x: float
    """Grain across the beam."""
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Speckle":
        """Coarser across the beam than along it."""
        return cls(rng.uniform(0.32, 0.55), rng.uniform(1.5, 2.2), rng.uniform(2.5, 4.5), draw_seed(rng))

    def change(self, image: Picture, strength: float) -> Picture:
        """Multiply; black stays black."""
        rng, hw = np.random.default_rng(self.seed), image.shape[:2]
        rayleigh = np.hypot(*(grain(rng, *hw, coarse_y=self.coarse_y, coarse_x=self.coarse_x) for _ in range(2)))
        bumps = ((rayleigh - rayleigh.mean()) / rayleigh.std()).clip(-BRIGHTEST, BRIGHTEST)
        factor = 1 + np.float32(strength * self.contrast) * bumps
        return image * np.maximum(factor, 0)[..., None]


@dataclass(frozen=True, slots=True)
class Gain(GlobalSimulator):
    """Depth bands that are too bright or too dark: time-gain sliders set wrongly."""

    bands: tuple[float, ...]
    """Gain of each depth band, from near to far; 0 is right, positive too bright."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Gain":
        """Four to eight sliders around a common error."""
        common = rng.choice([-1, 1]) * rng.uniform(0.05, 0.25)
        bands = common + rng.choice([-1, 1], size=int(rng.integers(4, 9))) * rng.uniform(0.15, 0.4)
        return cls(tuple(float(band) for band in bands))

    def change(self, image: Picture, strength: float) -> Picture:
        """Log-compressed echoes move up or down together; what is black for lack of echo stays black."""
        bands = resize_field(np.array(self.bands, np.float32)[:, None], image.shape[0], 1)
        echo = np.minimum(1, image * np.float32(8))
        return image + np.float32(strength) * bands[..., None] * echo * (image + np.float32(0.25))


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

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Shadow":
        """Anywhere in the upper half."""
        return cls(
            top=(rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.55)),
            half_width=rng.uniform(0.04, 0.14),
            spread=rng.uniform(0.0, 0.07),
            lean=rng.uniform(-0.07, 0.07),
            depth=rng.uniform(0.65, 0.92),
            cap=rng.uniform(0.2, 0.8),
            ripple=(rng.uniform(0, 6.28), rng.uniform(0, 6.28)),
        )

    def alpha(self, height_px: int, width_px: int) -> Sheet:
        """Share of the echo that is lost at strength 1; negative on the bright top."""
        y = ((np.arange(height_px, dtype=np.float32) + 0.5) / height_px - self.top[1])[:, None]
        x = ((np.arange(width_px, dtype=np.float32) + 0.5) / width_px - self.top[0])[None, :]
        down = (y / (1 - self.top[1])).clip(0, 1)
        wavy = 1 + np.float32(0.1) * (np.sin(23 * y + self.ripple[0]) + np.sin(51 * y + self.ripple[1]))
        sideways = np.abs(x - self.lean * down) / ((self.half_width + self.spread * down) * wavy)
        below = y - np.float32(0.5) * self.half_width * sideways**2
        shade = _smooth_step((np.float32(1.5) - sideways) / np.float32(1.2)) * _smooth_step(below / np.float32(0.12))
        top = np.exp(-((below / np.float32(0.018)) ** 2)) * _smooth_step((np.float32(1.1) - sideways) / np.float32(0.6))
        return (self.depth * shade - self.cap * top).astype(np.float32)


@dataclass(frozen=True, slots=True)
class AcousticShadow(Simulator):
    """Dark stripes below something hard, soft at their sides, with a bright echo on top."""

    shadows: tuple[Shadow, ...]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "AcousticShadow":
        """One to three."""
        return cls(tuple(Shadow.draw(rng) for _ in range(int(rng.integers(1, 4)))))

    def apply(self, image: Picture, strength: float) -> Changed:
        """Multiply the echo away below each top."""
        passing = np.ones(image.shape[:2], np.float32)
        for shadow in self.shadows:
            passing *= 1 - np.float32(strength) * shadow.alpha(image.shape[0], image.shape[1])
        region = np.abs(passing - 1) > FAINTEST_ALPHA
        return image * np.where(region, passing, 1)[..., None], region


def _smooth_step(share: Sheet) -> Sheet:
    inside = share.clip(0, 1)
    return inside * inside * (3 - 2 * inside)
