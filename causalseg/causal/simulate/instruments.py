"""Tools in front of an endoscope: a sheath, a forceps or a snare, or the rim of a transparent cap."""

import math
from dataclasses import dataclass

import numpy as np

from causalseg.causal.simulate.canvas import Canvas, PointXY, curve, offsets_xy, paint, relight
from causalseg.causal.simulate.simulator import Changed, Picture, Region, Sheet, Simulator

SHEATHS = (
    (0.88, 0.9, 0.94),
    (0.8, 0.84, 0.95),
    (0.35, 0.6, 0.85),
    (0.62, 0.63, 0.62),
    (0.5, 0.5, 0.47),
    (0.2, 0.21, 0.22),
)
"""White and bluish plastic, blue plastic, steel, and black."""
METAL = (0.66, 0.66, 0.63)


@dataclass(frozen=True, slots=True)
class Cap:
    """The rim of a transparent cap on the scope's tip, a part of a circle near the border."""

    centre: PointXY
    radius: float
    width: float
    """Shares of the shorter side."""
    turn_rad: float
    """Where the rim is seen best."""

    def relit(self, image: Picture, strength: float) -> Changed:
        """A pale band with a dark line at its inner side."""
        height_px, width_px = image.shape[:2]
        across, down = offsets_xy(height_px, width_px, self.centre)
        outward = (np.hypot(across, down) - self.radius) / self.width
        seen = (0.6 + 0.6 * np.cos(np.arctan2(down, across) - self.turn_rad)).clip(0, 1)
        lit = 0.65 * np.exp(-((outward / 0.5) ** 2)) * seen
        shade = 0.6 * np.exp(-(((outward + 0.9) / 0.35) ** 2)) * seen
        return relight(image, (strength * lit).astype(np.float32), (strength * shade).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Instrument(Simulator):
    """A straight shaft with shading and a tip, pushed in from a border as strength grows; or the rim of a cap."""

    coloured = True
    entry: PointXY
    """Where it crosses the border, shares of width and height."""
    along_rad: float
    long: float
    """From the border to the tip, share of the shorter side."""
    half_width: float
    """At the border, share of the shorter side."""
    narrowing: float
    """Share of the width that is lost over a length of 1: it points away from the eye."""
    colour: tuple[float, float, float]
    lamp: float
    """Where across the shaft it shines, from -1 to 1."""
    rings: float
    """Depth of the dark rings of a coiled metal shaft; 0 is smooth."""
    tip: str
    """"tube" (an open end), "jaws" or "snare"."""
    cap: Cap | None
    """Instead of all that."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Instrument":
        """From below or from a side, towards the middle; a cap in one of five."""
        entry = [(rng.uniform(0.2, 0.95), 1.0), (1.0, rng.uniform(0.3, 0.95)), (0.0, rng.uniform(0.3, 0.95))][
            int(rng.choice(3, p=[0.6, 0.3, 0.1]))
        ]
        aim = rng.uniform(0.3, 0.7, 2)
        cap = Cap(
            (rng.uniform(0.42, 0.58), rng.uniform(0.42, 0.58)),
            *(rng.uniform(0.4, 0.5), rng.uniform(0.012, 0.035), rng.uniform(0, 2 * math.pi)),
        )
        return cls(
            entry=entry,
            along_rad=math.atan2(aim[1] - entry[1], aim[0] - entry[0]) + rng.normal(0, 0.15),
            long=rng.uniform(0.18, 0.6),
            half_width=rng.uniform(0.025, 0.085),
            narrowing=rng.uniform(0.0, 0.6),
            colour=SHEATHS[int(rng.integers(len(SHEATHS)))],
            lamp=rng.uniform(-0.5, 0.5),
            rings=rng.uniform(0.1, 0.35) if rng.random() < 0.35 else 0.0,
            tip=str(rng.choice(["tube", "jaws", "snare"], p=[0.5, 0.25, 0.25])),
            cap=cap if rng.random() < 0.2 else None,
        )

    def apply(self, image: Picture, strength: float) -> Changed:
        """The shaft, then what is at its end."""
        if self.cap is not None:
            return self.cap.relit(image, strength)
        height_px, width_px = image.shape[:2]
        long = self.long * strength
        along, across = self._axes(height_px, width_px)
        thick = self.half_width * (1 - self.narrowing * along.clip(0, 1))
        share = (across / thick).clip(-1, 1)
        side_px = min(height_px, width_px)
        end = (long + 0.3 * thick * np.sqrt(1 - share**2) - along) * side_px
        alpha = ((thick - np.abs(across)) * side_px + 0.5).clip(0, 1) * (end + 0.5).clip(0, 1)
        drawn, region = paint(image, alpha.astype(np.float32), self._colours(along, share, thick, long))
        fitted, tip = self._with_tip(drawn, long)
        return fitted, region | tip

    def _axes(self, height_px: int, width_px: int) -> tuple[Sheet, Sheet]:
        """Way along the shaft from the border, and across it, shares of the shorter side."""
        right, down = offsets_xy(height_px, width_px, self.entry)
        cosine, sine = math.cos(self.along_rad), math.sin(self.along_rad)
        return (right * cosine + down * sine).astype(np.float32), (down * cosine - right * sine).astype(np.float32)

    def _colours(self, along: Sheet, share: Sheet, thick: Sheet, long: float) -> Picture:
        """A cylinder under a lamp; the end of a tube is darker inside."""
        round_light = 0.45 + 0.55 * np.sqrt(1 - share**2)
        coils = 1 - self.rings * (0.5 + 0.5 * np.sin(along * (6.28 / (0.5 * self.half_width))))
        shine = 0.5 * np.exp(-(((share - self.lamp) / 0.18) ** 2))
        light = round_light * coils
        if self.tip == "tube":
            hollow = np.hypot((along - long) / 0.3, share * thick) < 0.75 * thick
            light, shine = np.where(hollow, 0.45 * light, light), np.where(hollow, 0, shine)
        colours = light[..., None] * np.array(self.colour, np.float32)
        return (colours + shine[..., None] * (1 - colours)).astype(np.float32)

    def _with_tip(self, image: Picture, long: float) -> tuple[Picture, Region]:
        """Two jaws or a loop of wire at the end."""
        height_px, width_px = image.shape[:2]
        canvas, thick = Canvas(height_px, width_px), self.half_width * (1 - self.narrowing * min(1.0, long))
        if self.tip == "jaws":
            for side in (-1, 1):
                jaw = ((0.0, 0.25 * side), (1.6, 1.3 * side), (3.0, 0.45 * side))
                start, middle, end = (self._at(long, thick, *point, image) for point in jaw)
                canvas.line(curve(start, middle, end), 0.55 * thick, 0.95)
        if self.tip == "snare":
            for side in (-1, 1):
                wire = ((0.0, 0.1 * side), (2.5, 2.6 * side), (5.0, 0.0))
                start, middle, end = (self._at(long, thick, *point, image) for point in wire)
                canvas.line(curve(start, middle, end), 0.006, 0.9)
        return paint(image, canvas.alpha(), METAL)

    def _at(self, long: float, thick: float, along: float, across: float, image: Picture) -> PointXY:
        """A point before the tip, in half-widths, as shares of width and height."""
        cosine, sine = math.cos(self.along_rad), math.sin(self.along_rad)
        forward, aside = long + along * thick, across * thick
        height_px, width_px = image.shape[:2]
        side_px = min(height_px, width_px)
        x, y = forward * cosine - aside * sine, forward * sine + aside * cosine
        return self.entry[0] + x * side_px / width_px, self.entry[1] + y * side_px / height_px
