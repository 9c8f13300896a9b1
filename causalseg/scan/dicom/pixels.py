"""PixelData of a DICOM file -> the stored values of its frames, one after another."""

import zlib
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from itertools import islice

import numpy as np
from jaxtyping import Real
from pydicom import FileDataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from causalseg.errors import ScanTooLarge, UnreadableScan
from causalseg.scan.dicom.codestream import codestream_hw
from causalseg.scan.dicom.jpeg_12_bit import JPEG_12_BIT_SYNTAXES, decode_jpeg_12_bit

UNDECODABLE = (
    "The pixels of this DICOM file cannot be decoded: they are damaged, cut off, or compressed in a way that is not "
    "known here. Export it uncompressed, then open it again."
)
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_JPEG_12_BITS = 12
_PLUGINS = ("pydicom", "pylibjpeg", "pillow", "pyjpegls", "gdcm")
"""pydicom's decoders, those that survived flipped and cut bytes first; GDCM last, which aborts on some of them."""


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


def stored_frames(dataset: FileDataset) -> Iterator[Real[np.ndarray, "height width *rgb"]]:
    """Stored values of each frame as they are, grey or RGB (YBR converted).

    Raises:
        UnreadableScan: a frame is missing, or of another size than the header says.
    """
    hw, frames = (int(dataset.Rows), int(dataset.Columns)), int(dataset.get("NumberOfFrames") or 1)
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    if syntax.is_encapsulated:
        for codestream in generate_frames(dataset.PixelData, number_of_frames=frames):
            if codestream_hw(codestream) not in (None, hw):
                raise UnreadableScan(UNDECODABLE)
    made = 0
    for made, stored in enumerate(_decode(dataset, syntax), start=1):
        if stored.shape[:2] != hw or stored.shape[2:] not in ((), (3,)):
            raise UnreadableScan(UNDECODABLE)
        yield stored
        if made == frames:
            return
    raise UnreadableScan(UNDECODABLE)


def _decode(dataset: FileDataset, syntax: UID) -> Iterator[Real[np.ndarray, "height width *rgb"]]:
    """Frame by frame; a compressed one by the first decoder that can do what is left."""
    if not syntax.is_encapsulated:
        yield from iter_pixels(dataset)
        return
    frames, done = int(dataset.get("NumberOfFrames") or 1), 0
    for plugin in _plugins_for(syntax):
        with suppress(RuntimeError):
            left = range(done, frames) if done else None  # None is the faster way
            for stored in iter_pixels(dataset, indices=left, decoding_plugin=plugin):
                done += 1
                yield stored
            return
    if syntax in JPEG_12_BIT_SYNTAXES and dataset.BitsStored == _JPEG_12_BITS and dataset.SamplesPerPixel == 1:
        for codestream in islice(generate_frames(dataset.PixelData, number_of_frames=frames), done, None):
            yield decode_jpeg_12_bit(codestream, dataset)


def _plugins_for(syntax: UID) -> list[str]:
    with suppress(NotImplementedError):
        available = get_decoder(syntax).available_plugins
        return [name for name in _PLUGINS if name in available]
    return []


def _raise_if_inflates_too_far(deflated: bytes, max_bytes: int) -> None:
    """pydicom inflates without a limit, and a thousandfold is possible."""
    if len(zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated, max_bytes + 1)) > max_bytes:
        raise ScanTooLarge(
            f"This DICOM file unpacks to more than {max_bytes / 2**20:,.1f} MB, the most that can be opened. "
            "Open a single frame or a smaller copy."
        )
