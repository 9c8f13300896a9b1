"""Windows to choose from where the file names none, or not the one that is needed."""

import numpy as np
from jaxtyping import Real

from causalseg.scan.window import NamedWindow, Window, percentile_window

_CT_HU = {
    "lung": (-600.0, 1500.0),
    "soft tissue": (40.0, 400.0),
    "mediastinum": (50.0, 350.0),
    "abdomen": (50.0, 400.0),
    "liver": (30.0, 150.0),
    "bone": (400.0, 1800.0),
    "temporal bone": (600.0, 2800.0),
    "brain": (40.0, 80.0),
    "subdural": (75.0, 215.0),
    "stroke": (40.0, 40.0),
    "spine": (50.0, 250.0),
    "angiography": (300.0, 600.0),
}
"""Centre and width in HU as radiology teaches them (Radiopaedia, "Windowing (CT)")."""
_AIR_HU, _BONE_HU = -500, 500
"""Values on both sides of these are hardly anything but HU."""
_CONTRAST_PERCENTS = (5.0, 95.0)


def preset_windows(values: Real[np.ndarray, "count height width"], modality: str | None) -> tuple[NamedWindow, ...]:
    """Presets of a grey volume: of its own values, then of its modality where that has a unit.

    Args:
        values: in the modality's unit.
        modality: one of `MODALITIES`, or None: then values that look like HU get the presets of CT, and say so.
    """
    whole = percentile_window(values, low_percent=0.0, high_percent=100.0)
    low, high = _CONTRAST_PERCENTS
    of_values = (
        NamedWindow("middle 99 % of the values", percentile_window(values)),
        NamedWindow("high contrast", percentile_window(values, low_percent=low, high_percent=high)),
        NamedWindow("all values", whole),
    )
    if modality != "ct" and not (modality is None and _look_like_hu(whole)):
        return of_values
    suffix = "" if modality == "ct" else " (if these are HU)"
    return *(NamedWindow(f"{name}{suffix}", Window(*numbers)) for name, numbers in _CT_HU.items()), *of_values


def _look_like_hu(whole: Window) -> bool:
    return whole.center - whole.width / 2 <= _AIR_HU and whole.center + whole.width / 2 >= _BONE_HU
