"""What lies on the skin: hair, a ruler, ink, calibration stickers."""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from causalseg.causal.simulate.canvas import Canvas, PointXY, Stroke, arriving, curve, draw_point, offsets_xy, paint
from causalseg.causal.simulate.random_fields import grain
from causalseg.causal.simulate.simulator import Changed, Picture, Sheet, Simulator, draw_seed

DARK_SHARE = 0.05
"""Share of the picture that counts as its dark parts."""


@dataclass(frozen=True, slots=True)
class HairStrands(Simulator):
    """Fine curves over the skin that thin out to their ends, mostly combed one way, or a stubble."""

    coloured = True
    hairs: tuple[Stroke, ...]
    colour: tuple[float, float, float]
    light: bool
    """Fair hair keeps its colour; dark hair takes half of it from the dark parts of the picture."""
    opacity: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "HairStrands":
        """Few to many long ones, a down of fine ones, or stubble; black to brown, one in seven fair."""
        kind = rng.choice(["long", "down", "stubble"], p=[0.5, 0.3, 0.2])
        combed = rng.uniform(0, 2 * math.pi)
        if kind == "long":
            width, lengths, count = rng.uniform(0.003, 0.008), (0.2, 0.9), int(rng.integers(8, 60))
        elif kind == "down":
            width, lengths, count = rng.uniform(0.0018, 0.0035), (0.1, 0.6), int(rng.integers(30, 110))
        else:
            width, lengths, count = rng.uniform(0.004, 0.009), (0.02, 0.1), int(rng.integers(20, 80))
        curl = rng.uniform(0.05, 0.15) if kind == "stubble" else rng.uniform(0.25, 0.6)
        hairs = tuple(_draw_hair(rng, combed, width, lengths, curl) for _ in range(count))
        light, dark = bool(rng.random() < 0.15), rng.uniform(0.02, 0.25)
        colour = (0.86, 0.76, 0.6) if light else (dark * 1.3, dark, dark * 0.8)
        return cls(hairs, colour, light, rng.uniform(0.55, 0.9) if kind == "down" else rng.uniform(0.75, 0.95))

    def apply(self, image: Picture, strength: float) -> Changed:
        """Paint the hairs, one after the other."""
        canvas = Canvas(*image.shape[:2])
        for hair, ink in arriving(self.hairs, strength):
            canvas.tapering(curve(*hair.points, 10), hair.width, ink * self.opacity)
        mixed = (np.array(self.colour, np.float32) + np.float32(0.5) * _darkest(image)) / 2
        return paint(image, canvas.alpha(), self.colour if self.light else mixed.tolist())


def _darkest(image: Picture) -> Float32[np.ndarray, " 3"]:
    """Mean colour of the dark parts."""
    pixels = image[::4, ::4].reshape(-1, 3)
    light = pixels.sum(axis=1)
    return pixels[light <= np.quantile(light, DARK_SHARE)].mean(axis=0).astype(np.float32)


def _draw_hair(
    rng: np.random.Generator, combed_rad: float, width: float, lengths: tuple[float, float], curl: float
) -> Stroke:
    centre, length = draw_point(rng), rng.uniform(*lengths)
    angle = combed_rad + rng.normal(0, 0.45) + rng.choice([0, math.pi])
    along = np.array([math.cos(angle), math.sin(angle)]) * length / 2
    bend = np.array([-along[1], along[0]]) * rng.normal(0, curl)
    start, middle, end = ((np.array(centre) + shift).tolist() for shift in (-along, bend, along))
    return Stroke((start, middle, end), width * rng.uniform(0.6, 1.2))


@dataclass(frozen=True, slots=True)
class Ruler(Simulator):
    """A millimetre scale: fine ticks along a line, drawn by the camera or printed at an edge."""

    start: PointXY
    along_rad: float
    """Direction of the line at its start."""
    bend_rad: float
    """Turn of the direction from one tick to the next."""
    spacing: float
    """From one tick to the next."""
    inward: int
    """On which side of the line the ticks stand, 1 or -1."""
    ticks: int
    """How many there are at strength 1."""
    reach: float
    """Length of a short tick."""
    stroke: float
    baseline: bool
    """Whether a line joins the ticks, with a unit at its start, or every tenth tick has a figure."""
    unit: str
    shade: float
    """Grey value of the print."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Ruler":
        """A scale with a baseline in half, ticks at an edge in three of ten, else ticks along an arc."""
        kind = rng.choice(["scale", "edge", "arc"], p=[0.5, 0.3, 0.2])
        look = (
            rng.uniform(0.0025, 0.0045),
            bool(kind == "scale"),
            str(rng.choice(["MM", "mm"])),
            rng.uniform(0.0, 0.35),
        )
        if kind == "edge":
            spacing, (start, along, inward) = rng.uniform(0.012, 0.035), _EDGES[int(rng.integers(4))]
            ticks = int(rng.uniform(0.6, 1.0) / spacing)
            return cls(start, along, 0.0, spacing, inward, ticks, rng.uniform(0.012, 0.03), *look)
        long, spacing = rng.uniform(0.4, 0.75), float(rng.choice([rng.uniform(0.009, 0.014), rng.uniform(0.02, 0.035)]))
        ticks, reach = int(long / spacing), min(0.018, spacing)
        if kind == "scale":
            along = float(rng.choice([0.0, -0.3, 0.4, -1.2])) + rng.normal(0, 0.08)
            start = rng.uniform(0.02, 0.3), rng.uniform(0.8, 0.97) if along < 0.2 else rng.uniform(0.6, 0.75)
            return cls(start, along, 0.0, spacing, -1, ticks, reach, *look)
        turn, radius = rng.uniform(0, 2 * math.pi), rng.uniform(0.36, 0.46)
        start = 0.5 + radius * math.cos(turn), 0.5 + radius * math.sin(turn)
        bend = spacing / radius * rng.uniform(0.4, 1.0)
        return cls(start, turn + math.pi / 2, bend, spacing, 1, ticks, reach * 1.3, *look)

    def apply(self, image: Picture, strength: float) -> Changed:
        """Print the ticks, one after the other."""
        canvas = Canvas(*image.shape[:2])
        for tick, ink in arriving(range(self.ticks), strength):
            self._print_tick(canvas, tick, 0.9 * ink)
        return paint(image, canvas.alpha(), (self.shade,) * 3)

    def _print_tick(self, canvas: Canvas, tick: int, ink: float) -> None:
        foot, (along, inward) = self._foot(tick), self._axes(tick)
        reach = self.reach * (2.0 if tick % 10 == 0 else 1.6 if tick % 5 == 0 else 1.0)
        canvas.line([foot, _moved(foot, inward, reach)], self.stroke, ink)
        if self.baseline and tick:
            canvas.line([foot, _moved(foot, along, -self.spacing)], self.stroke, ink)
        if self.baseline and not tick:
            canvas.text(_moved(foot, inward, -0.035), self.unit, 0.04, ink, "lm")
        if not self.baseline and tick and tick % 10 == 0 and not self.bend_rad:
            canvas.text(_moved(foot, inward, 2 * self.reach + 0.03), str(tick // 10), 0.04, ink, "mm")

    def _axes(self, tick: int) -> tuple[PointXY, PointXY]:
        """Along the line and to the side of the ticks, both of length 1."""
        turn = self.along_rad + tick * self.bend_rad
        return (math.cos(turn), math.sin(turn)), (-self.inward * math.sin(turn), self.inward * math.cos(turn))

    def _foot(self, tick: int) -> PointXY:
        turns = self.along_rad + self.bend_rad * np.arange(tick)
        return (
            self.start[0] + self.spacing * float(np.cos(turns).sum()),
            self.start[1] + self.spacing * float(np.sin(turns).sum()),
        )


_EDGES = (
    ((0.01, 0.0), 0.0, 1),
    ((0.01, 1.0), 0.0, -1),
    ((0.0, 0.01), math.pi / 2, -1),
    ((1.0, 0.01), math.pi / 2, 1),
)
"""Start, direction and side of the ticks at the upper, lower, left and right edge."""


def _moved(point: PointXY, direction: PointXY, reach: float) -> PointXY:
    return point[0] + direction[0] * reach, point[1] + direction[1] * reach


@dataclass(frozen=True, slots=True)
class Ink(Simulator):
    """Strokes of a skin marker, mostly in gentian violet, fresh or nearly washed off."""

    coloured = True
    strokes: tuple[Stroke, ...]
    colour: tuple[float, float, float]
    opacity: float
    seed: int
    """Of the patchiness."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Ink":
        """Strokes around the middle, or a ring."""
        violet = (rng.uniform(0.2, 0.42), rng.uniform(0.1, 0.3), rng.uniform(0.4, 0.65))
        strokes = _draw_ring(rng) if rng.random() < 0.35 else _draw_strokes(rng)
        return cls(strokes, violet, rng.uniform(0.4, 1.0), draw_seed(rng))

    def apply(self, image: Picture, strength: float) -> Changed:
        """Ink soaks in with ragged sides and gaps, as a pen leaves it on skin."""
        height_px, width_px = image.shape[:2]
        shape, share = (Canvas(height_px, width_px, fine=False) for _ in range(2))
        for stroke, ink in arriving(self.strokes, strength):
            points = curve(*stroke.points, 24)
            shape.line(points, stroke.width)
            share.line(points, 2 * stroke.width, ink)
        skin = grain(np.random.default_rng(self.seed), height_px, width_px, coarse_y=2.5, coarse_x=2.5)
        soft = 0.3 * min(stroke.width for stroke in self.strokes)
        ragged = (shape.alpha(soft) * (np.float32(1.1) + np.float32(0.5) * skin) - np.float32(0.2)).clip(0, 0.85)
        return paint(image, ragged * share.alpha() * np.float32(self.opacity), self.colour)


def _draw_ring(rng: np.random.Generator) -> tuple[Stroke, ...]:
    """Four strokes that nearly meet, around a lesion."""
    radius, width, turn = rng.uniform(0.22, 0.45), rng.uniform(0.015, 0.04), rng.uniform(0, 2 * math.pi)
    return tuple(
        Stroke(_arc(turn + quarter * math.pi / 2, radius, rng.uniform(0.65, 0.8)), width * rng.uniform(0.8, 1.2))
        for quarter in range(4)
    )


def _arc(turn: float, radius: float, span: float) -> tuple[PointXY, PointXY, PointXY]:
    """A piece of a circle around the middle, `span` radians to either side of `turn`."""
    outer = radius / math.cos(span)
    start, middle, end = (
        (0.5 + reach * math.cos(turn + step), 0.5 + reach * math.sin(turn + step))
        for step, reach in ((-span, radius), (0.0, outer), (span, radius))
    )
    return start, middle, end


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


@dataclass(frozen=True, slots=True)
class Sticker:
    """One round sticker of coloured felt or paper."""

    centre: PointXY
    radius: float
    squeeze: float
    """Height over width."""
    colour: tuple[float, float, float]

    @classmethod
    def draw_at_edge(cls, rng: np.random.Generator) -> "Sticker":
        """With its centre on a border or outside, so that a third to all of one half is seen."""
        radius, place = rng.uniform(0.16, 0.5), rng.uniform(0.05, 0.95)
        out = radius * rng.uniform(0.0, 0.65)
        centre = [(place, -out), (place, 1 + out), (-out, place), (1 + out, place), (1 + out, place)][rng.integers(5)]
        return cls(centre, radius, rng.uniform(0.88, 1.12), STICKER_COLOURS[int(rng.integers(len(STICKER_COLOURS)))])

    def depth(self, height_px: int, width_px: int) -> Sheet:
        """Way from the rim to the inside, share of the shorter side; negative outside."""
        across, down = offsets_xy(height_px, width_px, self.centre)
        return (self.radius - np.hypot(across, down / self.squeeze)).astype(np.float32)


STICKER_COLOURS = (
    *((0.98, 0.5, 0.08), (0.03, 0.5, 0.82), (0.08, 0.62, 0.9), (0.45, 0.86, 0.84), (0.16, 0.6, 0.6)),
    *((0.97, 0.88, 0.15), (0.7, 0.72, 0.05), (0.18, 0.6, 0.28), (0.7, 0.7, 0.92), (0.85, 0.2, 0.25)),
)
"""Orange, blues, mint, teal, yellow, olive, green, lilac and red, as in collections of dermoscopy."""


@dataclass(frozen=True, slots=True)
class Patches(Simulator):
    """Round calibration stickers in flat strong colours, partly outside; they slide in as strength grows."""

    coloured = True
    stickers: tuple[Sticker, ...]
    light: float
    """Factor of the colours: how brightly the picture is lit."""
    seed: int
    """Of the felt."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Patches":
        """One or two, in a quarter of the cases with a smaller one on top of the first."""
        stickers = [Sticker.draw_at_edge(rng) for _ in range(1 + (rng.random() < 0.25))]
        if rng.random() < 0.25:
            other = STICKER_COLOURS[int(rng.integers(len(STICKER_COLOURS)))]
            stickers.append(replace(stickers[0], radius=stickers[0].radius * rng.uniform(0.45, 0.7), colour=other))
        return cls(tuple(stickers), rng.uniform(0.75, 1.05), draw_seed(rng))

    def apply(self, image: Picture, strength: float) -> Changed:
        """Cover what lies within the grown rim; the sticker that is seen at full strength colours a place."""
        height_px, width_px = image.shape[:2]
        felt = grain(np.random.default_rng(self.seed), height_px, width_px, coarse_y=0.8, coarse_x=1.2)
        texture, side_px = self.light * (1 + np.float32(0.05) * felt[..., None]), np.float32(min(height_px, width_px))
        colours, alpha = np.zeros_like(image), np.zeros((height_px, width_px), np.float32)
        for sticker in self.stickers:
            depth = sticker.depth(height_px, width_px)
            colours[depth * side_px > -1] = sticker.colour
            outside = np.quantile(depth[::2, ::2], 1 - strength * float((depth > 0).mean()))
            alpha = np.maximum(alpha, ((depth - np.float32(outside)) * side_px + np.float32(0.5)).clip(0, 1))
        return paint(image, alpha, (colours * texture).astype(np.float32))
