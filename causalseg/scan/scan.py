"""What a scan is, once read: pixels to look at, and what is known about them."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from jaxtyping import Float64, Real, UInt8

from causalseg.errors import BadView
from causalseg.scan.display import Display
from causalseg.scan.original import SourceDicom, SourceNifti
from causalseg.scan.window import NamedWindow, Window

Axis = Literal["slice", "frame", "page"]
"""What a scan's pictures follow each other along: space, time, or the pages of a file."""


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """All slices, frames or pages of a file, as they are measured."""

    values: Real[np.ndarray, "count height width *rgb"] = field(repr=False)
    """Grey in the modality's unit (CT: HU), or RGB of 8 bits."""
    affine: Float64[np.ndarray, "4 4"] | None = None
    """(column, row, slice, 1) -> RAS+ in mm, so that `nibabel.Nifti1Image(values.T, affine)` lies where the scan lies.
    None where the file does not say it."""
    spacing_mm: tuple[float | None, float | None, float | None] = (None, None, None)
    """Between slices, between rows, between columns; None where the file does not say it."""
    repeats: int = 1
    """Volumes of a series in time (NIfTI 4D): `values` holds them one after another, each `count / repeats` slices."""
    displays: tuple[Display, ...] = field(default=(Display(),), repr=False)
    """How the file wants each slice to be seen: one for each, or one for all."""
    source: SourceDicom | SourceNifti | None = field(default=None, repr=False)
    """What an export needs in order to refer to the original."""

    def display(self, index: int) -> Display:
        """How the file wants slice `index` to be seen."""
        return self.displays[index if len(self.displays) > 1 else 0]


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """One picture of one patient, ready to look at and to segment; `view` turns to another slice or window.

    `image_u8` is what a person sees: after modality and VOI LUT, MONOCHROME1 inverted, grey repeated over
    three channels, EXIF orientation applied.
    """

    image_u8: UInt8[np.ndarray, "height width 3"]
    sha256: str
    """Of the file's bytes; the scan's name in the store. A label belongs to (sha256, index)."""
    format: str
    """"PNG", "JPEG", "DICOM"...: told from the content, never from the file's name."""
    modality: str | None = None
    """One of `MODALITIES` where the file says it (DICOM), else None."""
    spacing_mm: tuple[float, float] | None = None
    """Distance between rows, between columns, in mm."""
    header: dict[str, str] = field(default_factory=dict)
    """Technical header fields only; never a name, a date or an id of the patient."""
    warnings: tuple[str, ...] = ()
    """Sentences for the person who opened it."""
    index: int = 0
    """Which slice, frame or page `image_u8` shows, from 0."""
    axis: Axis = "page"
    """What `index` counts."""
    window: Window | None = None
    """The window that `image_u8` was made with; None for colours, 8-bit pictures and look-up tables."""
    windows: tuple[NamedWindow, ...] = ()
    """Windows to choose from: the file's own first, then presets; none for colours and 8-bit pictures."""
    volume: Volume | None = None
    """Everything that `view` can show; None for one picture of 8 bits, which `image_u8` is already."""

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image_u8.shape[0], self.image_u8.shape[1]

    @property
    def count(self) -> int:
        """How many slices, frames or pages there are."""
        return 1 if self.volume is None else len(self.volume.values)

    @property
    def place(self) -> str:
        """Where `index` is, in words: "slice 3 of 24", "slice 3 of 24, volume 2 of 5"; nothing for a lone picture."""
        if self.volume is None or self.count == 1:
            return ""
        repeat, slice_index = divmod(self.index, self.count // self.volume.repeats)
        place = f"{self.axis} {slice_index + 1} of {self.count // self.volume.repeats}"
        return place if self.volume.repeats == 1 else f"{place}, volume {repeat + 1} of {self.volume.repeats}"

    def view(self, index: int | None = None, window: Window | None = None) -> "Scan":
        """Another look at the same file.

        Args:
            index: which slice, frame or page, from 0; None: the one of this scan.
            window: which values to spread over the greys; None: as the file says for that slice.

        Raises:
            BadView: no such slice, or a window for a scan that has none.
        """
        place = self.index if index is None else index
        if not 0 <= place < self.count:
            raise BadView(f"There is no {self.axis} {place + 1}: choose one from 1 to {self.count}.")
        if self.volume is None:
            if window is not None:
                raise BadView("This picture has 8 bits: there is no window to choose. Look at it as it is.")
            return self
        values, display = self.volume.values[place], self.volume.display(place)
        picture_u8, shown = display.render(values, window), display.window_of(values, window)
        return replace(self, image_u8=picture_u8, index=place, window=shown)


MODALITIES = ("endoscopy", "ultrasound", "dermoscopy", "radiograph", "ct", "mri")
"""The modalities that the confounder dictionary speaks of."""
