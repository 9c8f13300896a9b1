"""What the immersion fluid of dermoscopy shows: the edge of the gel, and bubbles in it."""

from dataclasses import dataclass

import numpy as np

from causalseg.causal.simulate.canvas import Canvas, PointXY, arriving, draw_point, offsets_xy, relight
from causalseg.causal.simulate.random_fields import grain
from causalseg.causal.simulate.simulator import Changed, Picture, Sheet, Simulator, draw_seed


@dataclass(frozen=True, slots=True)
class GelBorder(Simulator):
    """The edge of a drop of gel: a curved line that bends light, bright and dark; the skin outside is dry and paler."""

    centre: PointXY
    radius: float
    """Share of the shorter side."""
    waves: tuple[float, ...]
    """Depth of the outline's waves, from two humps on, shares of the radius."""
    phases: tuple[float, ...]
    """Of the waves, then of the rim's glints, in radians."""
    rim: float
    """Width of the bright line, share of the shorter side."""
    opacity: float
    """Of the bright line where it glints most."""
    dry: float
    """Share by which the skin outside is paler, beside the rim."""
    reach: float
    """Share of the shorter side over which that ends."""
    seed: int
    """Of the dry skin's gloss."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "GelBorder":
        """A drop that is seen whole or leaves by one side."""
        return cls(
            centre=draw_point(rng, 0.25, 0.75),
            radius=rng.uniform(0.36, 0.6),
            waves=tuple(float(wave) for wave in rng.uniform(0, 0.08, 3) / np.array([1, 1.5, 2])),
            phases=tuple(float(phase) for phase in rng.uniform(0, 6.28, 4)),
            rim=rng.uniform(0.004, 0.014),
            opacity=rng.uniform(0.4, 0.85),
            dry=rng.uniform(0.04, 0.18),
            reach=rng.uniform(0.05, 0.25),
            seed=draw_seed(rng),
        )

    def apply(self, image: Picture, strength: float) -> Changed:
        """Relight both sides of the outline."""
        height_px, width_px = image.shape[:2]
        outward, turn = self._outward(height_px, width_px)
        glints = np.float32(0.55) + np.float32(0.45) * np.sin(2 * turn + self.phases[3])
        bright = np.exp(-((outward / self.rim) ** 2)) + 0.6 * np.exp(
            -(((outward + 3 * self.rim) / (0.5 * self.rim)) ** 2)
        )
        dark = np.exp(-(((outward + 1.5 * self.rim) / (0.8 * self.rim)) ** 2))
        gloss = 1 + 0.25 * grain(np.random.default_rng(self.seed), height_px, width_px, coarse_y=2.0, coarse_x=2.0)
        pale = np.where(outward > 0, self.dry * np.exp(-np.maximum(outward, 0) / self.reach) * gloss.clip(0, 2), 0)
        lit = strength * np.maximum(self.opacity * bright * glints, pale)
        return relight(image, lit.astype(np.float32), (strength * 0.35 * dark).astype(np.float32))

    def _outward(self, height_px: int, width_px: int) -> tuple[Sheet, Sheet]:
        """Way from the outline to the outside, share of the shorter side; and the direction in radians."""
        across, down = offsets_xy(height_px, width_px, self.centre)
        turn = np.arctan2(down, across).astype(np.float32)
        waves = sum(wave * np.sin((humps + 2) * turn + self.phases[humps]) for humps, wave in enumerate(self.waves))
        return (np.hypot(across, down) - self.radius * (1 + waves)).astype(np.float32), turn


@dataclass(frozen=True, slots=True)
class GelBubble(Simulator):
    """Air bubbles in the gel: thin rings, bright inside and dark outside, nearly clear, with a small highlight."""

    bubbles: tuple[tuple[PointXY, float], ...]
    """Centre and radius of each."""
    light_xy: PointXY
    """From a bubble's centre to its highlight, shares of the radius."""
    clear: float
    """Share of the light that is lost inside."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "GelBubble":
        """Three to thirty, small ones more often; diameters from 0.01 to 0.12 of the side."""
        sizes = np.minimum(0.06, 0.005 + rng.exponential(rng.uniform(0.004, 0.014), int(rng.integers(3, 31))))
        turn = rng.uniform(0, 2 * np.pi)
        bubbles = tuple((draw_point(rng), float(size)) for size in sizes)
        return cls(bubbles, (0.5 * float(np.cos(turn)), 0.5 * float(np.sin(turn))), rng.uniform(0.05, 0.18))

    def apply(self, image: Picture, strength: float) -> Changed:
        """Relight rings and highlights, bubble by bubble."""
        height_px, width_px = image.shape[:2]
        stretch = min(height_px, width_px) / np.array([width_px, height_px])
        shade, lit = Canvas(height_px, width_px), Canvas(height_px, width_px)
        for ((x, y), radius), ink in arriving(self.bubbles, strength):
            shade.disc((x, y), radius, self.clear * ink)
            shade.ring((x, y), radius, 0.15 * radius, 0.5 * ink)
            lit.ring((x, y), 0.85 * radius, 0.2 * radius, 0.6 * ink)
            glint_x, glint_y = np.array(self.light_xy) * radius * stretch
            lit.disc((x + glint_x, y + glint_y), 0.18 * radius, 0.95 * ink)
        return relight(image, lit.alpha(), shade.alpha())
