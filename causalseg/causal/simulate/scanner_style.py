"""The look of another site: the amplitude of the lowest spatial frequencies, exchanged.

After Yang and Soatto, "FDA: Fourier Domain Adaptation" (CVPR 2020), with statistics of whole sites in place of
another picture. The few coefficients are computed on a coarse grid by two small matrix products, not by a whole
transform: products this small stay on one thread.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np
from jaxtyping import Bool, Complex64, Float32
from PIL import Image

from causalseg.causal.simulate.random_fields import resize_field
from causalseg.causal.simulate.simulator import GlobalSimulator, Picture, is_grey

REACH = 4
"""Frequencies -REACH .. REACH are kept in the statistics, in cycles per picture."""
GRID_SIDE_PX = 64
"""Side of the grid on which waves up to REACH are computed."""
SMALLEST_AMPLITUDE = 1e-5
"""Under a grey value of [0, 1]; keeps the logarithm finite."""
LARGEST_STEP = 0.8
"""Bound on the change of a log amplitude: scans far from every site keep their structure."""


Amplitudes = Float32[np.ndarray, "frequency frequency 3"]


@dataclass(frozen=True, slots=True, eq=False)
class Styles:
    """Log amplitude of the lowest frequencies, per site."""

    mean: Float32[np.ndarray, "site frequency frequency 3"]
    std: Float32[np.ndarray, "site frequency frequency 3"]
    grey: Bool[np.ndarray, " site"]
    """Whether the site's scans have no colour."""


@lru_cache(maxsize=1)
def load_styles() -> Styles:
    """The statistics shipped with the package, made by `python -m training.data.styles`."""
    path = resources.files("causalseg.causal.simulate").joinpath("styles.npz")
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return Styles(arrays["mean"], arrays["std"], arrays["grey"])


def low_spectrum(image: Picture) -> Complex64[np.ndarray, "frequency frequency 3"]:
    """Fourier coefficients at -REACH .. REACH, divided by the number of pixels; the three alike for a grey picture."""
    height_px, width_px = (min(side, GRID_SIDE_PX) for side in image.shape[:2])
    channels = 1 if is_grey(image) else 3
    coarse = resize_field(image[..., :channels], height_px, width_px, Image.Resampling.BOX)
    down = (_waves(height_px) @ coarse.reshape(height_px, -1)).reshape(2, -1, width_px, channels)
    spectrum = np.einsum("vx,uxc->uvc", _complex_waves(width_px), down[0] - 1j * down[1])
    return np.repeat(spectrum / (height_px * width_px), 3 // channels, axis=-1).astype(np.complex64)


@lru_cache(maxsize=16)
def _waves(side_px: int) -> Float32[np.ndarray, "twice_frequency side"]:
    """Cosines of all frequencies, then sines."""
    turn = 2 * np.pi / side_px * np.arange(-REACH, REACH + 1)[:, None] * np.arange(side_px)[None, :]
    return np.concatenate([np.cos(turn), np.sin(turn)]).astype(np.float32)


def _complex_waves(side_px: int) -> Complex64[np.ndarray, "frequency side"]:
    cosines, sines = np.split(_waves(side_px), 2)
    return cosines - np.complex64(1j) * sines


def _field(
    spectrum: Complex64[np.ndarray, "frequency frequency channel"], height_px: int, width_px: int
) -> Float32[np.ndarray, "height width channel"]:
    """The picture that has these coefficients and no others."""
    rows, columns = min(height_px, GRID_SIDE_PX), min(width_px, GRID_SIDE_PX)
    across = np.einsum("vx,uvc->uxc", _complex_waves(columns).conj(), spectrum)
    parts = np.concatenate([across.real, -across.imag]).reshape(2 * len(spectrum), -1)
    return resize_field((_waves(rows).T @ parts).reshape(rows, columns, -1), height_px, width_px)


@dataclass(frozen=True, slots=True, eq=False)
class ScannerStyle(GlobalSimulator):
    """Shading, brightness and colour balance of another site; structures keep their places."""

    colour: Amplitudes
    """Log amplitudes of the site, for colour pictures."""
    grey: Amplitudes
    """Log amplitudes of the site, for grey pictures."""
    reach: int
    """Frequencies up to this one are exchanged."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "ScannerStyle":
        """One site with colour and one without; which is used depends on the picture."""
        styles = load_styles()
        colour, grey = (_draw_style(rng, styles, grey=is_grey) for is_grey in (False, True))
        return cls(colour, grey, int(rng.integers(2, 5)))

    def change(self, image: Picture, strength: float) -> Picture:
        """Move the log amplitudes towards the site's and keep the phases."""
        grey, spectrum = is_grey(image), low_spectrum(image)
        amplitude = np.maximum(np.abs(spectrum), np.float32(SMALLEST_AMPLITUDE))
        step = _bounded((self.grey if grey else self.colour) - np.log(amplitude), self.reach)
        change = ((np.exp(np.float32(strength) * step) - 1) * spectrum).astype(np.complex64)
        return image + _field(change[..., :1] if grey else change, *image.shape[:2])


def _bounded(step: Amplitudes, reach: int) -> Amplitudes:
    """The step in log amplitude, nothing beyond `reach`; only the mean colour (frequency 0) differs by channel."""
    near = np.abs(np.arange(-REACH, REACH + 1)) <= reach
    shared = step.mean(axis=-1, keepdims=True).clip(-LARGEST_STEP, LARGEST_STEP) * (near[:, None] & near)[..., None]
    bounded = np.repeat(shared, 3, axis=-1)
    bounded[REACH, REACH] = step[REACH, REACH].clip(-LARGEST_STEP, LARGEST_STEP)
    return bounded


def _draw_style(rng: np.random.Generator, styles: Styles, *, grey: bool) -> Amplitudes:
    """A site's mean and half of its spread; opposite frequencies equal, as in the spectrum of any real picture."""
    site = int(rng.choice(np.flatnonzero(styles.grey == grey)))
    one = rng.standard_normal(styles.mean.shape[1:3], np.float32)[..., None]
    spread = (one + one[::-1, ::-1]) / np.float32(2)
    return styles.mean[site] + np.float32(0.5) * spread * styles.std[site]
