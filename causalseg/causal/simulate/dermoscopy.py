"""What lies on the skin: hair, a ruler, ink."""

import math
from dataclasses import dataclass

import numpy as np

from causalseg.causal.simulate.canvas import Canvas, PointXY, Stroke, arriving, curve, draw_point, paint
from causalseg.causal.simulate.random_fields import grain
from causalseg.causal.simulate.simulator import Changed, Picture, Sheet, Simulator, draw_seed


@dataclass(frozen=True, slots=True)
class HairStrands(Simulator):
    """Dark thin curves over the skin, mostly combed one way."""

    coloured = True
    hairs: tuple[Stroke, ...]
    colour: tuple[float, float, float]
    opacity: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "HairStrands":
        """Twelve to forty-five hairs, black to light brown."""
        combed, width = rng.uniform(0, 2 * math.pi), rng.uniform(0.003, 0.009)
        hairs = tuple(_draw_hair(rng, combed, width) for _ in range(int(rng.integers(12, 46))))
        dark = rng.uniform(0.03, 0.3)
        return cls(hairs, (dark * 1.25, dark, dark * 0.85), rng.uniform(0.75, 0.95))

    def apply(self, image: Picture, strength: float) -> Changed:
        """Paint the hairs, one after the other."""
        canvas = Canvas(*image.shape[:2])
        for hair, ink in arriving(self.hairs, strength):
            canvas.line(curve(*hair.points), hair.width, ink * self.opacity)
        return paint(image, canvas.alpha(), self.colour)


def _draw_hair(rng: np.random.Generator, combed_rad: float, width: float) -> Stroke:
    centre, length = draw_point(rng), rng.uniform(0.25, 0.9)
    angle = combed_rad + rng.normal(0, 0.45)
    along = np.array([math.cos(angle), math.sin(angle)]) * length / 2
    bend = np.array([-along[1], along[0]]) * rng.normal(0, 0.5)
    start, middle, end = ((np.array(centre) + shift).tolist() for shift in (-along, bend, along))
    return Stroke((start, middle, end), width * rng.uniform(0.6, 1.2))


@dataclass(frozen=True, slots=True)
class Ruler:
    """A millimetre scale: ticks along a line."""

    start: PointXY
    along: PointXY
    """Step from one tick to the next."""
    inward: PointXY
    """Direction of the ticks, of length 1."""
    ticks: int
    """How many there are at strength 1."""
    baseline: bool
    """Whether a line joins the ticks (a scale drawn by the camera) or not (a paper ruler at the edge)."""
    shade: float
    """Grey value of the print."""

    @classmethod
    def draw_at_edge(cls, rng: np.random.Generator) -> "Ruler":
        """Ticks that grow inward from one of the four edges."""
        spacing = rng.uniform(0.018, 0.04)
        start, along, inward = [
            ((0.01, 0.0), (spacing, 0.0), (0.0, 1.0)),
            ((0.01, 1.0), (spacing, 0.0), (0.0, -1.0)),
            ((0.0, 0.01), (0.0, spacing), (1.0, 0.0)),
            ((1.0, 0.01), (0.0, spacing), (-1.0, 0.0)),
        ][int(rng.integers(4))]
        ticks = int(rng.uniform(0.6, 1.0) / spacing)
        return cls(start, along, inward, ticks, baseline=False, shade=rng.uniform(0, 0.2))

    @classmethod
    def draw_scale(cls, rng: np.random.Generator) -> "Ruler":
        """A short scale in the lower part, seldom quite level."""
        tilt, spacing = rng.choice([0.0, -0.7]) + rng.normal(0, 0.06), rng.uniform(0.02, 0.032)
        start = rng.uniform(0.1, 0.35), rng.uniform(0.78, 0.95)
        along, inward = (math.cos(tilt) * spacing, math.sin(tilt) * spacing), (math.sin(tilt), -math.cos(tilt))
        return cls(start, along, inward, int(rng.integers(16, 26)), baseline=True, shade=rng.uniform(0.05, 0.35))

    def alpha(self, height_px: int, width_px: int, strength: float) -> Sheet:
        """The ticks that have come at `strength`, with their figures."""
        canvas = Canvas(height_px, width_px)
        for tick, ink in arriving(range(self.ticks), strength):
            self._print_tick(canvas, tick, 0.9 * ink)
        return canvas.alpha()

    def _print_tick(self, canvas: Canvas, tick: int, ink: float) -> None:
        foot = self.start[0] + tick * self.along[0], self.start[1] + tick * self.along[1]
        reach = (0.045 if tick % 10 == 0 else 0.035 if tick % 5 == 0 else 0.02) * (1 if self.baseline else 1.5)
        canvas.line([foot, _moved(foot, self.inward, reach)], 0.004, ink)
        if self.baseline and tick:
            canvas.line([foot, _moved(foot, self.along, -1.0)], 0.004, ink)
        if self.baseline and not tick:
            canvas.text(_moved(foot, self.inward, -0.035), "MM", 0.045, ink, "lm")
        if not self.baseline and tick and tick % 10 == 0:
            canvas.text(_moved(foot, self.inward, 0.1), str(tick // 10), 0.05, ink, "mm")


def _moved(point: PointXY, direction: PointXY, reach: float) -> PointXY:
    return point[0] + direction[0] * reach, point[1] + direction[1] * reach


@dataclass(frozen=True, slots=True)
class RulerInk(Simulator):
    """Ruler ticks with figures, or strokes of a skin marker in gentian ink, or both."""

    coloured = True
    ruler: Ruler | None
    strokes: tuple[Stroke, ...]
    """Of ink; none where there is a ruler only."""
    colour: tuple[float, float, float]
    """Of the ink."""
    seed: int
    """Of the ink's patchiness."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "RulerInk":
        """A ruler in three of five, ink in three of five, always one of them."""
        kind = rng.random()
        ruler = None if kind > 0.6 else Ruler.draw_at_edge(rng) if rng.random() < 0.5 else Ruler.draw_scale(rng)
        violet = (rng.uniform(0.2, 0.4), rng.uniform(0.1, 0.25), rng.uniform(0.4, 0.6))
        return cls(ruler, _draw_strokes(rng) if kind > 0.4 else (), violet, draw_seed(rng))

    def apply(self, image: Picture, strength: float) -> Changed:
        """Ink soaks in, print lies on top."""
        inked, wet = paint(image, self._ink_alpha(image.shape[0], image.shape[1], strength), self.colour)
        if self.ruler is None:
            return inked, wet
        print_alpha = self.ruler.alpha(image.shape[0], image.shape[1], strength)
        printed, print_region = paint(inked, print_alpha, (self.ruler.shade,) * 3)
        return printed, wet | print_region

    def _ink_alpha(self, height_px: int, width_px: int, strength: float) -> Sheet:
        """Strokes with ragged sides and gaps, as a pen leaves them on skin."""
        shape, share = (Canvas(height_px, width_px, fine=False) for _ in range(2))
        for stroke, ink in arriving(self.strokes, strength):
            points = curve(*stroke.points, 24)
            shape.line(points, stroke.width)
            share.line(points, 2 * stroke.width, ink)
        if not self.strokes:
            return shape.alpha()
        skin = grain(np.random.default_rng(self.seed), height_px, width_px, coarse_y=2.5, coarse_x=2.5)
        ragged = (shape.alpha(soft=0.012) * (np.float32(1.1) + np.float32(0.5) * skin) - np.float32(0.2)).clip(0, 0.85)
        return ragged * share.alpha()


def _draw_strokes(rng: np.random.Generator) -> tuple[Stroke, ...]:
    """Strokes around the middle, where a lesion is marked, seldom across it."""
    strokes, width = [], rng.uniform(0.02, 0.06)
    for _ in range(int(rng.integers(1, 4))):
        turn, reach = rng.uniform(0, 2 * math.pi), rng.uniform(0.36, 0.47)
        span = rng.uniform(0.1, 0.5)
        start, middle, end = (
            (0.5 + stretch * reach * math.cos(turn + step), 0.5 + stretch * reach * math.sin(turn + step))
            for step, stretch in ((-span, 1.0), (rng.normal(0, 0.1), rng.uniform(0.95, 1.2)), (span, 1.0))
        )
        strokes.append(Stroke((start, middle, end), width * rng.uniform(0.7, 1.3)))
    return tuple(strokes)
