"""Masks as DICOM segmentations (SEG, BINARY) that refer to the images they were drawn on.

Two doors, as sources come in two kinds:

    mask_to_dicom_seg       files that say where each frame lies (a series, an enhanced multi-frame file): one object
                            for the whole mask, in the patient's space; slices with nothing in them are left out
    picture_to_dicom_seg    a file that does not (ultrasound, endoscopy, a radiograph): one object for one picture,
                            pixel on pixel, which refers to its frame by number

Carries of the source what `dicom_header` keeps. DICOM demands the patient's name, id, birth date and sex and the
study's date, id and accession number in every object; they are empty unless the person asks for them
(`with_identity=True`, so that an archive files the mask with its patient). The UIDs stay, as a mask that does not say
which images it is of is of no use: whoever holds the images can still tell whose they are. The description is written
as typed (`SegmentLabel`).

highdicom is imported inside, on the first export: it takes longer to import than a mask takes to write, and the
command line and the page start without it. Its logger and pydicom's warnings quote the values that they complain about,
so both are silenced while a mask is written.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from jaxtyping import Bool
from pydicom import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.sr.coding import Code
from pydicom.uid import UID, CTImageStorage, EnhancedCTImageStorage, SecondaryCaptureImageStorage, generate_uid

from causalseg.annotations.exports.dicom_seg_header import (
    align_directions,
    frame_count,
    gap_between_mm,
    header_with_position,
    header_without_position,
    is_enhanced,
    is_whole_slide,
)
from causalseg.annotations.exports.snomed_codes import Concept, term_of
from causalseg.errors import ExportRefused
from causalseg.scan.dicom.parse import quiet_pydicom
from causalseg.version import VERSION

_MAKER = "causalseg"
_SERIAL_NUMBER = "none"
"""A program has no serial number, and DICOM demands one."""
_SERIES_NUMBER = 900
"""Of the new series; far from the scanner's own, which count from 1."""
_LONGEST_LABEL_CHARS = 64
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\\]+")
_FEWEST_PIXELS = 8
"""Frames of less than a byte are not packed as DICOM has it by highdicom 0.28."""
_MANUAL, _AUTOMATIC, _CORRECTED = "MANUAL", "AUTOMATIC", "SEMIAUTOMATIC"
_ARTIFICIAL_INTELLIGENCE = Code("123109", "DCM", "Artificial Intelligence")
_REFUSED_BY_WRITER = (
    "The header of this scan does not hold together well enough for a DICOM segmentation of it ({}). "
    "Export as NIfTI or PNG."
)


@dataclass(frozen=True, slots=True)
class Segment:
    """What a mask is of, and what made it."""

    description: str
    model: str | None
    """Name and version of the checkpoint, "causalseg-lite 0.1.0"; None where a person drew it from nothing."""
    is_corrected: bool = False
    """Whether a person changed what the model proposed."""


def mask_to_dicom_seg(
    mask: Bool[np.ndarray, "count height width"],
    headers: Sequence[Dataset],
    segment: Segment,
    *,
    with_identity: bool = False,
) -> bytes:
    """One segmentation object of files that say where each frame lies.

    Slices without a single pixel are left out, except where all are empty. The order of `headers` does not matter to
    where the mask lies: every slice goes with its own file's position.

    Args:
        mask: one slice for each file of `headers`, or for each frame of the only one, in that order.
        headers: of the source, pixels not needed.
        segment: what the mask is of.
        with_identity: keep the source's attributes of patient and study, instead of leaving them empty.

    Raises:
        ExportRefused: a tag is missing, or the files do not belong together.
    """
    with _quiet(), _explained():
        _raise_if_not_drawable(mask, headers)
        gap_mm = gap_between_mm(headers)
        slim = [header_with_position(header, gap_mm=gap_mm, with_identity=with_identity) for header in headers]
        align_directions(slim)
        stand_in = EnhancedCTImageStorage if is_enhanced(headers[0]) else CTImageStorage
        return _to_bytes(_segmentation(mask, slim, segment, stand_in), with_identity=with_identity)


def picture_to_dicom_seg(
    mask: Bool[np.ndarray, "height width"],
    header: Dataset,
    segment: Segment,
    *,
    frame: int = 1,
    with_identity: bool = False,
) -> bytes:
    """One segmentation object of one picture of a file that does not say where its frames lie.

    Args:
        mask: of that picture.
        header: of its file, pixels not needed.
        segment: what the mask is of.
        frame: which frame of the file, from 1, as DICOM counts.
        with_identity: keep the source's attributes of patient and study, instead of leaving them empty.

    Raises:
        ExportRefused: a tag is missing.
    """
    with _quiet(), _explained():
        _raise_if_not_drawable(mask[np.newaxis], [header])
        slim = header_without_position(header, with_identity=with_identity)
        seg = _segmentation(mask[np.newaxis], [slim], segment, SecondaryCaptureImageStorage)
        seg.PatientOrientation = ""
        if max(frame, frame_count(header)) > 1:
            _name_frame(seg, frame)
        return _to_bytes(seg, with_identity=with_identity)


def _segmentation(
    mask: Bool[np.ndarray, "count height width"], headers: Sequence[Dataset], segment: Segment, stand_in: UID
) -> Dataset:
    """The object that highdicom makes of headers of the class `stand_in`, referring to their true class.

    highdicom reads off the class how a file keeps its frames, which old multi-frame classes (ultrasound, nuclear
    medicine) do in their own way, and real files in any. `dicom_header` has put them all in one of three forms.
    """
    from highdicom.seg import Segmentation

    source_class = headers[0].SOPClassUID
    for header in headers:
        header.SOPClassUID = stand_in
    seg = Segmentation(
        source_images=headers,
        pixel_array=mask,
        segmentation_type="BINARY",
        segment_descriptions=[_described(segment)],
        series_instance_uid=generate_uid(),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer=_MAKER,
        manufacturer_model_name=_MAKER,
        software_versions=VERSION,
        device_serial_number=_SERIAL_NUMBER,
        content_label=_MAKER.upper(),
        series_description="causalseg mask, not for diagnosis",
        omit_empty_frames=bool(mask.any()),
    )
    for reference in _references(seg):
        reference.ReferencedSOPClassUID = source_class
    return seg


def _described(segment: Segment) -> Any:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentDescription

    term = term_of(segment.description)
    algorithm = None
    if segment.model is not None:
        name, _, version = _printable(segment.model).rpartition(" ")
        algorithm = AlgorithmIdentificationSequence(
            name=name or version,
            version=version if name else "unknown",
            family=_ARTIFICIAL_INTELLIGENCE,
            source=f"{_MAKER} {VERSION}",
        )
    drawn_by = _CORRECTED if segment.is_corrected else _AUTOMATIC
    return SegmentDescription(
        segment_number=1,
        segment_label=_printable(segment.description) or term.kind.meaning,
        segmented_property_category=_code(term.category),
        segmented_property_type=_code(term.kind),
        algorithm_type=_MANUAL if algorithm is None else drawn_by,
        algorithm_identification=algorithm,
        anatomic_regions=None if term.region is None else [_code(term.region)],
    )


def _code(concept: Concept) -> Code:
    return Code(concept.code, "SCT", concept.meaning)


def _printable(text: str) -> str:
    """The words as DICOM's long strings take them: one line, at most 64 characters, no backslash."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())[:_LONGEST_LABEL_CHARS].strip()


def _references(dataset: Dataset) -> Iterator[Dataset]:
    """Every item, at any depth, that refers to a source image."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                if "ReferencedSOPInstanceUID" in item:
                    yield item
                yield from _references(item)


def _name_frame(seg: Dataset, frame: int) -> None:
    """Say which frame of the source was drawn on, where DICOM has a place for it: in the lists of source images.

    highdicom puts the same item into the list of the series, which has none: hence the copy.
    """
    (of_frame,) = seg.PerFrameFunctionalGroupsSequence
    for holder in (seg, of_frame.DerivationImageSequence[0]):
        (source,) = holder.SourceImageSequence
        numbered = deepcopy(source)
        numbered.ReferencedFrameNumber = frame
        holder.SourceImageSequence = DicomSequence([numbered])


def _to_bytes(seg: Dataset, *, with_identity: bool) -> bytes:
    if not with_identity:
        seg.PatientIdentityRemoved = "YES"
        seg.DeidentificationMethod = "causalseg: patient and study attributes emptied, UIDs kept"
        seg.LongitudinalTemporalInformationModified = "REMOVED"
    buffer = BytesIO()
    seg.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _raise_if_not_drawable(mask: Bool[np.ndarray, "count height width"], headers: Sequence[Dataset]) -> None:
    if any(is_whole_slide(header) for header in headers):
        raise ExportRefused(
            "This is a tile of a microscope slide, and a DICOM segmentation of slides is not written here. "
            "Export as PNG."
        )
    count, height, width = mask.shape
    if height * width < _FEWEST_PIXELS:
        raise ExportRefused(f"A picture of {width} x {height} px is too small for a DICOM segmentation. Export as PNG.")
    frames = frame_count(headers[0]) if len(headers) == 1 and count > 1 else len(headers)
    sizes = {(int(header.get("Rows") or 0), int(header.get("Columns") or 0)) for header in headers}
    if count != frames or sizes != {(height, width)}:
        raise ExportRefused(
            f"The mask has {count} x {height} x {width} px, which is not what its DICOM files have. "
            "Open the scan again, then export again, or export as PNG."
        )


@contextmanager
def _quiet() -> Iterator[None]:
    with quiet_pydicom():
        logging.getLogger("highdicom").setLevel(logging.CRITICAL)
        yield


@contextmanager
def _explained() -> Iterator[None]:
    """What highdicom and pydicom say about a header quotes it: only the kind of their complaint is passed on."""
    try:
        yield
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
        raise ExportRefused(_REFUSED_BY_WRITER.format(type(error).__name__)) from None
