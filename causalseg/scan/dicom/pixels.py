"""PixelData of a DICOM file -> the stored values of its frames, one after another."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from pydicom import FileDataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import UID

from causalseg.errors import UnreadableScan
from causalseg.scan.dicom.codestream import codestream_hw
from causalseg.scan.dicom.jpeg_12_bit import decode_jpeg_12_bit, is_jpeg_12_bit
from causalseg.scan.dicom.parse import frames_of
from causalseg.scan.window import Pixels

UNDECODABLE = (
    "The pixels of this DICOM file cannot be decoded: they are damaged, cut off, or compressed in a way that is not "
    "known here. Export it uncompressed, then open it again."
)
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_PLUGINS = ("pydicom", "pylibjpeg", "pillow", "pyjpegls", "gdcm")
"""pydicom's decoders, those that survived flipped and cut bytes first; GDCM last, which aborts on some of them."""


def stored_frames(dataset: FileDataset) -> Iterator[Pixels]:
    """Stored values of each frame as they are, grey or RGB (YBR converted).

    Raises:
        UnreadableScan: a frame is missing, or of another size than the header says.
    """
    hw, frames = (int(dataset.Rows), int(dataset.Columns)), frames_of(dataset)
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    if syntax.is_encapsulated:
        for codestream in generate_frames(dataset.PixelData, number_of_frames=frames):
            if codestream_hw(codestream) not in (None, hw):
                raise UnreadableScan(UNDECODABLE)
    made = 0
    for made, stored in enumerate(_decode(dataset, syntax, frames), start=1):
        if stored.shape[:2] != hw or stored.shape[2:] not in ((), (3,)):
            raise UnreadableScan(UNDECODABLE)
        yield stored
        if made == frames:
            return
    raise UnreadableScan(UNDECODABLE)


def _decode(dataset: FileDataset, syntax: UID, frames: int) -> Iterator[Pixels]:
    """Decode frame by frame; compressed frames by the first decoder that can."""
    if not syntax.is_encapsulated:
        yield from iter_pixels(dataset)
        return
    done = 0
    for plugin in _plugins_for(syntax):
        with suppress(RuntimeError):
            left = range(done, frames) if done else None  # None is the faster way
            for stored in iter_pixels(dataset, indices=left, decoding_plugin=plugin):
                done += 1
                yield stored
            return
    if is_jpeg_12_bit(dataset, syntax):
        for codestream in islice(generate_frames(dataset.PixelData, number_of_frames=frames), done, None):
            yield decode_jpeg_12_bit(codestream, dataset)


def _plugins_for(syntax: UID) -> list[str]:
    with suppress(NotImplementedError):
        available = get_decoder(syntax).available_plugins
        return [name for name in _PLUGINS if name in available]
    return []
