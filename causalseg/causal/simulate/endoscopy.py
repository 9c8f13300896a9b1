"""What is seen through an endoscope: wet highlights, narrow-band light, bubbles and mucus."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64

from causalseg.causal.simulate.canvas import Canvas, PointXY, arrival, draw_point, paint
from causalseg.causal.simulate.random_fields import smooth_field
from causalseg.causal.simulate.simulator import Simulator, draw_seed, everywhere, luminance


@dataclass(frozen=True, slots=True, eq=False)
class HighlightParams:
    """Places where mirror images of the lamp may sit; the brighter half is used."""

    outlines_xy: Float64[np.ndarray, "spot corner 2"]
    """Polygons, shares of width and height."""
    soft: float
    """Width of the glow, share of the shorter side."""


class SpecularHighlight(Simulator[HighlightParams]):
    """White spots with a thin glow, on the brighter parts of the picture."""

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> HighlightParams:
        """Spots in clusters, most of them tiny, some drawn out."""
        count = int(rng.integers(50, 130))
        clusters = rng.uniform(0.08, 0.92, (int(rng.integers(4, 10)), 2))
        centres = clusters[rng.integers(len(clusters), size=count)] + rng.normal(0, 0.09, (count, 2))
        stretch = min(height_px, width_px) / np.array([width_px, height_px])
        outlines = centres[:, None] + _wavy_ellipses(rng, count) * stretch
        return HighlightParams(outlines, rng.uniform(0.002, 0.006))

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: HighlightParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Paint them white, one after the other."""
        chosen = _brightest(image, params.outlines_xy).tolist()
        canvas = Canvas(*image.shape[:2])
        for index in reversed(range(len(chosen))):
            if ink := arrival(strength, index, len(chosen)):
                canvas.polygon(chosen[index], ink)
        alpha = (canvas.alpha(params.soft) * np.float32(1.5)).clip(0, 1)
        return paint(image, alpha, (1.0, 1.0, 1.0))


def _wavy_ellipses(rng: np.random.Generator, count: int) -> Float64[np.ndarray, "spot corner 2"]:
    """Outlines around the origin, in shares of the shorter side."""
    turn = np.arange(16) * (2 * np.pi / 16)
    radius, squeeze = 0.003 + rng.exponential(0.007, (count, 1)), rng.uniform(0.2, 0.8, (count, 1))
    tilt, phase, other_phase = rng.uniform(0, 2 * np.pi, (3, count, 1))
    reach = radius * (1 + 0.25 * np.cos(2 * turn + phase) + 0.15 * np.cos(3 * turn + other_phase))
    along, across = reach * np.cos(turn), reach * np.sin(turn) * squeeze
    x, y = along * np.cos(tilt) - across * np.sin(tilt), along * np.sin(tilt) + across * np.cos(tilt)
    return np.stack([x, y], axis=-1)


def _brightest(
    image: Float32[np.ndarray, "height width 3"], outlines_xy: Float64[np.ndarray, "spot corner 2"]
) -> Float64[np.ndarray, "half_spot corner 2"]:
    """The half of the spots that sit on the brightest places, in their own order."""
    height_px, width_px = image.shape[:2]
    columns, rows = (outlines_xy.mean(axis=1) * (width_px, height_px)).astype(int).T
    light = image[rows.clip(0, height_px - 1), columns.clip(0, width_px - 1)].mean(axis=1)
    best = np.argsort(-light, kind="stable")[: (len(outlines_xy) + 1) // 2]
    return outlines_xy[np.sort(best)]


@dataclass(frozen=True, slots=True)
class NarrowBandParams:
    """A narrow-band filter, at strength 1."""

    green_gain: float
    """Of the 540 nm band, shown as red."""
    blue_gain: float
    """Of the 415 nm band, shown as green and blue."""
    vessels: float
    """How much darker blood is in the narrow bands."""


class NarrowBandColour(Simulator[NarrowBandParams]):
    """Brown-green mucosa with dark vessels: green light shown as red, blue light as green and blue."""

    coloured = True

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> NarrowBandParams:
        """Around the balance of common processors."""
        return NarrowBandParams(rng.uniform(1.0, 1.25), rng.uniform(0.9, 1.15), rng.uniform(0.95, 1.3))

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: NarrowBandParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Move every pixel towards its narrow-band colour."""
        green, blue = image[..., 1], image[..., 2]
        mixed = np.float32(0.55) * blue + np.float32(0.45) * green
        narrow = np.stack(
            [
                np.float32(params.green_gain) * green,
                np.float32(params.blue_gain) * mixed,
                np.float32(params.blue_gain * 0.8) * mixed,
            ],
            axis=-1,
        )
        narrow = np.maximum(narrow, 0) ** np.float32(params.vessels)
        return image + np.float32(strength) * (narrow - image), everywhere(image)


@dataclass(frozen=True, slots=True)
class Bubble:
    """One bubble."""

    centre: PointXY
    radius: float


@dataclass(frozen=True, slots=True)
class MucusParams:
    """Froth and film."""

    bubbles: tuple[Bubble, ...]
    film_share: float
    """Share of the picture under mucus, at strength 1."""
    film_colour: tuple[float, float, float]
    """Relative to the light below it."""
    film_opacity: float
    seed: int


class MucusBubbles(Simulator[MucusParams]):
    """Clusters of bubbles, and patches of milky or yellow film."""

    coloured = True

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> MucusParams:
        """One to three clusters; a film over up to a third of the picture."""
        centres = [draw_point(rng, 0.15, 0.85) for _ in range(int(rng.integers(1, 4)))]
        bubbles = tuple(_draw_bubble(rng, centres) for _ in range(int(rng.integers(16, 50))))
        colour = (rng.uniform(1.15, 1.35), rng.uniform(0.98, 1.1), rng.uniform(0.3, 0.9))
        return MucusParams(bubbles, rng.uniform(0.1, 0.35), colour, rng.uniform(0.5, 0.85), draw_seed(rng))

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: MucusParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """The film first, the bubbles on top of it; neither on the black surround."""
        light = luminance(image)
        lit = (light * np.float32(10) - np.float32(0.5)).clip(0, 1)
        colour = np.array(params.film_colour, np.float32) * (np.float32(0.3) + np.float32(0.9) * light)[..., None]
        filmed, film = paint(image, _film_alpha(image.shape[0], image.shape[1], params, strength) * lit, colour)
        bubbled, bubbles = _blow_bubbles(filmed, params.bubbles, strength, lit)
        return bubbled, film | bubbles


def _draw_bubble(rng: np.random.Generator, centres: list[PointXY]) -> Bubble:
    x, y = centres[int(rng.integers(len(centres)))]
    centre = float(x + rng.normal(0, 0.09)), float(y + rng.normal(0, 0.07))
    return Bubble(centre, min(0.04, 0.005 + rng.exponential(0.007)))


def _film_alpha(
    height_px: int, width_px: int, params: MucusParams, strength: float
) -> Float32[np.ndarray, "height width"]:
    rng = np.random.default_rng(params.seed)
    field = smooth_field(rng, height_px, width_px, 5)
    for cells, share in ((13, 0.45), (40, 0.25)):
        field += np.float32(share) * smooth_field(rng, height_px, width_px, cells)
    edge = np.quantile(field[::4, ::4], 1 - strength * params.film_share)
    return ((field - np.float32(edge)) / np.float32(0.35)).clip(0, 1) * np.float32(params.film_opacity)


def _blow_bubbles(
    image: Float32[np.ndarray, "height width 3"],
    bubbles: tuple[Bubble, ...],
    strength: float,
    lit: Float32[np.ndarray, "height width"],
) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
    shade, light = Canvas(*image.shape[:2]), Canvas(*image.shape[:2])
    for index in reversed(range(len(bubbles))):
        if ink := arrival(strength, index, len(bubbles)):
            (x, y), radius = bubbles[index].centre, bubbles[index].radius
            shade.disc((x, y), radius, 0.25 * ink)
            shade.ring((x, y), radius, 0.004, 0.5 * ink)
            light.ring((x, y), radius * 0.86, 0.003, 0.45 * ink)
            light.disc((x - radius * 0.35, y - radius * 0.35), radius * 0.2, ink)
    shaded, dark = paint(image, shade.alpha() * lit, (0.25, 0.16, 0.1))
    frothy, bright = paint(shaded, light.alpha() * lit, (1.0, 0.99, 0.92))
    return frothy, dark | bright
