"""DICOM -> `Scan`: the first frame as a workstation would show it, and technical header fields only.

    PixelData ── decode ──┬── MONOCHROME   modality LUT -> VOI LUT, else window -> invert MONOCHROME1 ──┬── RGB u8
                          ├── PALETTE      look-up tables ──────────────────────────────────────────────┤
                          └── RGB, YBR     YBR -> RGB -> 8 bits ────────────────────────────────────────┘

pydicom's warnings quote the values they complain about, so they are silenced while a file is open; the filters of
`warnings` belong to the whole process, hence the lock: one DICOM file is read at a time.
"""

import logging
import math
import threading
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO

import numpy as np
from jaxtyping import Bool, Integer, Real, UInt8
from pydicom import Dataset, FileDataset, dcmread
from pydicom.encaps import get_frame
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.multival import MultiValue
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from causalseg.errors import ScanTooLarge, UnreadableScan
from causalseg.scan.codestream import codestream_hw
from causalseg.scan.dicom_facts import first_frame_facts, header_warnings, modality_of, spacing_mm_of, technical_header
from causalseg.scan.gdcm_frame import decode_with_gdcm
from causalseg.scan.refusal import raise_if_too_large, refuse_malformed
from causalseg.scan.types import Scan
from causalseg.scan.window import HIGH_PERCENT, LOW_PERCENT, Window, WindowShape, look_up, percentile_window

_DAMAGED = "This DICOM file is damaged or cut off. Export it again from where it came, then open it again."
_UNDECODABLE = (
    "The pixels of this DICOM file cannot be decoded: they are damaged, cut off, or compressed in a way that is not "
    "known here. Export it uncompressed, then open it again."
)
_NO_PIXELS = (
    "This DICOM file has no picture in it: it is a report, a plan, a contour set or a signal. "
    "Open the image file that it belongs to."
)
_UNKNOWN_COLOURS = (
    "The colours of this DICOM file are stored in a way that is not known here. Export it as RGB or PNG, "
    "then open it again."
)
_PREAMBLE_BYTES = 128
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")
"""Groups 0002 and 0008, in both byte orders: how a data set without a preamble begins."""
_MAX_FIRST_ELEMENT_BYTES = 1024
_GREY = {"MONOCHROME1", "MONOCHROME2"}
_COLOURS = {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"}
_PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_WINDOW_SHAPES: dict[str, WindowShape] = {"LINEAR_EXACT": "LINEAR_EXACT", "SIGMOID": "SIGMOID"}
_PLUGINS_OF_THIS_PROCESS = ("pydicom", "pylibjpeg", "pillow", "pyjpegls")
"""pydicom's decoders that survived flipped and cut bytes, best first."""
_SCREEN_BITS = 8
_ONE_DICOM_AT_A_TIME = threading.Lock()


def looks_like_dicom(content: bytes) -> bool:
    """Whether the content is a DICOM file, or a data set that lost its preamble."""
    if content[_PREAMBLE_BYTES : _PREAMBLE_BYTES + 4] == b"DICM":
        return True
    if not content.startswith(_FIRST_GROUPS) or len(content) < 8:
        return False
    has_explicit_vr = content[4:6].isalpha() and content[4:6].isupper()
    return has_explicit_vr or int.from_bytes(content[4:8], "little") <= _MAX_FIRST_ELEMENT_BYTES


def read_dicom(content: bytes, *, sha256: str, max_pixels: int, max_bytes: int) -> Scan:
    """Read the first frame of a DICOM file.

    Args:
        content: the whole file.
        sha256: of `content`.
        max_pixels: largest size, in pixels over all frames.
        max_bytes: largest size of the data set, in bytes, once inflated.

    Raises:
        UnreadableScan: damaged, cut off, without pixels, or compressed in an unknown way.
        ScanTooLarge: the header announces more than `max_pixels`, or inflates to more than `max_bytes`.
    """
    with _quiet_pydicom(), refuse_malformed(_DAMAGED):
        dataset = _parse(content, max_bytes)
        if not any(dataset.get(keyword) for keyword in _PIXEL_KEYWORDS):
            raise UnreadableScan(_NO_PIXELS)
        frames = int(dataset.get("NumberOfFrames") or 1)
        raise_if_too_large(int(dataset.Rows), int(dataset.Columns), frames=frames, max_pixels=max_pixels)
        facts = first_frame_facts(dataset)
        with refuse_malformed(_UNDECODABLE):
            stored = _decode_first_frame(content, dataset, frames)
        image_u8, window_warnings = _display(stored, dataset, facts)
        frame_warnings = [f"This file has {frames} frames; only the first one is shown."] if frames > 1 else []
        return Scan(
            image_u8=image_u8,
            sha256=sha256,
            format="DICOM",
            modality=modality_of(dataset),
            spacing_mm=spacing_mm_of(facts),
            header=technical_header(dataset, facts, dataset.file_meta.TransferSyntaxUID),
            warnings=(*frame_warnings, *window_warnings, *header_warnings(dataset, facts)),
        )


@contextmanager
def _quiet_pydicom() -> Iterator[None]:
    with _ONE_DICOM_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("pydicom").setLevel(logging.CRITICAL)
        yield


def _parse(content: bytes, max_bytes: int) -> FileDataset:
    """The data set; its transfer syntax is filled in where the file lost it."""
    stream = BytesIO(content)
    read_preamble(stream, force=True)
    if _read_file_meta_info(stream).get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        _raise_if_inflates_too_far(content[stream.tell() :], max_bytes)
    dataset = dcmread(BytesIO(content), force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        is_implicit, is_little_endian = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if is_little_endian else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else explicit
    return dataset


def _raise_if_inflates_too_far(deflated: bytes, max_bytes: int) -> None:
    """pydicom inflates without a limit, and a thousandfold is possible."""
    if len(zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated, max_bytes + 1)) > max_bytes:
        raise ScanTooLarge(
            f"This DICOM file unpacks to more than {max_bytes / 2**20:,.1f} MB, the most that can be opened. "
            "Open a single frame or a smaller copy."
        )


def _decode_first_frame(content: bytes, dataset: FileDataset, frames: int) -> Real[np.ndarray, "height width *rgb"]:
    """Stored values as they are, grey or RGB (YBR converted)."""
    hw = int(dataset.Rows), int(dataset.Columns)
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    if syntax.is_encapsulated:
        codestream = get_frame(dataset.PixelData, 0, number_of_frames=frames)
        if codestream_hw(codestream) not in (None, hw):
            raise UnreadableScan(_UNDECODABLE)
        stored = _decompress(content, dataset, syntax)
    else:
        stored = pixel_array(dataset, index=0)
    if stored.shape[:2] != hw or stored.shape[2:] not in ((), (3,)):
        raise UnreadableScan(_UNDECODABLE)
    return stored


def _decompress(content: bytes, dataset: FileDataset, syntax: UID) -> Real[np.ndarray, "height width *rgb"]:
    """By the first decoder that can; GDCM last, and in a process of its own."""
    available = get_decoder(syntax).available_plugins
    for plugin in (name for name in _PLUGINS_OF_THIS_PROCESS if name in available):
        with suppress(RuntimeError):
            return pixel_array(dataset, index=0, decoding_plugin=plugin)
    return decode_with_gdcm(content)


def _display(
    stored: Real[np.ndarray, "height width *rgb"], dataset: Dataset, facts: Dataset
) -> tuple[UInt8[np.ndarray, "height width 3"], list[str]]:
    """The picture a person sees, and sentences about how it was made."""
    photometric = dataset.PhotometricInterpretation
    if stored.ndim == 3 and photometric in _COLOURS:
        return _to_8_bits(stored, int(dataset.BitsStored)), []
    if stored.ndim == 2 and photometric == "PALETTE COLOR":
        return _apply_palette(stored, dataset), []
    if stored.ndim == 3 or photometric not in _GREY:
        raise UnreadableScan(_UNKNOWN_COLOURS)
    grey_u8, sentences = _grey(stored, facts)
    upright_u8 = 255 - grey_u8 if photometric == "MONOCHROME1" else grey_u8
    return np.repeat(upright_u8[..., None], 3, axis=2), sentences


def _grey(
    stored: Real[np.ndarray, "height width"], facts: Dataset
) -> tuple[UInt8[np.ndarray, "height width"], list[str]]:
    """Modality LUT or rescale, then VOI LUT, else window, else what the values suggest (PS3.4 N.2)."""
    values = _apply_modality(stored, facts)
    if facts.get("VOILUTSequence"):
        shown, bits = _apply_table(values, facts.VOILUTSequence[0])
        return Window.between(0.0, 2.0**bits - 1).apply(shown), []
    if window := _named_window(facts, is_float=stored.dtype.kind == "f"):
        return window.apply(values), []
    if _fits_the_screen(stored, facts):
        return Window.between(0.0, 2.0 ** int(facts.BitsStored) - 1).apply(stored), []
    sentence = f"The file names no window; the {LOW_PERCENT}-{HIGH_PERCENT} % range of its values is shown."
    return percentile_window(values, ignore=_padding(stored, facts)).apply(values), [sentence]


def _apply_modality(stored: Real[np.ndarray, "height width"], facts: Dataset) -> Real[np.ndarray, "height width"]:
    """Stored values -> the unit of the modality (CT: HU)."""
    if facts.get("ModalityLUTSequence"):
        return _apply_table(stored, facts.ModalityLUTSequence[0])[0]
    slope, intercept = _first_number(facts.get("RescaleSlope")), _first_number(facts.get("RescaleIntercept"))
    return stored if slope is None or intercept is None else stored * slope + intercept


def _apply_table(
    values: Real[np.ndarray, "height width"], table: Dataset
) -> tuple[Integer[np.ndarray, "height width"], int]:
    """Values through a modality or VOI LUT, and the bits of its entries.

    Not pydicom's `apply_voi`: it counts entries in the type of their values, so 8-bit tables of 4,096 entries wrap.
    """
    length, first_value, bits = table.LUTDescriptor
    entries = _table_entries(table["LUTData"].value, length or 2**16, is_big_endian=not _is_little_endian(table))
    return look_up(values, entries, first_value=first_value), bits


def _table_entries(
    data: bytes | Sequence[int] | int, length: int, *, is_big_endian: bool
) -> Integer[np.ndarray, " entries"]:
    if not isinstance(data, bytes):
        return np.atleast_1d(np.asarray(data, dtype=np.int64))
    width_bytes = 2 if len(data) >= 2 * length else 1
    return np.frombuffer(data, dtype=f"{'<>'[is_big_endian]}u{width_bytes}", count=length).astype(np.int64)


def _is_little_endian(dataset: Dataset) -> bool:
    return dataset.original_encoding[1] is not False


def _named_window(facts: Dataset, *, is_float: bool) -> Window | None:
    """The first window of the file, where it names one that makes sense.

    LINEAR counts in whole values (its width 1 is a threshold), so for stored fractions it is taken as LINEAR_EXACT.
    """
    center, width = _first_number(facts.get("WindowCenter")), _first_number(facts.get("WindowWidth"))
    linear = "LINEAR_EXACT" if is_float else "LINEAR"
    shape = _WINDOW_SHAPES.get(str(facts.get("VOILUTFunction")).upper(), linear)
    if center is None or width is None or width <= 0 or (shape == "LINEAR" and width < 1):
        return None
    return Window(center, width, shape)


def _first_number(value: object) -> float | None:
    """The first of one or several numbers; None where there is none, or it is not finite."""
    first = value[0] if isinstance(value, MultiValue) and len(value) else value
    return float(first) if isinstance(first, int | float) and math.isfinite(first) else None


def _fits_the_screen(stored: Real[np.ndarray, "height width"], facts: Dataset) -> bool:
    """Whether the stored values are meant to be seen as they are: unsigned, at most 8 bits, in no other unit."""
    is_rescaled = "ModalityLUTSequence" in facts or _first_number(facts.get("RescaleSlope")) not in (None, 1.0)
    return stored.dtype.kind == "u" and facts.get("BitsStored", 0) <= _SCREEN_BITS and not is_rescaled


def _padding(stored: Real[np.ndarray, "height width"], facts: Dataset) -> Bool[np.ndarray, "height width"] | None:
    """Pixels outside the field of view (PS3.3 C.7.5.1.1.2)."""
    value = facts.get("PixelPaddingValue")
    if not isinstance(value, int):
        return None
    limit = facts.get("PixelPaddingRangeLimit")
    low, high = sorted((value, limit if isinstance(limit, int) else value))
    return (stored >= low) & (stored <= high)


def _apply_palette(
    stored: Integer[np.ndarray, "height width"], dataset: Dataset
) -> UInt8[np.ndarray, "height width 3"]:
    if "SegmentedRedPaletteColorLookupTableData" in dataset:
        rgb = apply_color_lut(stored, dataset)[..., :3]
    else:
        rgb = np.stack([_palette_channel(stored, dataset, colour) for colour in ("Red", "Green", "Blue")], axis=2)
    return _to_8_bits(rgb, 16 if rgb.max() > np.iinfo(np.uint8).max else _SCREEN_BITS)


def _palette_channel(
    stored: Integer[np.ndarray, "height width"], dataset: Dataset, colour: str
) -> Integer[np.ndarray, "height width"]:
    length, first_value, _ = dataset[f"{colour}PaletteColorLookupTableDescriptor"].value
    data = dataset[f"{colour}PaletteColorLookupTableData"].value
    entries = _table_entries(data, length or 2**16, is_big_endian=not _is_little_endian(dataset))
    return look_up(stored, entries, first_value=first_value)


def _to_8_bits(rgb: Integer[np.ndarray, "height width 3"], bits: int) -> UInt8[np.ndarray, "height width 3"]:
    """The highest 8 of `bits` bits."""
    return (rgb >> max(0, bits - _SCREEN_BITS)).astype(np.uint8)
