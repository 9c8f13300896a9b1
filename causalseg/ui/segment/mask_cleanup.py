"""What one click does to a drawn mask: fill its holes, smooth its edge."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

Mask = Bool[np.ndarray, "height width"]
Reshape = Callable[[Mask], Mask]

SMOOTHING_SHARE = 0.006
"""Standard deviation of the smoothing, as a share of the scan's longest side."""


def fill_holes(mask: Mask) -> Mask:
    """The mask with everything that it encloses; what touches the picture's border is not enclosed."""
    return np.asarray(ndimage.binary_fill_holes(mask), bool)


def smooth_edge(mask: Mask) -> Mask:
    """The mask without notches and spikes thinner than about two standard deviations; a straight edge stays."""
    sigma_px = max(1.0, SMOOTHING_SHARE * max(mask.shape))
    return ndimage.gaussian_filter(mask.astype(np.float32), sigma_px, mode="nearest") > 0.5
