"""What a magnetic resonance scanner does: uneven coil sensitivity, and ghosts of what moved."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from causalseg.causal.simulate.random_fields import smooth_field
from causalseg.causal.simulate.simulator import Simulator, draw_seed, everywhere


@dataclass(frozen=True, slots=True)
class BiasParams:
    """A coil's sensitivity."""

    depth: float
    """Largest magnitude of its logarithm, at strength 1."""
    humps: int
    seed: int


class BiasField(Simulator[BiasParams]):
    """Slow brightening and darkening across the picture."""

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> BiasParams:
        """One or two humps, up to a factor of about 2.3 to 4."""
        return BiasParams(rng.uniform(0.85, 1.4), int(rng.integers(1, 3)), draw_seed(rng))

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: BiasParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Multiply by the exponential of a smooth field."""
        field = smooth_field(np.random.default_rng(params.seed), image.shape[0], image.shape[1], params.humps)
        return image * np.exp(np.float32(strength * params.depth) * field)[..., None], everywhere(image)


@dataclass(frozen=True, slots=True)
class GhostParams:
    """Ghosts at strength 1."""

    axis: int
    """Phase-encoding direction: 0 down, 1 across."""
    spacing: float
    """Between ghosts, share of the picture."""
    brightness: tuple[float, ...]
    """Of the ghosts, from near to far, on both sides."""


class Ghosting(Simulator[GhostParams]):
    """Faint displaced copies along the phase-encoding direction, wrapping around the rim."""

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> GhostParams:
        """One to three ghosts a side, each fainter than the one before."""
        count = int(rng.integers(1, 4))
        first, fall = rng.uniform(0.25, 0.42), rng.uniform(0.5, 0.8)
        brightness = tuple(first * fall**order for order in range(count))
        return GhostParams(int(rng.integers(2)), rng.uniform(0.06, 0.28), brightness)

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: GhostParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Add copies to a slightly weaker picture."""
        result = image * np.float32(1 - 0.3 * strength)
        for order, brightness in enumerate(params.brightness, start=1):
            step_px = max(1, round(order * params.spacing * image.shape[params.axis]))
            copies = np.roll(image, step_px, params.axis) + np.roll(image, -step_px, params.axis)
            result += np.float32(strength * brightness / 2) * copies
        return result, everywhere(image)
