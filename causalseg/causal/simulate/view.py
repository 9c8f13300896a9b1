"""What an optic leaves dark around the scan, and the box of an endoscope's position."""

from dataclasses import dataclass

import numpy as np

from causalseg.causal.simulate.canvas import Canvas, curve, offsets_xy, paint, relight
from causalseg.causal.simulate.simulator import Changed, Picture, Sheet, Simulator

SCOPE_GUIDE_GREEN = (0.07, 0.62, 0.5)


@dataclass(frozen=True, slots=True)
class DarkFrame(Simulator):
    """The black surround of an endoscope's picture, whose area grows with strength."""

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

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "DarkFrame":
        """Eight-sided in three of five, else round or squarish; most of them sharp."""
        octagon = rng.random() < 0.6
        return cls(
            power=16.0 if octagon else float(rng.choice([2.0, 2.5, 6.0])),
            corners=rng.uniform(0.35, 0.8) if octagon else rng.uniform(0.0, 0.4),
            centre=(rng.uniform(0.45, 0.55), rng.uniform(0.45, 0.55)),
            window=rng.uniform(0.85, 1.0) if octagon else rng.uniform(0.72, 0.96),
            soft=float(rng.choice([0.01, 0.02, 0.05])),
            shade=rng.uniform(0.0, 0.05),
        )

    def apply(self, image: Picture, strength: float) -> Changed:
        """Blacken what lies outside the window."""
        reach = self._distance(image.shape[0], image.shape[1])
        edge = _edge(reach, strength * float((reach > self.window).mean()))
        return paint(image, ((reach - edge) / np.float32(self.soft)).clip(0, 1), (self.shade,) * 3)

    def _distance(self, height_px: int, width_px: int) -> Sheet:
        """1 at the middle of each side of the picture, more outside a window of half-width 1."""
        y = np.abs((np.arange(height_px, dtype=np.float32) + 0.5) / height_px - self.centre[1])[:, None] * 2
        x = np.abs((np.arange(width_px, dtype=np.float32) + 0.5) / width_px - self.centre[0])[None, :] * 2
        rounded = (x**self.power + y**self.power) ** np.float32(1 / self.power)
        return np.maximum(rounded, (x + y) / np.float32(2 - self.corners)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class DarkCorner(Simulator):
    """The round rim of a dermatoscope: dark corners, or black around a round picture."""

    centre: tuple[float, float]
    """x and y as shares of the picture."""
    covered: float
    """Share of the picture that is dark at strength 1."""
    soft: float
    """Width of the rim's fall-off, share of the shorter side."""
    depth: float
    """Share of the light that is lost."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "DarkCorner":
        """Small corners in two of three, else a whole rim; sharp or soft."""
        covered = rng.uniform(0.03, 0.12) if rng.random() < 0.65 else rng.uniform(0.12, 0.45)
        centre = float(0.5 + rng.normal(0, 0.05)), float(0.5 + rng.normal(0, 0.05))
        return cls(centre, covered, float(rng.choice([0.01, 0.04, 0.1, 0.2])), rng.uniform(0.85, 1.0))

    def apply(self, image: Picture, strength: float) -> Changed:
        """Take the light away outside a circle; colours stay until they are black."""
        height_px, width_px = image.shape[:2]
        across, down = offsets_xy(height_px, width_px, self.centre)
        reach = np.hypot(across, down).astype(np.float32)
        edge = _edge(reach, strength * self.covered)
        shade = ((reach - edge) / np.float32(self.soft)).clip(0, 1)
        return relight(image, np.zeros_like(shade), shade * np.float32(self.depth))


def _edge(reach: Sheet, covered: float) -> np.float32:
    """Reach beyond which the share `covered` of the picture lies."""
    return np.float32(np.quantile(reach[::2, ::2], 1 - covered))


@dataclass(frozen=True, slots=True)
class PositionBox(Simulator):
    """An opaque box over a lower corner of an endoscope's picture: black, or green with the line of the scope."""

    coloured = True
    size: tuple[float, float]
    """Width and height as shares of the picture."""
    margin: float
    """Between the box and the border, share of the picture."""
    on_right: bool
    green: bool
    """Whether it is a scope guide's green box, with the scope in it, or a black one."""
    colour: tuple[float, float, float]
    scope_xy: tuple[tuple[float, float], ...]
    """Five points that the scope's line follows, shares of the box."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "PositionBox":
        """In the lower left in nine of ten; as often green as black."""
        green = bool(rng.random() < 0.5)
        light = rng.uniform(0.75, 1.15) if green else rng.uniform(0.0, 0.05)
        red, mid, blue = SCOPE_GUIDE_GREEN if green else (1.0, 1.0, 1.0)
        bends = np.array([(0.55, 0.98), (0.35, 0.6), (0.75, 0.35), (0.7, 0.1), (0.3, 0.25)])
        moved = (bends + rng.normal(0, 0.06, bends.shape)).clip(0.04, 0.98)
        return cls(
            size=(rng.uniform(0.2, 0.4), rng.uniform(0.2, 0.4)),
            margin=float(rng.choice([0.0, 0.0, 0.01])),
            on_right=bool(rng.random() < 0.1),
            green=green,
            colour=(light * red, light * mid, light * blue),
            scope_xy=tuple((float(x), float(y)) for x, y in moved),
        )

    def apply(self, image: Picture, strength: float) -> Changed:
        """The box grows from its corner, as opaque as it ever is."""
        wide, high = (side * strength**0.5 for side in self.size)
        left, top = (1 - self.margin - wide if self.on_right else self.margin), 1 - self.margin - high
        ground, scope = Canvas(*image.shape[:2], fine=False), Canvas(*image.shape[:2])
        ground.rectangle((left, top), (left + wide, 1 - self.margin))
        boxed, region = paint(image, ground.alpha(), self.colour)
        if not self.green:
            return boxed, region
        first, bend, middle, other_bend, last = self.scope_xy
        path = curve(first, bend, middle, 8) + curve(middle, other_bend, last, 8)
        scope.line([(left + x * wide, top + y * high) for x, y in path], 0.01)
        lined, _ = paint(boxed, scope.alpha() * region, (0.12, 0.13, 0.1))
        return lined, region
