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
