"""From stored values to the 256 greys of a screen: a window, or a look-up table; and windows to choose from.

The window formulas are those of DICOM PS3.3 C.11.2.1.2 (LINEAR, LINEAR_EXACT, SIGMOID).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Integer, Real, Shaped, UInt8

LOW_PERCENT, HIGH_PERCENT = 0.5, 99.5
"""Share of the values that a window made from the data leaves below and above, in percent."""

_BLOCK_VALUES = 1_000_000
_TABLE_BYTES = 2
"""Whole numbers as narrow as that are looked up in a table of all their greys: what a slider needs to feel live."""
_MAX_SAMPLES = 2_000_000
_EXP_LIMIT = 700.0
"""Largest exponent of a float64 exp, with room to spare."""

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


Pixels = Real[np.ndarray, "height width *rgb"]
"""Of one slice: grey values in any unit, or colours."""
Picture = UInt8[np.ndarray, "height width 3"]
"""RGB as it is shown."""
WindowShape = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]


@dataclass(frozen=True, slots=True)
class Window:
    """Which values are spread over the greys: `center` +- `width` / 2, in the scan's own unit (CT: HU)."""

    center: float
    width: float
    shape: WindowShape = "LINEAR_EXACT"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.center) and np.isfinite(self.width) and self.width >= 0):
            raise ValueError(f"a window needs a finite center and a width >= 0, got {self.center} and {self.width}")

    @classmethod
    def between(cls, low: float, high: float) -> "Window":
        """The window that shows `low` as black and `high` as white."""
        return cls(center=(low + high) / 2, width=high - low)

    def apply(self, values: Real[np.ndarray, "height width"]) -> UInt8[np.ndarray, "height width"]:
        """The greys of `values`; not-a-number is black, a window of no width is a threshold."""
        if values.dtype.kind in "iu" and values.dtype.itemsize <= _TABLE_BYTES < values.size:
            places = values.view(f"u{values.dtype.itemsize}")
            every = np.arange(np.iinfo(places.dtype).max + 1, dtype=places.dtype).view(values.dtype)
            return np.take(self._greys(every[None])[0], places)
        grey_u8 = np.empty(values.shape, np.uint8)
        rows = max(1, _BLOCK_VALUES // max(1, values.shape[1]))  # a mammogram several times in float64 is too much
        for first in range(0, values.shape[0], rows):
            grey_u8[first : first + rows] = self._greys(values[first : first + rows])
        return grey_u8

    def _greys(self, values: Real[np.ndarray, "height width"]) -> UInt8[np.ndarray, "height width"]:
        center, width = (self.center - 0.5, self.width - 1) if self.shape == "LINEAR" else (self.center, self.width)
        distance = np.where(np.isnan(values), -np.inf, values.astype(np.float64)) - center
        if width <= 0:
            white = (distance > 0).astype(np.float64)
        elif self.shape == "SIGMOID":
            white = 1 / (1 + np.exp(np.clip(-4 * distance / width, -_EXP_LIMIT, _EXP_LIMIT)))
        else:
            white = np.clip(distance / width + 0.5, 0, 1)
        return np.rint(255 * white).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class NamedWindow:
    """A window to choose: the file's own, or a preset of the modality."""

    label: str
    window: Window


def percentile_window(
    values: Real[np.ndarray, "*shape"],
    *,
    ignore: Bool[np.ndarray, "*shape"] | None = None,
    low_percent: float = LOW_PERCENT,
    high_percent: float = HIGH_PERCENT,
) -> Window:
    """The window of the middle 99 % of `values`, or of all of them where those are one value.

    Args:
        values: of a slice or of a volume; those that are not finite do not count.
        ignore: pixels that do not count (padding); without effect where it would leave none.
        low_percent: share of the values below the window, in percent.
        high_percent: share of the values below its upper end, in percent.
    """
    some = _sample(values)
    counted = np.isfinite(some)
    if ignore is not None and (counted & ~_sample(ignore)).any():
        counted &= ~_sample(ignore)
    if not counted.any():
        return Window.between(0.0, 0.0)
    kept = some[counted].astype(np.float64)
    low, high = np.percentile(kept, (low_percent, high_percent))
    if high <= low:
        low, high = _finite_ends(values)
    return Window.between(float(low), float(high))


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


def _finite_ends(values: Real[np.ndarray, "*shape"]) -> tuple[float, float]:
    """Of all values, some of them finite: a sample may miss the few that differ."""
    if values.dtype.kind != "f":
        return float(values.min()), float(values.max())
    flat, low, high = values.reshape(-1), np.inf, -np.inf
    for start in range(0, len(flat), _BLOCK_VALUES):
        block = flat[start : start + _BLOCK_VALUES]
        finite = np.isfinite(block)
        low = min(low, float(block.min(initial=np.inf, where=finite)))
        high = max(high, float(block.max(initial=-np.inf, where=finite)))
    return low, high


def _sample(values: Shaped[np.ndarray, "*shape"]) -> Shaped[np.ndarray, " values"]:
    """Every n-th value (n odd: widths seldom are), so that a volume takes no seconds."""
    flat = values.reshape(-1)
    return flat[:: len(flat) // _MAX_SAMPLES | 1]


def look_up(
    values: Real[np.ndarray, "height width"], entries: Integer[np.ndarray, " entries"], *, first_value: int
) -> Integer[np.ndarray, "height width"]:
    """The entry of each value; `first_value` has entry 0, and values outside have the first or last entry."""
    return entries[np.clip(np.rint(values) - first_value, 0, len(entries) - 1).astype(np.int64)]
