"""DICOM -> `Scan`: one file or the files of a series, every frame of it, and technical header fields only.

files ── parse ── header ── frame facts ── slice_order (in space) ─────┐
files ── parse ── PixelData ── pixels ── values (modality's unit) ─────┴── Volume ── Scan
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Real
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
from causalseg.scan.dicom.parse import frames_of, parse_dicom, quiet_pydicom
from causalseg.scan.dicom.pixels import PIXEL_KEYWORDS, UNDECODABLE, stored_frames
from causalseg.scan.dicom.slice_order import Stack, affine_of, stack_slices
from causalseg.scan.dicom.values import display_of, file_windows, measure, padding_of
from causalseg.scan.display import Display
from causalseg.scan.original import SourceDicom
from causalseg.scan.refusals import refuse_malformed
from causalseg.scan.request import Progress, Request
from causalseg.scan.scan import Axis, Scan, Volume
from causalseg.scan.window import HIGH_PERCENT, LOW_PERCENT, percentile_window, preset_windows

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


@dataclass(frozen=True, slots=True)
class DicomFile:
    """A file of a series: its header without pixels, and the way to all of it."""

    header: FileDataset
    load: Callable[[], bytes]


class _Slice(NamedTuple):
    """One frame of one file."""

    file: int
    frame: int
    facts: Dataset


def read_dicom(content: bytes, request: Request) -> Scan:
    """Read every frame of a DICOM file.

    Raises:
        UnreadableScan: damaged, cut off, without pixels, or compressed in an unknown way.
        ScanTooLarge: the header announces more pixels, or inflates to more bytes, than the settings allow.
    """
    file = open_dicom(content, lambda: content, request)
    if file is not None:
        return read_slices([file], request)
    with quiet_pydicom():
        is_directory = "DirectoryRecordSequence" in parse_dicom(content)
    raise UnreadableScan(_DICOMDIR if is_directory else _NO_PIXELS)


def open_dicom(content: bytes, load: Callable[[], bytes], request: Request) -> DicomFile | None:
    """The header of a file, whose `content` is not kept (`load` finds it again); None where it has no pixels.

    Raises:
        UnreadableScan: damaged or cut off, or the header announces no size.
        ScanTooLarge: the header announces more than the settings allow.
    """
    with quiet_pydicom(), refuse_malformed(DAMAGED):
        header = parse_dicom(content, max_bytes=request.settings.max_file_bytes)
        if not any(header.get(keyword) for keyword in PIXEL_KEYWORDS):
            return None
        for tag in list(header.keys()):
            if tag.is_private or tag.group == _PIXEL_GROUP:
                del header[tag]
        request.raise_if_too_large(int(header.Rows), int(header.Columns), frames=frames_of(header))
        return DicomFile(header, load)


def read_slices(files: Sequence[DicomFile], request: Request) -> Scan:
    """Read the frames of files that belong together: those of one series, or one file."""
    with quiet_pydicom(), refuse_malformed(DAMAGED):
        return _read_slices(files, request)


def _read_slices(files: Sequence[DicomFile], request: Request) -> Scan:
    first = files[0].header
    slices = _by_instance_number(files)
    request.raise_if_too_large(int(first.Rows), int(first.Columns), frames=len(slices))
    stack = stack_slices([one.facts for one in slices])
    if stack is not None:
        slices = [slices[place] for place in stack.order]
    values, displays = _decode(files, slices, request.on_progress)
    axis: Axis = "frame" if stack is None and len(slices) > 1 else "slice"
    index = len(slices) // stack.repeats // 2 if stack else 0
    facts, is_grey = slices[index].facts, values.ndim == 3
    sentences = [*(stack.warnings if stack else ())]
    if is_grey and any(display.window is None and display.table is None for display in displays):
        # One window for all slices without one, or they would flicker.
        window = percentile_window(values, ignore=padding_of(values, facts))
        displays = tuple(one if one.window or one.table else replace(one, window=window) for one in displays)
        sentences.append(_NO_WINDOW)
    modality, spacing_mm = modality_of(first), spacing_mm_of(facts)
    rows_mm, columns_mm = spacing_mm or (None, None)
    own = file_windows(facts, is_float="BitsStored" not in facts) if is_grey else ()  # float pixels have no bits
    return Scan(
        image_u8=displays[index].render(values[index]),
        sha256=request.sha256,
        format="DICOM",
        modality=modality,
        spacing_mm=spacing_mm,
        header=technical_header(first, facts, first.file_meta.TransferSyntaxUID),
        warnings=(*sentences, *header_warnings(first, facts)),
        index=index,
        axis=axis,
        window=displays[index].window_of(values[index]),
        windows=(*own, *preset_windows(values, modality)) if is_grey else (),
        volume=Volume(
            values=values,
            affine=_affine_of(slices, stack),
            spacing_mm=(stack.spacing_mm if stack else None, rows_mm, columns_mm),
            repeats=stack.repeats if stack else 1,
            displays=displays,
            source=_source_of(files, slices),
        ),
    )


def _by_instance_number(files: Sequence[DicomFile]) -> list[_Slice]:
    """All frames, files by their instance number, for want of a place in space."""
    by_number = sorted(range(len(files)), key=lambda place: numbers_of(files[place].header.get("InstanceNumber")))
    return [
        _Slice(place, frame, facts)
        for place in by_number
        for frame, facts in enumerate(frame_facts(files[place].header))
    ]


def _decode(
    files: Sequence[DicomFile], slices: Sequence[_Slice], on_progress: Progress
) -> tuple[Real[np.ndarray, "count height width *rgb"], tuple[Display, ...]]:
    """Every slice in the modality's unit, and how it is shown; the files are loaded one at a time."""
    ranks = {(one.file, one.frame): rank for rank, one in enumerate(slices)}
    values, displays, done = np.empty(0), [Display()] * len(slices), 0
    for place, file in enumerate(files):
        with refuse_malformed(UNDECODABLE):
            dataset = parse_dicom(file.load())
            for frame, stored in enumerate(stored_frames(dataset)):
                rank = ranks[place, frame]
                facts = slices[rank].facts
                displays[rank] = display_of(stored, dataset, facts)
                values = _put(measure(stored, dataset, facts), values, rank, len(slices))
                done += 1
                on_progress(done, len(slices))
    return _narrow(values), tuple(displays)


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


def _affine_of(slices: Sequence[_Slice], stack: Stack | None) -> np.ndarray | None:
    if len(slices) > 1 and (stack is None or stack.step_mm is None):
        return None
    return affine_of(slices[0].facts, stack and stack.step_mm)


def _source_of(files: Sequence[DicomFile], slices: Sequence[_Slice]) -> SourceDicom | None:
    headers = [header for file in files if (header := strip_header(file.header)) is not None]
    places = tuple((one.file, one.frame + 1) for one in slices)
    return SourceDicom(tuple(headers), places) if len(headers) == len(files) else None
