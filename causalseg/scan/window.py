"""From stored values to the 256 greys of a screen: a window, or a look-up table.

The window formulas are those of DICOM PS3.3 C.11.2.1.2 (LINEAR, LINEAR_EXACT, SIGMOID).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Integer, Real, UInt8

LOW_PERCENT, HIGH_PERCENT = 0.5, 99.5
"""Share of the values that a window made from the data leaves below and above, in percent."""

_EXP_LIMIT = 700.0
"""Largest exponent of a float64 exp, with room to spare."""

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
        center, width = (self.center - 0.5, self.width - 1) if self.shape == "LINEAR" else (self.center, self.width)
        distance = np.where(np.isnan(values), -np.inf, values.astype(np.float64)) - center
        if width <= 0:
            white = (distance > 0).astype(np.float64)
        elif self.shape == "SIGMOID":
            white = 1 / (1 + np.exp(np.clip(-4 * distance / width, -_EXP_LIMIT, _EXP_LIMIT)))
        else:
            white = np.clip(distance / width + 0.5, 0, 1)
        return np.rint(255 * white).astype(np.uint8)


def percentile_window(
    values: Real[np.ndarray, "height width"], *, ignore: Bool[np.ndarray, "height width"] | None = None
) -> Window:
    """The window of the middle 99 % of `values`, or of all of them where those are one value.

    Args:
        values: stored values; those that are not finite do not count.
        ignore: pixels that do not count (padding); without effect where it would leave none.
    """
    counted = np.isfinite(values)
    if ignore is not None and (counted & ~ignore).any():
        counted &= ~ignore
    if not counted.any():
        return Window.between(0.0, 0.0)
    kept = values[counted].astype(np.float64)
    low, high = np.percentile(kept, (LOW_PERCENT, HIGH_PERCENT))
    if high <= low:
        low, high = kept.min(), kept.max()
    return Window.between(float(low), float(high))


def look_up(
    values: Real[np.ndarray, "height width"], entries: Integer[np.ndarray, " entries"], *, first_value: int
) -> Integer[np.ndarray, "height width"]:
    """The entry of each value; `first_value` has entry 0, and values outside have the first or last entry."""
    return entries[np.clip(np.rint(values) - first_value, 0, len(entries) - 1).astype(np.int64)]
