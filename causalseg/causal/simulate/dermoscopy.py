"""What lies on the skin: hair, a ruler, ink."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from causalseg.causal.simulate.canvas import Canvas, PointXY, arrival, curve, draw_point, paint
from causalseg.causal.simulate.random_fields import grain
from causalseg.causal.simulate.simulator import Simulator, draw_seed


@dataclass(frozen=True, slots=True)
class Hair:
    """One hair, a quadratic Bezier curve."""

    start: PointXY
    middle: PointXY
    end: PointXY
    width: float


@dataclass(frozen=True, slots=True)
class HairParams:
    """All hairs of a picture; they come one after the other."""

    hairs: tuple[Hair, ...]
    colour: tuple[float, float, float]
    opacity: float


class HairStrands(Simulator[HairParams]):
    """Dark thin curves over the skin, mostly combed one way."""

    coloured = True

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> HairParams:
        """Twelve to forty-five hairs, black to light brown."""
        combed, width = rng.uniform(0, 2 * math.pi), rng.uniform(0.003, 0.009)
        hairs = tuple(_draw_hair(rng, combed, width) for _ in range(int(rng.integers(12, 46))))
        dark = rng.uniform(0.03, 0.3)
        return HairParams(hairs, (dark * 1.25, dark, dark * 0.85), rng.uniform(0.75, 0.95))

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: HairParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Paint the hairs."""
        canvas = Canvas(*image.shape[:2])
        for index in reversed(range(len(params.hairs))):
            if ink := arrival(strength, index, len(params.hairs)):
                hair = params.hairs[index]
                canvas.line(curve(hair.start, hair.middle, hair.end), hair.width, ink * params.opacity)
        return paint(image, canvas.alpha(), params.colour)


def _draw_hair(rng: np.random.Generator, combed_rad: float, width: float) -> Hair:
    centre, length = draw_point(rng), rng.uniform(0.25, 0.9)
    angle = combed_rad + rng.normal(0, 0.45)
    along = np.array([math.cos(angle), math.sin(angle)]) * length / 2
    bend = np.array([-along[1], along[0]]) * rng.normal(0, 0.5)
    start, middle, end = np.array(centre) - along, np.array(centre) + bend, np.array(centre) + along
    return Hair(_point(start), _point(middle), _point(end), width * rng.uniform(0.6, 1.2))


def _point(xy: np.ndarray) -> PointXY:
    return float(xy[0]), float(xy[1])


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


@dataclass(frozen=True, slots=True)
class RulerInkParams:
    """A ruler, or strokes of a skin marker, or both."""

    ruler: Ruler | None
    strokes: tuple[Hair, ...]
    """Of ink; none where there is a ruler only."""
    colour: tuple[float, float, float]
    """Of the ink."""
    seed: int
    """Of the ink's patchiness."""


class RulerInk(Simulator[RulerInkParams]):
    """Ruler ticks with figures, or gentian ink."""

    coloured = True

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> RulerInkParams:
        """A ruler in three of five, ink in three of five, always one of them."""
        kind = rng.random()
        ruler = None if kind > 0.6 else _draw_edge_ruler(rng) if rng.random() < 0.5 else _draw_scale(rng)
        violet = (rng.uniform(0.2, 0.4), rng.uniform(0.1, 0.25), rng.uniform(0.4, 0.6))
        return RulerInkParams(ruler, _draw_strokes(rng) if kind > 0.4 else (), violet, draw_seed(rng))

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: RulerInkParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Ink soaks in, print lies on top."""
        inked, wet = paint(image, _ink_alpha(image.shape[0], image.shape[1], params, strength), params.colour)
        if params.ruler is None:
            return inked, wet
        printed, print_region = paint(
            inked, _ruler_alpha(image.shape[0], image.shape[1], params.ruler, strength), (params.ruler.shade,) * 3
        )
        return printed, wet | print_region


def _draw_edge_ruler(rng: np.random.Generator) -> Ruler:
    """Ticks that grow inward from one of the four edges."""
    spacing = rng.uniform(0.018, 0.04)
    start, along, inward = [
        ((0.01, 0.0), (spacing, 0.0), (0.0, 1.0)),
        ((0.01, 1.0), (spacing, 0.0), (0.0, -1.0)),
        ((0.0, 0.01), (0.0, spacing), (1.0, 0.0)),
        ((1.0, 0.01), (0.0, spacing), (-1.0, 0.0)),
    ][int(rng.integers(4))]
    return Ruler(start, along, inward, int(rng.uniform(0.6, 1.0) / spacing), baseline=False, shade=rng.uniform(0, 0.2))


def _draw_scale(rng: np.random.Generator) -> Ruler:
    """A short scale in the lower part, seldom quite level."""
    tilt, spacing = rng.choice([0.0, -0.7]) + rng.normal(0, 0.06), rng.uniform(0.02, 0.032)
    start = rng.uniform(0.1, 0.35), rng.uniform(0.78, 0.95)
    along, inward = (math.cos(tilt) * spacing, math.sin(tilt) * spacing), (math.sin(tilt), -math.cos(tilt))
    return Ruler(start, along, inward, int(rng.integers(16, 26)), baseline=True, shade=rng.uniform(0.05, 0.35))


def _draw_strokes(rng: np.random.Generator) -> tuple[Hair, ...]:
    """Strokes around the middle, where a lesion is marked, seldom across it."""
    strokes, width = [], rng.uniform(0.02, 0.06)
    for _ in range(int(rng.integers(1, 4))):
        turn, reach = rng.uniform(0, 2 * math.pi), rng.uniform(0.36, 0.47)
        span = rng.uniform(0.1, 0.5)
        start, middle, end = (
            (0.5 + stretch * reach * math.cos(turn + step), 0.5 + stretch * reach * math.sin(turn + step))
            for step, stretch in ((-span, 1.0), (rng.normal(0, 0.1), rng.uniform(0.95, 1.2)), (span, 1.0))
        )
        strokes.append(Hair(start, middle, end, width * rng.uniform(0.7, 1.3)))
    return tuple(strokes)


def _ink_alpha(
    height_px: int, width_px: int, params: RulerInkParams, strength: float
) -> Float32[np.ndarray, "height width"]:
    """Strokes with ragged sides and gaps, as a pen leaves them on skin."""
    shape, share = (Canvas(height_px, width_px, fine=False) for _ in range(2))
    for index in reversed(range(len(params.strokes))):
        if ink := arrival(strength, index, len(params.strokes)):
            stroke = params.strokes[index]
            points = curve(stroke.start, stroke.middle, stroke.end, 24)
            shape.line(points, stroke.width)
            share.line(points, 2 * stroke.width, ink)
    if not params.strokes:
        return shape.alpha()
    skin = grain(np.random.default_rng(params.seed), height_px, width_px, coarse_y=2.5, coarse_x=2.5)
    ragged = (shape.alpha(soft=0.012) * (np.float32(1.1) + np.float32(0.5) * skin) - np.float32(0.2)).clip(0, 0.85)
    return ragged * share.alpha()


def _ruler_alpha(height_px: int, width_px: int, ruler: Ruler, strength: float) -> Float32[np.ndarray, "height width"]:
    canvas = Canvas(height_px, width_px)
    for tick in reversed(range(ruler.ticks)):
        if ink := 0.9 * arrival(strength, tick, ruler.ticks):
            _print_tick(canvas, ruler, tick, ink)
    return canvas.alpha()


def _print_tick(canvas: Canvas, ruler: Ruler, tick: int, ink: float) -> None:
    foot = ruler.start[0] + tick * ruler.along[0], ruler.start[1] + tick * ruler.along[1]
    reach = (0.045 if tick % 10 == 0 else 0.035 if tick % 5 == 0 else 0.02) * (1 if ruler.baseline else 1.5)
    canvas.line([foot, _moved(foot, ruler.inward, reach)], 0.004, ink)
    if ruler.baseline and tick:
        canvas.line([foot, _moved(foot, ruler.along, -1.0)], 0.004, ink)
    if ruler.baseline and not tick:
        canvas.text(_moved(foot, ruler.inward, -0.035), "MM", 0.045, ink, "lm")
    if not ruler.baseline and tick and tick % 10 == 0:
        canvas.text(_moved(foot, ruler.inward, 0.1), str(tick // 10), 0.05, ink, "mm")


def _moved(point: PointXY, direction: PointXY, reach: float) -> PointXY:
    return point[0] + direction[0] * reach, point[1] + direction[1] * reach
