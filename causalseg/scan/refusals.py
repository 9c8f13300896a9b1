"""Refusing a file in one sentence, whatever a decoder says about its bytes."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from nibabel.filebasedimages import ImageFileError
from nibabel.orientations import OrientationError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError
from pydicom.errors import BytesLengthException, InvalidDicomError

from causalseg.errors import InputError, ScanTooLarge, UnreadableScan
from causalseg.settings import Settings

TOO_MUCH_MEMORY = "This scan is too large for the memory of this machine. Crop or shrink it first."
_DECODER_COMPLAINTS = (
    OSError,
    EOFError,
    SyntaxError,  # Pillow's word for a broken header
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    BufferError,
    struct.error,
    zlib.error,
    BytesLengthException,
    InvalidDicomError,
    zipfile.BadZipFile,
    WrapStructError,
    HeaderDataError,
    ImageFileError,
    OrientationError,
    Warning,  # where warnings are errors
)
"""What Pillow, pydicom, its plug-ins and nibabel were seen to raise on bytes that were flipped or cut."""


@contextmanager
def refuse_malformed(sentence: str, *, refusal: type[InputError] = UnreadableScan) -> Iterator[None]:
    """Turn a decoder's complaint inside the block into `refusal(sentence)`.

    The complaint itself is dropped: it may quote the file, and nothing of a scan goes to a log.

    Raises:
        refusal: the decoder could not make sense of the bytes.
        ScanTooLarge: the decoder ran out of memory.
    """
    try:
        yield
    except InputError:
        raise
    except MemoryError:
        raise ScanTooLarge(TOO_MUCH_MEMORY) from None
    except _DECODER_COMPLAINTS:
        raise refusal(sentence) from None


def raise_if_too_large(height_px: int, width_px: int, *, frames: int = 1, settings: Settings) -> None:
    """Refuse a size that the header announces, before anything is decoded.

    Raises:
        ScanTooLarge: more pixels in a frame, more frames, or more pixels over all frames than the settings allow.
        UnreadableScan: no pixels at all.
    """
    if min(height_px, width_px, frames) < 1:
        raise UnreadableScan(f"The header announces a picture of {width_px} x {height_px} px: there is nothing to see.")
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
