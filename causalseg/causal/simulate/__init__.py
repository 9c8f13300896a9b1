"""Simulators: each puts one named confounder into a picture, at a known strength and seed.

They make the counterfactual twins for training and evaluation: x with and without the confounder.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from jaxtyping import UInt8

from causalseg.causal.simulate.dermoscopy import HairStrands, Ink, Patches, Ruler
from causalseg.causal.simulate.display import BoxOverlay, VendorLogo
from causalseg.causal.simulate.endoscopy import MucusBubbles, NarrowBandColour, SpecularHighlight
from causalseg.causal.simulate.illumination import ColourCast, LowContrast, OverExposure, UnderExposure
from causalseg.causal.simulate.immersion import GelBorder, GelBubble
from causalseg.causal.simulate.instruments import Instrument
from causalseg.causal.simulate.mri import BiasField, Ghosting
from causalseg.causal.simulate.optics import Compression, DefocusBlur, MotionBlur, SensorNoise
from causalseg.causal.simulate.overlays import BurnedInText, Calipers
from causalseg.causal.simulate.radiograph import SideMarker, Wires
from causalseg.causal.simulate.scanner_style import ScannerStyle
from causalseg.causal.simulate.simulator import Simulated, Simulator
from causalseg.causal.simulate.ultrasound import AcousticShadow, Gain, Speckle
from causalseg.causal.simulate.view import DarkCorner, DarkFrame, PositionBox
from causalseg.errors import BadStrength, UnknownConfounder

__all__ = ["SIMULATORS", "Simulated", "Simulator", "simulate"]

SIMULATORS: Mapping[str, type[Simulator]] = MappingProxyType(
    {
        "defocus_blur": DefocusBlur,
        "motion_blur": MotionBlur,
        "sensor_noise": SensorNoise,
        "low_contrast": LowContrast,
        "under_exposure": UnderExposure,
        "over_exposure": OverExposure,
        "compression": Compression,
        "burned_in_text": BurnedInText,
        "calipers": Calipers,
        "box_overlay": BoxOverlay,
        "vendor_logo": VendorLogo,
        "dark_frame": DarkFrame,
        "dark_corner": DarkCorner,
        "position_box": PositionBox,
        "specular_highlight": SpecularHighlight,
        "narrow_band_colour": NarrowBandColour,
        "mucus_bubbles": MucusBubbles,
        "instrument": Instrument,
        "speckle": Speckle,
        "gain": Gain,
        "acoustic_shadow": AcousticShadow,
        "hair": HairStrands,
        "ruler": Ruler,
        "ink": Ink,
        "gel_border": GelBorder,
        "gel_bubble": GelBubble,
        "patches": Patches,
        "colour_cast": ColourCast,
        "side_marker": SideMarker,
        "wires": Wires,
        "bias_field": BiasField,
        "ghosting": Ghosting,
        "scanner_style": ScannerStyle,
    }
)
"""Every simulator by its name."""


def simulate(image_u8: UInt8[np.ndarray, "height width 3"], simulator: str, *, strength: float, seed: int) -> Simulated:
    """Put a confounder into a picture; the same seed gives the same picture, which is never changed in place.

    Args:
        image_u8: RGB, grey repeated over the channels; from 16 px a side.
        simulator: A name of `SIMULATORS`.
        strength: In [0, 1]: 0 leaves the picture exactly as it is, 1 is as strong as in bad real scans.
        seed: Of what this occurrence looks like.

    Raises:
        UnknownConfounder: no simulator of this name.
        BadStrength: strength outside [0, 1].
    """
    if simulator not in SIMULATORS:
        raise UnknownConfounder(f"There is no simulator {simulator!r}; choose one of {', '.join(SIMULATORS)}.")
    if not 0 <= strength <= 1:
        raise BadStrength(f"The strength is {strength}; give a number from 0 to 1.")
    if strength == 0:
        return Simulated(image_u8.copy(), np.zeros(image_u8.shape[:2], bool))
    occurrence = SIMULATORS[simulator].draw(np.random.default_rng(seed))
    changed, region = occurrence.apply(image_u8.astype(np.float32) / np.float32(255), strength)
    return Simulated(np.rint(changed.clip(0, 1) * np.float32(255)).astype(np.uint8), region)
