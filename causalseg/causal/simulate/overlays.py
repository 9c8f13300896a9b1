"""What people and machines write onto a scan: text and calipers."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from causalseg.causal.simulate.canvas import Canvas, PointXY, arrival, arriving, draw_point, paint
from causalseg.causal.simulate.simulator import Changed, Picture, Simulator, is_grey

LABELS = (
    *("LEFT", "RIGHT", "LT", "RT", "LT 3", "RT8", "rt", "lt axilla", "RIGHT BREAST", "TRANS", "LONG", "RAD"),
    *("UPPER OUTER", "LOWER INNER", "PORTABLE", "SUPINE", "ERECT"),
)
HALO = 0.004
"""Width of the dark rim around letters, share of the shorter side."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of burned-in text."""

    corner: PointXY
    anchor: str
    """Pillow's anchor: l or r, and t or b."""
    words: str
    size: float
    """Height of the letters, share of the shorter side."""

    def plate(self) -> tuple[PointXY, PointXY]:
        """Two corners of a ground that the words fit on."""
        (x, y), size, long = self.corner, self.size, 0.6 * self.size * len(self.words)
        left, top = (x - long if self.anchor[0] == "r" else x), (y - size if self.anchor[1] == "b" else y)
        return (max(0.0, left - 0.005), max(0.0, top - 0.005)), (min(1.0, left + long), min(1.0, top + size))


@dataclass(frozen=True, slots=True)
class BurnedInText(Simulator):
    """Settings in the corners, the name of a place or a view, a scale; the lines come one after the other.

    Scans with colour are endoscopies: theirs are small lines at the left, with date, time and codes.
    """

    lines: tuple[TextLine, ...]
    """For grey scans."""
    scope_lines: tuple[TextLine, ...]
    """For scans with colour."""
    shade: float
    """Grey value, in [0, 1]."""
    ground: str
    """What keeps it readable: "none", "plate" (a dark ground) or "halo" (a dark rim around the letters)."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "BurnedInText":
        """One to three corners with one to five lines, or a label alone; sometimes a depth scale."""
        size = rng.uniform(0.028, 0.05)
        label_alone = rng.random() < 0.35
        corners = rng.permutation(4)[: 0 if label_alone else int(rng.integers(1, 4))]
        lines = [line for corner in corners for line in _draw_lines(rng, int(corner), size)]
        if label_alone or rng.random() < 0.5:
            place = rng.uniform(0.0, 0.55), rng.uniform(0.4, 0.92)
            lines.insert(0, TextLine(place, "lt", str(rng.choice(LABELS)), size * rng.uniform(1.0, 1.6)))
        if rng.random() < 0.25:
            spacing = rng.uniform(0.12, 0.24)  # figures down the right side, one a centimetre
            marks = range(1, int(0.95 / spacing) + 1)
            lines += [TextLine((0.99, mark * spacing), "rb", f"{mark} -", size * 0.8) for mark in marks]
        ground = str(rng.choice(["none", "plate", "halo"], p=[0.6, 0.1, 0.3]))
        return cls(tuple(lines), tuple(_draw_scope_lines(rng)), rng.uniform(0.75, 1.0), ground)

    def apply(self, image: Picture, strength: float) -> Changed:
        """Write the lines, on their ground if they have one."""
        letters, grounds = (Canvas(*image.shape[:2], fine=False) for _ in range(2))
        for line, ink in arriving(self.lines if is_grey(image) else self.scope_lines, strength):
            letters.text(line.corner, line.words, line.size, ink, line.anchor)
            if self.ground == "plate":
                grounds.rectangle(*line.plate(), ink)
        if self.ground == "none":
            return paint(image, letters.alpha(), (self.shade,) * 3)
        dark = grounds.alpha() if self.ground == "plate" else (letters.alpha(HALO) * np.float32(2)).clip(0, 0.9)
        grounded, ground = paint(image, dark, (0.0, 0.0, 0.0))
        written, region = paint(grounded, letters.alpha(), (self.shade,) * 3)
        return written, ground | region


def _draw_lines(rng: np.random.Generator, corner: int, size: float) -> Iterator[TextLine]:
    right, bottom = corner % 2 == 1, corner >= 2
    x, first = (0.98 if right else 0.02), rng.uniform(0.01, 0.25)
    anchor = ("r" if right else "l") + ("b" if bottom else "t")
    for row in range(int(rng.integers(1, 6))):
        down = first + row * size * 1.3
        yield TextLine((x, 1 - down if bottom else down), anchor, _draw_words(rng), size)


def _draw_scope_lines(rng: np.random.Generator) -> Iterator[TextLine]:
    """Date, time and codes below each other at the left, as two common processors write them; some cut off."""
    day, month, year = int(rng.integers(1, 29)), int(rng.integers(1, 13)), int(rng.integers(2008, 2025))
    clock, run = (
        f"{int(rng.integers(24)):02d}:{int(rng.integers(60)):02d}:{int(rng.integers(60)):02d}" for _ in range(2)
    )
    date, level = f"{day:02d}/{month:02d}/{year}", int(rng.integers(1, 9))
    short = (date, f"<{run}>", f"CVP:{level}", "G:N")
    long = ("Sex:    Age:", "D.O.B.:", date, clock, "", run, f"SCV:{level}", f"{level}/7")
    size, left, top = rng.uniform(0.022, 0.038), rng.choice([0.01, 0.01, -0.015]), rng.uniform(0.05, 0.4)
    for row, words in enumerate(short if rng.random() < 0.6 else long):
        if words:
            yield TextLine((float(left), top + row * size * 1.25), "lt", words, size)
    if rng.random() < 0.5:
        yield TextLine((float(left) + 5.5 * size, top + 3 * size * 1.25), "lt", f"Eh:A{level}", size)


def _draw_words(rng: np.random.Generator) -> str:
    whole, tenth = int(rng.integers(1, 100)), int(rng.integers(0, 10))
    clock = f"{int(rng.integers(24)):02d}:{whole % 60:02d}:{int(rng.integers(60)):02d}"
    date = f"{whole % 28 + 1:02d}/{tenth + 1:02d}/20{whole % 25:02d}"
    words = (
        *(f"Gain {whole}", f"G{whole}%", f"D {whole % 15}.{tenth} cm", f"{whole % 15 + 3} MHz", f"MI 0.{tenth}"),
        *(f"DR {whole}", f"FR {whole}", f"FoV {whole}{tenth} mm", f"W {whole * 20} L {whole}"),
        *(f"SL {whole % 9}.{tenth}", f"TR {whole * 40}", f"kV 1{whole % 4}0", f"Im {whole}/{whole + 40}"),
        *(f"{tenth + 1}/{whole % 12 + 1}", f"{whole % 12 + 1} O'CLOCK", date, clock),
    )
    return str(rng.choice(words))


CALIPER_COLOURS = ((0.95, 0.95, 0.95), (0.98, 0.92, 0.2), (0.25, 0.95, 0.35), (0.3, 0.85, 0.95))


@dataclass(frozen=True, slots=True)
class Calipers(Simulator):
    """Crosses at the ends of one or two measured distances; replace `ends_xy` to set them at chosen places."""

    coloured = True
    ends_xy: tuple[PointXY, ...]
    """Two ends for each distance, shares of width and height."""
    size: float
    """Of a cross, share of the shorter side."""
    slanted: bool
    """Crosses like x rather than +."""
    dotted: bool
    """Whether a dotted line joins the two ends."""
    colour: tuple[float, float, float]
    numbered: bool
    """Whether each distance's number stands beside its first cross."""
    stroke: float
    """Width of a cross's lines, share of the shorter side."""
    readout: tuple[str, ...]
    """Measured distances, written below; may be empty."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Calipers":
        """One long axis, in half of the cases a short one across it."""
        ends = _draw_axes(rng, two=bool(rng.random() < 0.5))
        texts = tuple(
            f"{index} D {rng.uniform(3, 40):.{int(rng.integers(1, 3))}f} mm" for index in range(1, len(ends) // 2 + 1)
        )
        return cls(
            ends_xy=ends,
            size=rng.uniform(0.02, 0.045),
            slanted=bool(rng.random() < 0.2),
            dotted=bool(rng.random() < 0.65),
            colour=CALIPER_COLOURS[int(rng.choice(4, p=[0.6, 0.2, 0.15, 0.05]))],
            numbered=bool(rng.random() < 0.65),
            stroke=rng.uniform(0.003, 0.0055),
            readout=texts if rng.random() < 0.3 else (),
        )

    def apply(self, image: Picture, strength: float) -> Changed:
        """The first distance at half strength, then the second; fainter ones are less opaque."""
        canvas = Canvas(*image.shape[:2])
        axes = enumerate(zip(self.ends_xy[::2], self.ends_xy[1::2], strict=False), start=1)
        for (number, axis), ink in arriving(list(axes), strength):
            self._measure(canvas, axis, ink)
            if self.numbered:
                (x, y), reach = axis[0], self.size * 0.75
                canvas.text((x - reach, y - reach), str(number), max(self.size, 0.03), ink, "mm")
        for row, words in enumerate(self.readout):
            canvas.text((0.03, 0.9 + 0.05 * row), words, 0.04, arrival(strength, row, len(self.readout)))
        return paint(image, canvas.alpha(), self.colour)

    def _measure(self, canvas: Canvas, axis: tuple[PointXY, PointXY], ink: float) -> None:
        (x0, y0), (x1, y1) = axis
        if self.dotted:
            count = max(2, round(math.hypot(x1 - x0, y1 - y0) / 0.012))
            for step in range(1, count):
                part = step / count
                canvas.disc((x0 + part * (x1 - x0), y0 + part * (y1 - y0)), 0.002, 0.9 * ink)
        for x, y in axis:
            for dx, dy in ((1, 1), (1, -1)) if self.slanted else ((1, 0), (0, 1)):
                reach = self.size / 2 * (0.75 if self.slanted else 1)
                canvas.line([(x - dx * reach, y - dy * reach), (x + dx * reach, y + dy * reach)], self.stroke, ink)


def _draw_axes(rng: np.random.Generator, *, two: bool) -> tuple[PointXY, ...]:
    (x, y), angle, half = draw_point(rng, 0.25, 0.75), rng.uniform(0, math.pi), rng.uniform(0.06, 0.22)
    ends: list[PointXY] = []
    for turn, reach in [(angle, half), (angle + math.pi / 2, half * rng.uniform(0.5, 0.9))][: 1 + two]:
        dx, dy = reach * math.cos(turn), reach * math.sin(turn)
        ends += [(x - dx, y - dy), (x + dx, y + dy)]
    return tuple(ends)
