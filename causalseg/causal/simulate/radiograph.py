"""What lies on or beside a person in a radiograph: a side marker, wires and tubes."""

from dataclasses import dataclass

import numpy as np

from causalseg.causal.simulate.canvas import Canvas, PointXY, Stroke, arriving, curve, draw_point, paint
from causalseg.causal.simulate.simulator import Changed, Picture, Simulator

LEAD_WHITE = (0.96, 0.96, 0.96)


@dataclass(frozen=True, slots=True)
class SideMarker(Simulator):
    """A bright L or R beside the body."""

    letter: str
    corner: PointXY
    size: float
    surround: str
    """"none", "plate" (a translucent square) or "ring"."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "SideMarker":
        """One letter at the left or the right border, mostly above."""
        x, y = rng.choice([0.09, 0.91]) + rng.normal(0, 0.02), rng.uniform(0.05, 0.35)
        corner = float(x), float(1 - y if rng.random() < 0.1 else y)
        letter = str(rng.choice(["L", "R", "D", "L", "R", "AP"]))
        return cls(
            letter, corner, rng.uniform(0.035, 0.09), str(rng.choice(["none", "plate", "ring"], p=[0.6, 0.25, 0.15]))
        )

    def apply(self, image: Picture, strength: float) -> Changed:
        """The letter, more opaque with strength."""
        canvas = Canvas(*image.shape[:2])
        (x, y), half = self.corner, self.size * 0.8
        if self.surround == "plate":
            canvas.rectangle((x - half, y - half), (x + half, y + half), 0.35 * strength)
        if self.surround == "ring":
            canvas.ring(self.corner, half, 0.005, strength)
        canvas.text(self.corner, self.letter, self.size, strength, "mm")
        return paint(image, canvas.alpha(), LEAD_WHITE)


@dataclass(frozen=True, slots=True)
class Lead:
    """A lead or a tube."""

    stroke: Stroke
    opacity: float
    tube: bool
    """Two thin walls rather than one wire."""
    electrode: bool
    """Whether a round snap sits at its end."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Lead":
        """A tube from above in three of ten, else a lead from a side."""
        tube = bool(rng.random() < 0.3)
        start = (rng.uniform(0.3, 0.7), -0.05) if tube else (float(rng.choice([-0.05, 1.05])), rng.uniform(0.0, 0.9))
        points = start, draw_point(rng, 0.1, 0.9), draw_point(rng, 0.2, 0.85)
        width = rng.uniform(0.012, 0.022) if tube else rng.uniform(0.003, 0.007)
        opacity = rng.uniform(0.25, 0.45) if tube else rng.uniform(0.4, 0.8)
        return cls(Stroke(points, width), opacity, tube, electrode=not tube and bool(rng.random() < 0.7))

    def lay(self, canvas: Canvas, ink: float) -> None:
        """Draw it."""
        points, width = self.stroke
        if self.tube:
            for shift in (-width / 2, width / 2):
                canvas.line(curve(*((x + shift, y) for x, y in points), steps=20), 0.004, ink * self.opacity)
            return
        canvas.line(curve(*points, 20), width, ink * self.opacity)
        if self.electrode:
            canvas.disc(points[2], 0.018, 0.45 * ink)
            canvas.ring(points[2], 0.018, 0.005, 0.9 * ink)


@dataclass(frozen=True, slots=True)
class Wires(Simulator):
    """ECG leads with their electrodes, and tubes."""

    leads: tuple[Lead, ...]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Wires":
        """One to six."""
        return cls(tuple(Lead.draw(rng) for _ in range(int(rng.integers(1, 7)))))

    def apply(self, image: Picture, strength: float) -> Changed:
        """Lay them, one after the other."""
        canvas = Canvas(*image.shape[:2])
        for lead, ink in arriving(self.leads, strength):
            lead.lay(canvas, ink)
        return paint(image, canvas.alpha(), LEAD_WHITE)
