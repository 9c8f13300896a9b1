"""What an ultrasound machine draws on its display: a box of interest, its maker's logo, a depth scale."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from causalseg.causal.simulate.canvas import Canvas, PointXY, arrival, arriving, paint
from causalseg.causal.simulate.simulator import Changed, Picture, Simulator

BOX_COLOURS = ((0.95, 0.95, 0.95), (0.75, 0.75, 0.6), (0.98, 0.92, 0.2), (0.25, 0.95, 0.35), (0.95, 0.75, 0.2))


@dataclass(frozen=True, slots=True)
class BoxOverlay(Simulator):
    """A thin drawn box or line: the region of a Doppler or a zoom, upright, slanted or widening, or a guide line."""

    coloured = True
    paths: tuple[tuple[PointXY, ...], ...]
    """Open lines; a box ends where it starts."""
    stroke: float
    colour: tuple[float, float, float]
    opacity: float
    dashes: int
    """How many a line has; 0 is unbroken."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "BoxOverlay":
        """A box in four of five, else a dashed guide line; now and then both."""
        with_box, with_line = rng.random() < 0.85, rng.random() < 0.2
        paths = [_draw_box(rng)] if with_box else []
        if with_line or not with_box:
            x, lean = rng.uniform(0.2, 0.8), rng.normal(0, 0.25)
            paths.append(((x - lean, 0.0), (x + lean, rng.uniform(0.7, 1.0))))
        colour = BOX_COLOURS[int(rng.integers(len(BOX_COLOURS)))]
        dashes = int(rng.integers(12, 40)) if not with_box or rng.random() < 0.2 else 0
        return cls(tuple(paths), rng.uniform(0.0025, 0.006), colour, rng.uniform(0.5, 1.0), dashes)

    def apply(self, image: Picture, strength: float) -> Changed:
        """The lines, more opaque with strength."""
        canvas = Canvas(*image.shape[:2])
        for path in self.paths:
            for start, end in pairwise(path):
                for first, last in self._pieces(start, end):
                    canvas.line([first, last], self.stroke, self.opacity * strength)
        return paint(image, canvas.alpha(), self.colour)

    def _pieces(self, start: PointXY, end: PointXY) -> list[tuple[PointXY, PointXY]]:
        if not self.dashes:
            return [(start, end)]
        shares = np.linspace(0, 1, 2 * self.dashes)[:, None]
        points = np.array(start) + shares * (np.array(end) - np.array(start))
        return [(points[i].tolist(), points[i + 1].tolist()) for i in range(0, 2 * self.dashes, 2)]


def _draw_box(rng: np.random.Generator) -> tuple[PointXY, ...]:
    """Upright in half of the cases, else with slanted sides, or wider below."""
    wide, high = rng.uniform(0.25, 0.65), rng.uniform(0.2, 0.6)
    left, top = rng.uniform(0.03, 0.97 - wide), rng.uniform(0.03, 0.97 - high)
    kind, shift = rng.random(), rng.uniform(0.05, 0.15) * rng.choice([-1, 1])
    slant, spread = (0.0 if kind < 0.75 else shift), (abs(shift) if 0.5 < kind < 0.75 else 0.0)
    upper = (left + slant + spread, top), (left + wide + slant - spread, top)
    lower = (left + wide - slant, top + high), (left - slant, top + high)
    return (*upper, *lower, upper[0])


MADE_UP_LETTERS = ("Q", "S", "E", "V", "U", "P", "G")
MADE_UP_NAMES = (("SONO", "E9"), ("VISIO", "S7"), ("ECHO", "X5"), ("US", "PRO"), ("Q-SCAN",), ("ultra",))
"""Of no maker that we know of: what is learnt is the place and the look."""


@dataclass(frozen=True, slots=True)
class VendorLogo(Simulator):
    """A small sign or name in the left top corner, often cut off, or ticks of depth along a side, or both."""

    lines: tuple[str, ...]
    """Of the name; none where there is a scale only."""
    boxed: str
    """What surrounds a single letter: "none", "box" or "ring"."""
    corner: PointXY
    size: float
    """Height of the letters, share of the shorter side."""
    ticks: int
    """Of the scale; 0 where there is a logo only."""
    spacing: float
    on_right: bool
    shade: float
    """Grey value, in [0, 1]."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "VendorLogo":
        """A logo in three of four, a scale in a half, always one of them."""
        kind, letter = rng.random(), rng.random() < 0.6
        name = MADE_UP_NAMES[int(rng.integers(len(MADE_UP_NAMES)))]
        lines = (str(rng.choice(MADE_UP_LETTERS)),) if letter else name
        spacing = rng.uniform(0.02, 0.06)
        return cls(
            lines=lines if kind < 0.75 else (),
            boxed=str(rng.choice(["none", "box", "ring"], p=[0.2, 0.4, 0.4])) if letter else "none",
            corner=(rng.uniform(-0.012, 0.03), rng.uniform(-0.012, 0.03)),
            size=rng.uniform(0.025, 0.05),
            ticks=int(rng.uniform(0.6, 1.0) / spacing) if kind > 0.5 else 0,
            spacing=spacing,
            on_right=bool(rng.random() < 0.7),
            shade=rng.uniform(0.6, 1.0),
        )

    def apply(self, image: Picture, strength: float) -> Changed:
        """The logo on its black ground first, then the ticks, one after the other."""
        ground, canvas = (Canvas(*image.shape[:2]) for _ in range(2))
        parts = bool(self.lines) + bool(self.ticks)
        if self.lines:
            self._print_logo(ground, canvas, arrival(strength, 0, parts))
        for tick, ink in arriving(range(self.ticks), arrival(strength, parts - 1, parts)):
            self._print_tick(canvas, tick, ink)
        grounded, dark = paint(image, ground.alpha(), (0.0, 0.0, 0.0))
        printed, region = paint(grounded, canvas.alpha(), (self.shade,) * 3)
        return printed, dark | region

    def _print_logo(self, ground: Canvas, canvas: Canvas, ink: float) -> None:
        (x, y), size = self.corner, self.size
        wide = 0.65 * size * max(len(line) for line in self.lines)
        ground.rectangle((x, y), (x + max(wide, size), y + size * len(self.lines)), 0.7 * ink)
        middle = x + size / 2, y + size / 2
        if self.boxed == "ring":
            canvas.ring(middle, size * 0.6, 0.004, ink)
        if self.boxed == "box":
            half = size * 0.6
            turns = [(-half, -half), (half, -half), (half, half), (-half, half), (-half, -half)]
            canvas.line([(middle[0] + dx, middle[1] + dy) for dx, dy in turns], 0.004, ink)
        for row, line in enumerate(self.lines):
            if self.boxed == "none":
                canvas.text((x, y + row * size), line, size, ink)
            else:
                canvas.text(middle, line, size * 0.8, ink, "mm")

    def _print_tick(self, canvas: Canvas, tick: int, ink: float) -> None:
        x, inward = (0.995, -1) if self.on_right else (0.005, 1)
        y, fifth = (tick + 0.5) * self.spacing, tick % 5 == 4
        canvas.line([(x, y), (x + inward * (0.025 if fifth else 0.012), y)], 0.0035, ink)
        if fifth:
            anchor = "rm" if self.on_right else "lm"
            canvas.text((x + inward * 0.032, y), str(math.ceil(tick / 5)), 0.032, ink, anchor)
