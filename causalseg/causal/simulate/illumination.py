"""What light and exposure do: too dark, too bright, flat, tinted, or framed in black."""

from dataclasses import dataclass

import numpy as np

from causalseg.causal.simulate.canvas import Canvas, curve, paint
from causalseg.causal.simulate.simulator import Changed, GlobalSimulator, Picture, Sheet, Simulator

GAMMA = 2.2
"""Display gamma: light = value ** GAMMA."""
SCOPE_GUIDE_GREEN = (0.07, 0.62, 0.5)


@dataclass(frozen=True, slots=True)
class OverExposure(GlobalSimulator):
    """Too much light: the bright parts burn out."""

    stops: float
    """Factors of two of the light; negative is darker."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "OverExposure":
        """One and a half to three stops more."""
        return cls(rng.uniform(1.5, 3.0))

    def change(self, image: Picture, strength: float) -> Picture:
        """Scale the light; the caller clips."""
        return image * np.float32(2 ** (strength * self.stops / GAMMA))


class UnderExposure(OverExposure):
    """Too little light."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "UnderExposure":
        """Three to five stops less."""
        return cls(-rng.uniform(3.0, 5.0))


@dataclass(frozen=True, slots=True)
class LowContrast(GlobalSimulator):
    """A washed-out picture."""

    lost: float
    """Share of the contrast that is gone."""
    veil: float
    """Grey value of the veil that takes its place, in [0, 1]."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "LowContrast":
        """Seven to nine tenths of the contrast lost."""
        return cls(rng.uniform(0.68, 0.88), rng.uniform(0.25, 0.65))

    def change(self, image: Picture, strength: float) -> Picture:
        """Blend with an even veil."""
        lost = np.float32(strength * self.lost)
        return image * (1 - lost) + lost * np.float32(self.veil)


@dataclass(frozen=True, slots=True)
class ColourCast(GlobalSimulator):
    """Everything tinted: white balance gone wrong."""

    coloured = True
    gain: tuple[float, float, float]
    """Factors of red, green and blue."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "ColourCast":
        """A hue drawn evenly, a fifth to two fifths of a channel lost."""
        hue, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.22, 0.42)
        waves = np.cos(hue - np.array([0, 2, 4]) * np.pi / 3)
        red, green, blue = (float(1 + depth * wave) for wave in waves)
        return cls((red, green, blue))

    def change(self, image: Picture, strength: float) -> Picture:
        """Scale the channels."""
        return image * (1 + np.float32(strength) * (np.array(self.gain, np.float32) - 1))


@dataclass(frozen=True, slots=True)
class DarkFrame(Simulator):
    """The black surround of an endoscope or a dermoscope, whose area grows with strength."""

    coloured = True
    power: float
    """Shape of the window: 2 is a circle, larger squarer."""
    corners: float
    """How far the corners are cut, 0 not at all."""
    centre: tuple[float, float]
    """x and y as shares of the picture."""
    window: float
    """Half-width of the window, as a share of half the picture."""
    soft: float
    """Width of the rim's fall-off, in the same unit."""
    shade: float
    """Grey value of the frame."""
    box: tuple[float, float] | None
    """Size (width, height) of a box in the lower left, or None."""
    box_green: bool
    """Whether it is a scope guide's green box, with the scope in it, or a black one."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "DarkFrame":
        """Round, squarish or with cut corners; sharp or soft; with a box in two of five."""
        box = (rng.uniform(0.22, 0.4), rng.uniform(0.22, 0.4)) if rng.random() < 0.4 else None
        return cls(
            power=float(rng.choice([2.0, 2.5, 6.0, 12.0])),
            corners=rng.uniform(0.0, 0.6),
            centre=(rng.uniform(0.45, 0.55), rng.uniform(0.45, 0.55)),
            window=rng.uniform(0.72, 0.96),
            soft=float(rng.choice([0.01, 0.03, 0.15])),
            shade=rng.uniform(0.0, 0.05),
            box=box,
            box_green=bool(rng.random() < 0.4),
        )

    def apply(self, image: Picture, strength: float) -> Changed:
        """Blacken what lies outside the window; then the box."""
        reach = self._distance(image.shape[0], image.shape[1])
        covered = strength * float((reach > self.window).mean())
        edge = np.quantile(reach[::2, ::2], 1 - covered).astype(np.float32)
        alpha = ((reach - edge) / np.float32(self.soft)).clip(0, 1)
        framed, region = paint(image, alpha, (self.shade,) * 3)
        if self.box is None:
            return framed, region
        boxed, box_region = self._with_box(framed, *(side * strength**0.5 for side in self.box))
        return boxed, region | box_region

    def _distance(self, height_px: int, width_px: int) -> Sheet:
        """1 at the middle of each side of the picture, more outside a window of half-width 1."""
        y = np.abs((np.arange(height_px, dtype=np.float32) + 0.5) / height_px - self.centre[1])[:, None] * 2
        x = np.abs((np.arange(width_px, dtype=np.float32) + 0.5) / width_px - self.centre[0])[None, :] * 2
        rounded = (x**self.power + y**self.power) ** np.float32(1 / self.power)
        return np.maximum(rounded, (x + y) / np.float32(2 - self.corners)).astype(np.float32)

    def _with_box(self, image: Picture, wide: float, high: float) -> Changed:
        """Black, or green with the line of the scope."""
        ground, scope = Canvas(*image.shape[:2], fine=False), Canvas(*image.shape[:2])
        left, top = 0.01, 0.99 - high
        ground.rectangle((left, top), (left + wide, 0.99))
        boxed, region = paint(image, ground.alpha(), SCOPE_GUIDE_GREEN if self.box_green else (self.shade,) * 3)
        if not self.box_green:
            return boxed, region
        path = curve((0.55, 0.98), (0.35, 0.6), (0.75, 0.35), 8) + curve((0.75, 0.35), (0.7, 0.1), (0.3, 0.25), 8)
        scope.line([(left + x * wide, top + y * high) for x, y in path], 0.01)
        lined, _ = paint(boxed, scope.alpha() * region, (0.12, 0.13, 0.1))
        return lined, region
