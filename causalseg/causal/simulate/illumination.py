"""What light and exposure do: too dark, too bright, flat, tinted, or framed in black."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from causalseg.causal.simulate.canvas import Canvas, curve, paint
from causalseg.causal.simulate.simulator import Simulator, everywhere

GAMMA = 2.2
"""Display gamma: light = value ** GAMMA."""
SCOPE_GUIDE_GREEN = (0.07, 0.62, 0.5)


@dataclass(frozen=True, slots=True)
class ExposureParams:
    """Exposure at strength 1."""

    stops: float
    """Factors of two of the light; negative is darker."""


class UnderExposure(Simulator[ExposureParams]):
    """Too little light."""

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> ExposureParams:
        """Three to five stops less."""
        return ExposureParams(-rng.uniform(3.0, 5.0))

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: ExposureParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Scale the light."""
        return image * np.float32(2 ** (strength * params.stops / GAMMA)), everywhere(image)


class OverExposure(Simulator[ExposureParams]):
    """Too much light: the bright parts burn out."""

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> ExposureParams:
        """One and a half to three stops more."""
        return ExposureParams(rng.uniform(1.5, 3.0))

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: ExposureParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Scale the light; the caller clips."""
        return image * np.float32(2 ** (strength * params.stops / GAMMA)), everywhere(image)


@dataclass(frozen=True, slots=True)
class ContrastParams:
    """Flatness at strength 1."""

    lost: float
    """Share of the contrast that is gone."""
    veil: float
    """Grey value of the veil that takes its place, in [0, 1]."""


class LowContrast(Simulator[ContrastParams]):
    """A washed-out picture."""

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> ContrastParams:
        """Seven to nine tenths of the contrast lost."""
        return ContrastParams(rng.uniform(0.68, 0.88), rng.uniform(0.25, 0.65))

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: ContrastParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Blend with an even veil."""
        lost = np.float32(strength * params.lost)
        return image * (1 - lost) + lost * np.float32(params.veil), everywhere(image)


@dataclass(frozen=True, slots=True)
class CastParams:
    """A light of the wrong colour, at strength 1."""

    gain: tuple[float, float, float]
    """Factors of red, green and blue."""


class ColourCast(Simulator[CastParams]):
    """Everything tinted: white balance gone wrong."""

    coloured = True

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> CastParams:
        """A hue drawn evenly, a fifth to two fifths of a channel lost."""
        hue, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.22, 0.42)
        waves = np.cos(hue - np.array([0, 2, 4]) * np.pi / 3)
        red, green, blue = (float(1 + depth * wave) for wave in waves)
        return CastParams((red, green, blue))

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: CastParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Scale the channels."""
        return image * (1 + np.float32(strength) * (np.array(params.gain, np.float32) - 1)), everywhere(image)


@dataclass(frozen=True, slots=True)
class FrameParams:
    """The window of a scope."""

    power: float
    """Shape of the window: 2 is a circle, larger squarer."""
    corners: float
    """How far the corners are cut, 0 not at all."""
    centre: tuple[float, float]
    """x and y as shares of the picture."""
    window: float
    """Half-width of the window at strength 1, as a share of half the picture."""
    soft: float
    """Width of the rim's fall-off, in the same unit."""
    shade: float
    """Grey value of the frame."""
    box: tuple[float, float] | None
    """Size (width, height) of a box in the lower left at strength 1, or None."""
    box_green: bool
    """Whether it is a scope guide's green box, with the scope in it, or a black one."""


class DarkFrame(Simulator[FrameParams]):
    """The black surround of an endoscope or a dermoscope, whose area grows with strength."""

    coloured = True

    def make_params(self, rng: np.random.Generator, height_px: int, width_px: int) -> FrameParams:
        """Round, squarish or with cut corners; sharp or soft; with a box in two of five."""
        box = (rng.uniform(0.22, 0.4), rng.uniform(0.22, 0.4)) if rng.random() < 0.4 else None
        return FrameParams(
            power=float(rng.choice([2.0, 2.5, 6.0, 12.0])),
            corners=rng.uniform(0.0, 0.6),
            centre=(rng.uniform(0.45, 0.55), rng.uniform(0.45, 0.55)),
            window=rng.uniform(0.72, 0.96),
            soft=float(rng.choice([0.01, 0.03, 0.15])),
            shade=rng.uniform(0.0, 0.05),
            box=box,
            box_green=bool(rng.random() < 0.4),
        )

    def apply(
        self, image: Float32[np.ndarray, "height width 3"], params: FrameParams, strength: float
    ) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
        """Blacken what lies outside the window; then the box."""
        height_px, width_px = image.shape[:2]
        reach = _window_distance(height_px, width_px, params)
        covered = strength * float((reach > params.window).mean())
        edge = np.quantile(reach[::2, ::2], 1 - covered).astype(np.float32)
        alpha = ((reach - edge) / np.float32(params.soft)).clip(0, 1)
        framed, region = paint(image, alpha, (params.shade,) * 3)
        if params.box is None:
            return framed, region
        boxed, box_region = _draw_box(framed, params, strength)
        return boxed, region | box_region


def _window_distance(height_px: int, width_px: int, params: FrameParams) -> Float32[np.ndarray, "height width"]:
    """1 at the middle of each side of the picture, more outside a window of half-width 1."""
    y = np.abs((np.arange(height_px, dtype=np.float32) + 0.5) / height_px - params.centre[1])[:, None] * 2
    x = np.abs((np.arange(width_px, dtype=np.float32) + 0.5) / width_px - params.centre[0])[None, :] * 2
    rounded = (x**params.power + y**params.power) ** np.float32(1 / params.power)
    return np.maximum(rounded, (x + y) / np.float32(2 - params.corners)).astype(np.float32)


def _draw_box(
    image: Float32[np.ndarray, "height width 3"], params: FrameParams, strength: float
) -> tuple[Float32[np.ndarray, "height width 3"], Bool[np.ndarray, "height width"]]:
    """Black, or green with the line of the scope; its area grows with strength."""
    if params.box is None:
        return image, np.zeros(image.shape[:2], bool)
    ground, scope = Canvas(*image.shape[:2], fine=False), Canvas(*image.shape[:2])
    wide, high = (side * strength**0.5 for side in params.box)
    left, top = 0.01, 0.99 - high
    ground.rectangle((left, top), (left + wide, 0.99))
    boxed, region = paint(image, ground.alpha(), SCOPE_GUIDE_GREEN if params.box_green else (params.shade,) * 3)
    if not params.box_green:
        return boxed, region
    path = curve((0.55, 0.98), (0.35, 0.6), (0.75, 0.35), 8) + curve((0.75, 0.35), (0.7, 0.1), (0.3, 0.25), 8)
    scope.line([(left + x * wide, top + y * high) for x, y in path], 0.01)
    lined, _ = paint(boxed, scope.alpha() * region, (0.12, 0.13, 0.1))
    return lined, region
