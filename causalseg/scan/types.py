"""What a scan is, once read: pixels to look at, and what is known about them."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """One picture of one patient, ready to look at and to segment.

    `image_u8` is what a person sees: after modality and VOI LUT, MONOCHROME1 inverted, grey repeated over
    three channels, EXIF orientation applied.
    """

    image_u8: UInt8[np.ndarray, "height width 3"]
    sha256: str
    """Of the file's bytes; the scan's name in the store."""
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

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image_u8.shape[0], self.image_u8.shape[1]


MODALITIES = ("endoscopy", "ultrasound", "dermoscopy", "radiograph", "ct", "mri")
"""The modalities that the confounder dictionary speaks of."""
