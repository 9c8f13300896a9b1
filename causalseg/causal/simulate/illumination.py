"""What light and exposure do: too dark, too bright (in all of a scan or in one piece of it), flat or tinted."""

from dataclasses import dataclass

import numpy as np

from causalseg.causal.simulate.canvas import FAINTEST_ALPHA, PointXY, offsets_xy
from causalseg.causal.simulate.simulator import Changed, GlobalSimulator, Picture, Sheet, Simulator, is_grey

GAMMA = 2.2
"""Display gamma: light = value ** GAMMA."""


@dataclass(frozen=True, slots=True)
class Burn:
    """A piece that is far too near to the lamp."""

    centre: PointXY
    reach_xy: tuple[float, float]
    """Half of the size of what is burnt, shares of the shorter side."""
    tilt_rad: float
    ripple: tuple[float, float]
    """Phases of the wavy outline, in radians."""
    stops: float
    """Factors of two of the light at its middle."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Burn":
        """Often at a border of the picture, seldom in its middle."""
        centre = rng.uniform(0.0, 1.0, 2)
        if rng.random() < 0.7:
            centre[int(rng.integers(2))] = rng.choice([0.0, 1.0])
        reach = rng.uniform(0.12, 0.4), rng.uniform(0.12, 0.3)
        ripple = rng.uniform(0, 6.28), rng.uniform(0, 6.28)
        return cls(
            (float(centre[0]), float(centre[1])), reach, rng.uniform(0, np.pi), ripple, stops=rng.uniform(3.5, 6.5)
        )

    def light(self, height_px: int, width_px: int) -> Sheet:
        """Share of the stops, 1 at the middle, 0 from about twice the reach on."""
        x, y = offsets_xy(height_px, width_px, self.centre)
        cosine, sine = np.float32(np.cos(self.tilt_rad)), np.float32(np.sin(self.tilt_rad))
        along, across = (x * cosine + y * sine) / self.reach_xy[0], (y * cosine - x * sine) / self.reach_xy[1]
        turn = np.arctan2(across, along)
        wavy = 1 + 0.15 * np.sin(2 * turn + self.ripple[0]) + 0.1 * np.sin(3 * turn + self.ripple[1])
        far = np.hypot(along, across) / wavy
        return (np.float32(1.3) * np.exp(-(far**2))).clip(0, 1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class OverExposure(Simulator):
    """Too much light: the bright parts burn out, in all of the picture or in one piece of a coloured one."""

    stops: float
    """Factors of two of the light."""
    burn: Burn | None
    """The piece of a coloured picture that alone is too bright, or None where all of it is."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "OverExposure":
        """One and a half to three stops more; of coloured pictures half have one piece burnt."""
        stops = rng.uniform(1.5, 3.0)
        return cls(stops, Burn.draw(rng) if rng.random() < 0.5 else None)

    def apply(self, image: Picture, strength: float) -> Changed:
        """Scale the light; the caller clips. A grey picture has no lamp of its own and is too bright as a whole."""
        if self.burn is None or is_grey(image):
            return _expose(image, strength * self.stops), np.ones(image.shape[:2], bool)
        stops = np.float32(self.burn.stops) * self.burn.light(image.shape[0], image.shape[1])
        region = stops > 10 * FAINTEST_ALPHA
        burnt = image * np.exp2(np.float32(strength / GAMMA) * np.where(region, stops, 0))[..., None]
        return burnt, region


@dataclass(frozen=True, slots=True)
class UnderExposure(GlobalSimulator):
    """Too little light."""

    stops: float
    """Factors of two of the light that are missing."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "UnderExposure":
        """Three to five stops less."""
        return cls(rng.uniform(3.0, 5.0))

    def change(self, image: Picture, strength: float) -> Picture:
        """Scale the light."""
        return _expose(image, -strength * self.stops)


def _expose(image: Picture, stops: float) -> Picture:
    return image * np.float32(2 ** (stops / GAMMA))


@dataclass(frozen=True, slots=True)
class LowContrast(GlobalSimulator):
    """A washed-out picture."""

    lost: float
    """Share of the contrast that is gone."""
    veil: float
    """Grey value of the veil that takes its place, in [0, 1]."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "LowContrast":
        """Seven to nine tenths of the contrast lost."""
        return cls(rng.uniform(0.68, 0.88), rng.uniform(0.25, 0.65))

    def change(self, image: Picture, strength: float) -> Picture:
        """Blend with an even veil."""
        lost = np.float32(strength * self.lost)
        return image * (1 - lost) + lost * np.float32(self.veil)


@dataclass(frozen=True, slots=True)
class ColourCast(GlobalSimulator):
    """Everything tinted: white balance gone wrong."""

    coloured = True
    gain: tuple[float, float, float]
    """Factors of red, green and blue."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "ColourCast":
        """A hue drawn evenly, a fifth to two fifths of a channel lost."""
        hue, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.22, 0.42)
        waves = np.cos(hue - np.array([0, 2, 4]) * np.pi / 3)
        red, green, blue = (float(1 + depth * wave) for wave in waves)
        return cls((red, green, blue))

    def change(self, image: Picture, strength: float) -> Picture:
        """Scale the channels."""
        return image * (1 + np.float32(strength) * (np.array(self.gain, np.float32) - 1))
