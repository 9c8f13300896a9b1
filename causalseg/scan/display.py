"""How a file wants one of its slices or frames to be seen, and how a person may look at it instead."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Real, UInt8

from causalseg.errors import BadView
from causalseg.scan.window import Picture, Pixels, Window, look_up, percentile_window


@dataclass(frozen=True, slots=True, eq=False)
class GreyTable:
    """A VOI look-up table: one grey for each value from `first_value` on."""

    entries_u8: UInt8[np.ndarray, " entries"]
    first_value: int

    def apply(self, values: Real[np.ndarray, "height width"]) -> UInt8[np.ndarray, "height width"]:
        """The greys of `values`; values outside the table have its first or last grey."""
        return look_up(values, self.entries_u8, first_value=self.first_value).astype(np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Display:
    """A table, else a window, else the middle 99 % of the values; at last turned over for MONOCHROME1."""

    window: Window | None = None
    table: GreyTable | None = None
    is_inverted: bool = False

    def window_of(self, values: Pixels, chosen: Window | None = None) -> Window | None:
        """The window that `render` uses: None for colours, and where the file's own table is used."""
        if values.ndim == 3 or (chosen is None and self.table is not None):
            return None
        return chosen or self.window or percentile_window(values)

    def render(self, values: Pixels, chosen: Window | None = None) -> Picture:
        """The picture of `values` (grey in the modality's unit, or RGB of 8 bits), through `chosen` where given.

        Raises:
            BadView: a window was chosen for colours.
        """
        if values.ndim == 3:
            if chosen is not None:
                raise BadView("This scan is in colour: there is no window to choose. Look at it as it is.")
            return np.array(values, dtype=np.uint8)
        if self.table is not None and chosen is None:
            grey_u8 = self.table.apply(values)
        else:
            grey_u8 = (chosen or self.window or percentile_window(values)).apply(values)
        return np.repeat((255 - grey_u8 if self.is_inverted else grey_u8)[..., None], 3, axis=2)
