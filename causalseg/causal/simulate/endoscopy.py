"""What is seen through an endoscope: wet highlights, narrow-band light, bubbles and mucus."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from causalseg.causal.simulate.canvas import Canvas, PointXY, arriving, draw_point, paint
from causalseg.causal.simulate.random_fields import smooth_field
from causalseg.causal.simulate.simulator import (
    Changed,
    GlobalSimulator,
    Picture,
    Sheet,
    Simulator,
    draw_seed,
    luminance,
)

Outlines = Float64[np.ndarray, "spot corner 2"]


@dataclass(frozen=True, slots=True, eq=False)
class SpecularHighlight(Simulator):
    """White spots with a thin glow: mirror images of the lamp, on the brighter half of the places drawn for them."""

    centres_xy: Float64[np.ndarray, "spot 2"]
    """Shares of width and height."""
    outlines: Outlines
    """Polygons around the centres, shares of the shorter side."""
    soft: float
    """Width of the glow, share of the shorter side."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "SpecularHighlight":
        """Spots in clusters, most of them tiny, some drawn out."""
        count = int(rng.integers(50, 130))
        clusters = rng.uniform(0.08, 0.92, (int(rng.integers(4, 10)), 2))
        centres = clusters[rng.integers(len(clusters), size=count)] + rng.normal(0, 0.09, (count, 2))
        return cls(centres, _wavy_ellipses(rng, count), rng.uniform(0.002, 0.006))

    def apply(self, image: Picture, strength: float) -> Changed:
        """Paint them white, one after the other."""
        height_px, width_px = image.shape[:2]
        stretch = min(height_px, width_px) / np.array([width_px, height_px])
        chosen = _brightest(image, self.centres_xy[:, None] + self.outlines * stretch).tolist()
        canvas = Canvas(height_px, width_px)
        for outline, ink in arriving(chosen, strength):
            canvas.polygon(outline, ink)
        alpha = (canvas.alpha(self.soft) * np.float32(1.5)).clip(0, 1)
        return paint(image, alpha, (1.0, 1.0, 1.0))


def _wavy_ellipses(rng: np.random.Generator, count: int) -> Outlines:
    """Outlines around the origin, in shares of the shorter side."""
    turn = np.arange(16) * (2 * np.pi / 16)
    radius, squeeze = 0.003 + rng.exponential(0.007, (count, 1)), rng.uniform(0.2, 0.8, (count, 1))
    tilt, phase, other_phase = rng.uniform(0, 2 * np.pi, (3, count, 1))
    reach = radius * (1 + 0.25 * np.cos(2 * turn + phase) + 0.15 * np.cos(3 * turn + other_phase))
    along, across = reach * np.cos(turn), reach * np.sin(turn) * squeeze
    x, y = along * np.cos(tilt) - across * np.sin(tilt), along * np.sin(tilt) + across * np.cos(tilt)
    return np.stack([x, y], axis=-1)


def _brightest(image: Picture, outlines_xy: Outlines) -> Float64[np.ndarray, "half_spot corner 2"]:
    """The half of the spots that sit on the brightest places, in their own order."""
    height_px, width_px = image.shape[:2]
    columns, rows = (outlines_xy.mean(axis=1) * (width_px, height_px)).astype(int).T
    light = image[rows.clip(0, height_px - 1), columns.clip(0, width_px - 1)].mean(axis=1)
    best = np.argsort(-light, kind="stable")[: (len(outlines_xy) + 1) // 2]
    return outlines_xy[np.sort(best)]


@dataclass(frozen=True, slots=True)
class NarrowBandColour(GlobalSimulator):
    """Brown-green mucosa with dark vessels: green light shown as red, blue light as green and blue."""

    coloured = True
    green_gain: float
    """Of the 540 nm band, shown as red."""
    blue_gain: float
    """Of the 415 nm band, shown as green and blue."""
    vessels: float
    """How much darker blood is in the narrow bands."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "NarrowBandColour":
        """Around the balance of common processors."""
        return cls(rng.uniform(1.0, 1.25), rng.uniform(0.9, 1.15), rng.uniform(0.95, 1.3))

    def change(self, image: Picture, strength: float) -> Picture:
        """Move every pixel towards its narrow-band colour."""
        green, blue = image[..., 1], image[..., 2]
        mixed = np.float32(0.55) * blue + np.float32(0.45) * green
        gains, bands = (self.green_gain, self.blue_gain, self.blue_gain * 0.8), (green, mixed, mixed)
        narrow = np.stack([np.float32(gain) * band for gain, band in zip(gains, bands, strict=True)], axis=-1)
        narrow = np.maximum(narrow, 0) ** np.float32(self.vessels)
        return image + np.float32(strength) * (narrow - image)


class Bubble(NamedTuple):
    """One bubble."""

    centre: PointXY
    radius: float


@dataclass(frozen=True, slots=True)
class MucusBubbles(Simulator):
    """Clusters of bubbles, and patches of milky or yellow film."""

    coloured = True
    bubbles: tuple[Bubble, ...]
    film_share: float
    """Share of the picture under mucus."""
    film_colour: tuple[float, float, float]
    """Relative to the light below it."""
    film_opacity: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "MucusBubbles":
        """One to three clusters; a film over up to a third of the picture."""
        centres = [draw_point(rng, 0.15, 0.85) for _ in range(int(rng.integers(1, 4)))]
        bubbles = tuple(_draw_bubble(rng, centres) for _ in range(int(rng.integers(16, 50))))
        colour = (rng.uniform(1.1, 1.35), rng.uniform(0.9, 1.1), rng.uniform(0.15, 0.9))
        return cls(bubbles, rng.uniform(0.05, 0.35), colour, rng.uniform(0.5, 0.9), draw_seed(rng))

    def apply(self, image: Picture, strength: float) -> Changed:
        """The film first, the bubbles on top of it; neither on the black surround."""
        light = luminance(image)
        lit = (light * np.float32(10) - np.float32(0.5)).clip(0, 1)
        colour = np.array(self.film_colour, np.float32) * (np.float32(0.3) + np.float32(0.9) * light)[..., None]
        filmed, film = paint(image, self._film_alpha(image.shape[0], image.shape[1], strength) * lit, colour)
        shade, glint = Canvas(*image.shape[:2]), Canvas(*image.shape[:2])
        for ((x, y), radius), ink in arriving(self.bubbles, strength):
            shade.disc((x, y), radius, 0.15 * ink)
            shade.ring((x, y), radius, 0.004, 0.5 * ink)
            glint.ring((x, y), radius * 0.86, 0.004, 0.55 * ink)
            glint.disc((x - radius * 0.35, y - radius * 0.35), radius * 0.2, ink)
        shaded, dark = paint(filmed, shade.alpha() * lit, (0.25, 0.16, 0.1))
        frothy, bright = paint(shaded, glint.alpha() * lit, (1.0, 0.99, 0.92))
        return frothy, film | dark | bright

    def _film_alpha(self, height_px: int, width_px: int, strength: float) -> Sheet:
        rng = np.random.default_rng(self.seed)
        field = smooth_field(rng, height_px, width_px, 5)
        for cells, share in ((13, 0.55), (40, 0.35)):
            field += np.float32(share) * smooth_field(rng, height_px, width_px, cells)
        edge = np.quantile(field[::4, ::4], 1 - strength * self.film_share)
        return ((field - np.float32(edge)) / np.float32(0.35)).clip(0, 1) * np.float32(self.film_opacity)


def _draw_bubble(rng: np.random.Generator, centres: list[PointXY]) -> Bubble:
    x, y = centres[int(rng.integers(len(centres)))]
    centre = float(x + rng.normal(0, 0.09)), float(y + rng.normal(0, 0.07))
    return Bubble(centre, min(0.05, 0.005 + rng.exponential(0.009)))
