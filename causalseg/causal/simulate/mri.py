"""What a magnetic resonance scanner does: uneven coil sensitivity, and ghosts of what moved."""

from dataclasses import dataclass

import numpy as np

from causalseg.causal.simulate.random_fields import smooth_field
from causalseg.causal.simulate.simulator import GlobalSimulator, Picture, draw_seed


@dataclass(frozen=True, slots=True)
class BiasField(GlobalSimulator):
    """Slow brightening and darkening across the picture, as of a coil's sensitivity."""

    depth: float
    """Largest magnitude of the logarithm of the sensitivity."""
    humps: int
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "BiasField":
        """One or two humps, up to a factor of about 2.3 to 4."""
        return cls(rng.uniform(0.85, 1.4), int(rng.integers(1, 3)), draw_seed(rng))

    def change(self, image: Picture, strength: float) -> Picture:
        """Multiply by the exponential of a smooth field."""
        field = smooth_field(np.random.default_rng(self.seed), image.shape[0], image.shape[1], self.humps)
        return image * np.exp(np.float32(strength * self.depth) * field)[..., None]


@dataclass(frozen=True, slots=True)
class Ghosting(GlobalSimulator):
    """Faint displaced copies along the phase-encoding direction, wrapping around the rim."""

    axis: int
    """Phase-encoding direction: 0 down, 1 across."""
    spacing: float
    """Between ghosts, share of the picture."""
    brightness: tuple[float, ...]
    """Of the ghosts, from near to far, on both sides."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Ghosting":
        """One to three ghosts a side, each fainter than the one before."""
        count = int(rng.integers(1, 4))
        first, fall = rng.uniform(0.25, 0.42), rng.uniform(0.5, 0.8)
        return cls(int(rng.integers(2)), rng.uniform(0.06, 0.28), tuple(first * fall**order for order in range(count)))

    def change(self, image: Picture, strength: float) -> Picture:
        """Add copies to a slightly weaker picture."""
        result = image * np.float32(1 - 0.3 * strength)
        for order, brightness in enumerate(self.brightness, start=1):
            step_px = max(1, round(order * self.spacing * image.shape[self.axis]))
            copies = np.roll(image, step_px, self.axis) + np.roll(image, -step_px, self.axis)
            result += np.float32(strength * brightness / 2) * copies
        return result
