"""The bytes of a DICOM file -> pydicom's data set, whatever the file lost, and without a word to any log."""

import logging
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from pydicom import Dataset, FileDataset, dcmread
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from causalseg.errors import ScanTooLarge

_PREAMBLE_BYTES = 128
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")
"""Groups 0002 and 0008, in both byte orders: how a data set without a preamble begins."""
_MAX_FIRST_ELEMENT_BYTES = 1024
_ONE_AT_A_TIME = threading.RLock()


def looks_like_dicom(content: bytes) -> bool:
    """Whether the content is a DICOM file, or a data set that lost its preamble."""
    if content[_PREAMBLE_BYTES : _PREAMBLE_BYTES + 4] == b"DICM":
        return True
    if not content.startswith(_FIRST_GROUPS) or len(content) < 8:
        return False
    has_explicit_vr = content[4:6].isalpha() and content[4:6].isupper()
    return has_explicit_vr or int.from_bytes(content[4:8], "little") <= _MAX_FIRST_ELEMENT_BYTES


def parse_dicom(content: bytes, *, max_bytes: int | None = None) -> FileDataset:
    """The data set; its transfer syntax is filled in where the file lost it.

    Raises:
        ScanTooLarge: it inflates to more than `max_bytes`.
    """
    stream = BytesIO(content)
    read_preamble(stream, force=True)
    syntax = _read_file_meta_info(stream).get("TransferSyntaxUID")
    if max_bytes is not None and syntax == DeflatedExplicitVRLittleEndian:
        _raise_if_inflates_too_far(content[stream.tell() :], max_bytes)
    dataset = dcmread(BytesIO(content), force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        is_implicit, is_little_endian = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if is_little_endian else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else explicit
    return dataset


def frames_of(dataset: Dataset) -> int:
    """How many frames the header announces."""
    return int(dataset.get("NumberOfFrames") or 1)


def _raise_if_inflates_too_far(deflated: bytes, max_bytes: int) -> None:
    """pydicom inflates without a limit, and a thousandfold is possible."""
    if len(zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated, max_bytes + 1)) > max_bytes:
        raise ScanTooLarge(
            f"This DICOM file unpacks to more than {max_bytes / 2**20:,.1f} MB, the most that can be opened. "
            "Open a single frame or a smaller copy."
        )


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """pydicom says nothing inside: its warnings quote the values they complain about, and nothing of a scan is logged.

    One thread at a time: filters of `warnings` belong to the whole process.
    """
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("pydicom").setLevel(logging.CRITICAL)
        yield
