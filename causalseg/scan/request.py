"""What one call of `read_scan` asks for, beside the bytes: its limits, and whom to tell how far it is."""

from collections.abc import Callable
from dataclasses import dataclass, field

from causalseg.errors import ScanTooLarge, UnreadableScan
from causalseg.settings import Settings

Progress = Callable[[int, int], object]
"""`on_progress(done, total)`, called after every slice; may raise to stop."""


def ignore_progress(done: int, total: int) -> None:
    """For a caller who does not want to know."""


@dataclass(frozen=True, slots=True)
class Request:
    """Handed down to the reader of every format."""

    sha256: str
    """Of the file; of a folder's sorted hashes."""
    settings: Settings = field(default_factory=Settings)
    """Its limits are held before anything is decoded."""
    on_progress: Progress = ignore_progress

    def raise_if_too_large(self, height_px: int, width_px: int, *, frames: int = 1) -> None:
        """Refuse a size that the header announces, before anything is decoded.

        Raises:
            ScanTooLarge: more pixels in a frame, more frames, or more pixels over all frames than the settings allow.
            UnreadableScan: no pixels at all.
        """
        settings = self.settings
        if min(height_px, width_px, frames) < 1:
            raise UnreadableScan(
                f"The header announces a picture of {width_px} x {height_px} px: there is nothing to see."
            )
        if frames > settings.max_slices:
            raise ScanTooLarge(
                f"This scan has {frames:,} frames; at most {settings.max_slices:,} can be opened. Open a part of it."
            )
        most = settings.max_voxels if frames > 1 else min(settings.max_pixels, settings.max_voxels)
        if height_px * width_px > settings.max_pixels or height_px * width_px * frames > most:
            pages = f" in {frames:,} frames" if frames > 1 else ""
            raise ScanTooLarge(
                f"This scan has {width_px:,} x {height_px:,} px{pages}; at most {most / 1e6:g} million px can be "
                "opened. Crop or shrink it first."
            )
