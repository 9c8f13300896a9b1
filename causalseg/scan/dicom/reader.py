"""DICOM -> `Scan`: one file or the files of a series, every frame of it, and technical header fields only.

members ── parse ── headers ── frame facts ── stack (order in space) ──┐
members ── parse ── PixelData ── decode ── measure (modality's unit) ──┴── Volume ── Scan
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Real
from pydicom import Dataset, FileDataset

from causalseg.errors import UnreadableScan
from causalseg.scan.dicom.deidentify import strip_header
from causalseg.scan.dicom.header import (
    frame_facts,
    header_warnings,
    modality_of,
    numbers_of,
    spacing_mm_of,
    technical_header,
)
from causalseg.scan.dicom.pixels import PIXEL_KEYWORDS, UNDECODABLE, parse_dicom, stored_frames
from causalseg.scan.dicom.quiet import quiet_pydicom
from causalseg.scan.dicom.slice_order import Stack, affine_of, stack_slices
from causalseg.scan.dicom.values import file_windows, look_of, measure, padding_of
from causalseg.scan.display import Look
from causalseg.scan.original import SourceDicom
from causalseg.scan.presets import preset_windows
from causalseg.scan.refusals import raise_if_too_large, refuse_malformed
from causalseg.scan.scan import Axis, Scan, Volume
from causalseg.scan.window import HIGH_PERCENT, LOW_PERCENT, NamedWindow, percentile_window
from causalseg.settings import Settings

DAMAGED = "This DICOM file is damaged or cut off. Export it again from where it came, then open it again."
_NO_PIXELS = (
    "This DICOM file has no picture in it: it is a report, a plan, a contour set or a signal. "
    "Open the image file that it belongs to."
)
_DICOMDIR = (
    "This is a DICOMDIR, the list of contents of a disc, with no picture in it. "
    "Open the folder that it lies in, or a zip of that folder."
)
_UNLIKE = "The slices of this series are of different sizes or colours. Open one of them."
_NO_WINDOW = f"The file names no window; the {LOW_PERCENT}-{HIGH_PERCENT} % range of its values is shown."
_PIXEL_GROUP = 0x7FE0
_PREAMBLE_BYTES = 128
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")
"""Groups 0002 and 0008, in both byte orders: how a data set without a preamble begins."""
_MAX_FIRST_ELEMENT_BYTES = 1024

Progress = Callable[[int, int], object]
"""`on_progress(done, total)`, called after every slice."""


@dataclass(frozen=True, slots=True)
class DicomFile:
    """A file of a series: its header without pixels, and the way to all of it."""

    header: FileDataset
    load: Callable[[], bytes]

    @property
    def frames(self) -> int:
        """How many frames the header announces."""
        return int(self.header.get("NumberOfFrames") or 1)


class _Slice(NamedTuple):
    """One frame of one file."""

    file: int
    frame: int
    facts: Dataset


def looks_like_dicom(content: bytes) -> bool:
    """Whether the content is a DICOM file, or a data set that lost its preamble."""
    if content[_PREAMBLE_BYTES : _PREAMBLE_BYTES + 4] == b"DICM":
        return True
    if not content.startswith(_FIRST_GROUPS) or len(content) < 8:
        return False
    has_explicit_vr = content[4:6].isalpha() and content[4:6].isupper()
    return has_explicit_vr or int.from_bytes(content[4:8], "little") <= _MAX_FIRST_ELEMENT_BYTES


def read_dicom(content: bytes, *, sha256: str, settings: Settings, on_progress: Progress) -> Scan:
    """Read every frame of a DICOM file.

    Args:
        content: the whole file.
        sha256: of `content`.
        settings: its limits are held before anything is decoded.
        on_progress: told after every frame.

    Raises:
        UnreadableScan: damaged, cut off, without pixels, or compressed in an unknown way.
        ScanTooLarge: the header announces more pixels, or inflates to more bytes, than the settings allow.
    """
    with quiet_pydicom():
        file = open_dicom(content, lambda: content, settings)
        if file is None:
            raise UnreadableScan(_DICOMDIR if _is_directory(content) else _NO_PIXELS)
        return read_slices([file], sha256=sha256, settings=settings, on_progress=on_progress)


def open_dicom(content: bytes, load: Callable[[], bytes], settings: Settings) -> DicomFile | None:
    """The header of a file; None where it has no pixels.

    Args:
        content: the whole file, not kept.
        load: the way to it later.
        settings: its limits are held.

    Raises:
        UnreadableScan: damaged or cut off, or the header announces no size.
        ScanTooLarge: the header announces more than the settings allow.
    """
    with refuse_malformed(DAMAGED):
        header = parse_dicom(content, max_bytes=settings.max_file_bytes)
        if not any(header.get(keyword) for keyword in PIXEL_KEYWORDS):
            return None
        for tag in list(header.keys()):
            if tag.is_private or tag.group == _PIXEL_GROUP:
                del header[tag]
        file = DicomFile(header, load)
        raise_if_too_large(int(header.Rows), int(header.Columns), frames=file.frames, settings=settings)
        return file


def read_slices(files: Sequence[DicomFile], *, sha256: str, settings: Settings, on_progress: Progress) -> Scan:
    """Read the frames of files that belong together: those of one series, or one file."""
    with quiet_pydicom(), refuse_malformed(DAMAGED):
        return _read_slices(files, sha256, settings, on_progress)


def _read_slices(files: Sequence[DicomFile], sha256: str, settings: Settings, on_progress: Progress) -> Scan:
    first = files[0].header
    slices = _in_order(files)
    raise_if_too_large(int(first.Rows), int(first.Columns), frames=len(slices), settings=settings)
    stack = stack_slices([one.facts for one in slices])
    if stack is not None:
        slices = [slices[place] for place in stack.order]
    values, looks = _decode(files, slices, on_progress)
    axis: Axis = "frame" if stack is None and len(slices) > 1 else "slice"
    index = len(slices) // stack.repeats // 2 if stack else 0
    facts, look_warnings = slices[index].facts, []
    if values.ndim == 3 and any(look.window is None and look.table is None for look in looks):
        looks, look_warnings = _with_window_of_values(values, looks, facts), [_NO_WINDOW]
    modality, spacing_mm = modality_of(first), spacing_mm_of(facts)
    rows_mm, columns_mm = spacing_mm or (None, None)
    volume = Volume(
        values=values,
        affine=_affine(slices, stack),
        spacing_mm=(stack.spacing_mm if stack else None, rows_mm, columns_mm),
        repeats=stack.repeats if stack else 1,
        looks=looks,
        source=_source_of(files, slices),
    )
    return Scan(
        image_u8=looks[index].show(values[index]),
        sha256=sha256,
        format="DICOM",
        modality=modality,
        spacing_mm=spacing_mm,
        header=technical_header(first, facts, first.file_meta.TransferSyntaxUID),
        warnings=(*(stack.warnings if stack else ()), *look_warnings, *header_warnings(first, facts)),
        index=index,
        axis=axis,
        window=looks[index].window_of(values[index]),
        windows=_windows(volume, facts, modality),
        volume=volume,
    )


def _affine(slices: Sequence[_Slice], stack: Stack | None) -> Float64[np.ndarray, "4 4"] | None:
    if len(slices) > 1 and (stack is None or stack.step_mm is None):
        return None
    return affine_of(slices[0].facts, stack and stack.step_mm)


def _is_directory(content: bytes) -> bool:
    return "DirectoryRecordSequence" in parse_dicom(content)


def _in_order(files: Sequence[DicomFile]) -> list[_Slice]:
    """All frames, files by their instance number, for want of a place in space."""
    by_number = sorted(range(len(files)), key=lambda place: numbers_of(files[place].header.get("InstanceNumber")))
    return [
        _Slice(place, frame, facts)
        for place in by_number
        for frame, facts in enumerate(frame_facts(files[place].header, files[place].frames))
    ]


def _decode(
    files: Sequence[DicomFile], slices: Sequence[_Slice], on_progress: Progress
) -> tuple[Real[np.ndarray, "count height width *rgb"], tuple[Look, ...]]:
    """Every slice in the modality's unit, and its look; the files are loaded one at a time."""
    ranks = {(one.file, one.frame): rank for rank, one in enumerate(slices)}
    values, looks, done = np.empty(0), [Look()] * len(slices), 0
    for place, file in enumerate(files):
        with refuse_malformed(UNDECODABLE):
            dataset = parse_dicom(file.load())
            for frame, stored in enumerate(stored_frames(dataset)):
                rank = ranks[place, frame]
                facts = slices[rank].facts
                looks[rank] = look_of(stored, dataset, facts)
                values = _put(measure(stored, dataset, facts), values, rank, len(slices))
                done += 1
                on_progress(done, len(slices))
    return _narrow(values), tuple(looks)


def _put(
    measured: Real[np.ndarray, "height width *rgb"], values: Real[np.ndarray, "*shape"], rank: int, count: int
) -> Real[np.ndarray, "count height width *rgb"]:
    """`values` with `measured` at `rank`, of a type that holds both."""
    dtype = measured.dtype.newbyteorder("=")
    if not values.size:
        values = np.zeros((count, *measured.shape), dtype)
    if measured.shape != values.shape[1:]:
        raise UnreadableScan(_UNLIKE)
    values = values.astype(np.promote_types(dtype, values.dtype), copy=False)
    values[rank] = measured
    return values


def _narrow(values: Real[np.ndarray, "*shape"]) -> Real[np.ndarray, "*shape"]:
    """Whole numbers of 32 bits that fit 16 (HU do) in half the memory."""
    int16 = np.iinfo(np.int16)
    fits = values.dtype == np.int32 and values.min() >= int16.min and values.max() <= int16.max
    return values.astype(np.int16) if fits else values


def _with_window_of_values(
    values: Real[np.ndarray, "count height width"], looks: Sequence[Look], facts: Dataset
) -> tuple[Look, ...]:
    """One window for all slices without one, or they would flicker."""
    window = percentile_window(values, ignore=padding_of(values, facts))
    return tuple(look if look.window or look.table else replace(look, window=window) for look in looks)


def _windows(volume: Volume, facts: Dataset, modality: str | None) -> tuple[NamedWindow, ...]:
    if volume.values.ndim != 3:
        return ()
    own = file_windows(facts, is_float="BitsStored" not in facts)  # float pixels have no bits stored
    return *own, *preset_windows(volume.values, modality)


def _source_of(files: Sequence[DicomFile], slices: Sequence[_Slice]) -> SourceDicom | None:
    headers = [strip_header(file.header) for file in files]
    if any(header is None for header in headers):
        return None
    return SourceDicom(tuple(filter(None, headers)), tuple((one.file, one.frame + 1) for one in slices))
