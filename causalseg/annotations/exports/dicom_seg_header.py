"""The part of a DICOM header that a segmentation of it must carry, mended where that is safe, and nothing else.

What is kept: UIDs (they say which images the mask belongs to), where the pixels lie, and, where the person asks for it,
the nine attributes of patient and study that every DICOM object must have, so that an archive files the mask with its
patient. Otherwise, and where the source lost them, they are empty, as DICOM allows. Everything else of the source stays
behind: institutions, operators, comments, private fields.
"""

import math
import re
from collections.abc import Sequence
from datetime import date

import numpy as np
from pydicom import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID

from causalseg.errors import ExportRefused
from causalseg.scan.dicom.header import numbers_of

_IDENTITY = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Rows", "Columns")
_POSITION = ("FrameOfReferenceUID", "ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing")
_OPTIONAL = (
    *("PositionReferenceIndicator", "SliceThickness", "SpacingBetweenSlices"),
    *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
)
_SHARED_MACROS = {"PixelMeasuresSequence": "PixelSpacing", "PlaneOrientationSequence": "ImageOrientationPatient"}
"""Functional groups that have to be the same for all frames, and what must stand in them."""
_FRAME_MACRO, _FRAME_FIELD = "PlanePositionSequence", "ImagePositionPatient"

_NUMBERS = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2, "SliceThickness": 1}
"""How many numbers a value must have."""
_SIZES = {"PixelSpacing", "SliceThickness"}
"""Values that are larger than 0."""

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f\\]")
_LONGEST_TEXT_CHARS = 64
_LONG, _SHORT = re.compile(r".*"), re.compile(r".{0,16}")
_DATE = re.compile(r"\d{8}")
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?")
_PATIENT_AND_STUDY: dict[str, re.Pattern[str]] = {
    "PatientName": _LONG,
    "PatientID": _LONG,
    "PatientBirthDate": _DATE,
    "PatientSex": re.compile(r"[MFO]"),
    "StudyID": _SHORT,
    "StudyDate": _DATE,
    "StudyTime": _TIME,
    "AccessionNumber": _SHORT,
    "ReferringPhysicianName": _LONG,
}
"""Attributes of type 2 of the patient and the study, and the form that DICOM asks of them."""
_SAME_DIRECTION = 1e-4
"""Scanners write direction cosines of one series with differences in the sixth digit."""


def frame_count(header: Dataset) -> int:
    """How many frames the file holds."""
    number = _numbers(header, "NumberOfFrames")
    return max(1, int(number[0])) if len(number) == 1 else 1


def is_enhanced(header: Dataset) -> bool:
    """Whether the file keeps what it knows of each frame in functional groups."""
    return bool(header.get("PerFrameFunctionalGroupsSequence"))


def is_whole_slide(header: Dataset) -> bool:
    """Whether the frames are tiles of a slide under a microscope."""
    return "ImageOrientationSlide" in header or "TotalPixelMatrixRows" in header


def have_positions(headers: Sequence[Dataset]) -> bool:
    """Whether the files say where in the patient each frame lies, all in one space and no two in the same place.

    True for a series of single frames, or for one enhanced file.
    """
    spaces = {str(header.get("FrameOfReferenceUID") or "") for header in headers}
    places = [place for header in headers for place in _places(header)]
    frames = sum(frame_count(header) for header in headers)
    is_one_kind = len(headers) == 1 or not any(map(is_enhanced, headers))
    return is_one_kind and len(spaces) == 1 and "" not in spaces and len(set(places)) == len(places) == frames


def _places(header: Dataset) -> list[tuple[float, ...]]:
    """Where frames lie, as far as the header says it."""
    if is_whole_slide(header):
        return []
    groups = header.get("PerFrameFunctionalGroupsSequence")
    holders = [_macro(group, _FRAME_MACRO) for group in groups] if groups else [header]
    return [_numbers(holder, _FRAME_FIELD) for holder in holders if _is_usable(holder, _FRAME_FIELD)]


def _numbers(header: Dataset, keyword: str) -> tuple[float, ...]:
    """Finite numbers; none where the value is anything else."""
    return numbers_of(header.get(keyword))


def _is_usable(header: Dataset, keyword: str) -> bool:
    """Whether a value is there and, of those that say where pixels lie, has as many numbers as it must."""
    if header.get(keyword) in (None, ""):
        return False
    if keyword not in _NUMBERS:
        return True
    numbers = _numbers(header, keyword)
    is_size = keyword in _SIZES
    return len(numbers) == _NUMBERS[keyword] and all(number > 0 or not is_size for number in numbers)


def gap_between_mm(headers: Sequence[Dataset]) -> float | None:
    """Distance between the first two of several single-frame files, in mm; None where they do not say it."""
    places = [_numbers(header, _FRAME_FIELD) for header in headers[:2] if _is_usable(header, _FRAME_FIELD)]
    return math.dist(*places) or None if len(places) == 2 else None


def header_with_position(header: Dataset, *, gap_mm: float | None = None, with_identity: bool) -> Dataset:
    """What a segmentation in the patient's space needs of `header`, single frame or enhanced multi-frame.

    Args:
        header: of one file.
        gap_mm: to the next file of its series, which stands in for a thickness that the file does not give.
        with_identity: keep the attributes of patient and study, instead of leaving them empty.

    Raises:
        ExportRefused: a tag that it cannot do without is missing; the sentence names it.
    """
    slim = _start(header, with_identity=with_identity)
    if is_enhanced(header):
        _raise_if_missing(header, ("FrameOfReferenceUID",))
        _copy(header, slim, ("FrameOfReferenceUID",))
        slim.NumberOfFrames = len(header.PerFrameFunctionalGroupsSequence)
        slim.SharedFunctionalGroupsSequence = DicomSequence([_shared_group(header)])
        slim.PerFrameFunctionalGroupsSequence = DicomSequence(_frame_groups(header))
    else:
        _raise_if_missing(header, _POSITION)
        _copy(header, slim, _POSITION)
        if not _is_usable(slim, "SliceThickness"):
            slim.SliceThickness = slim.get("SpacingBetweenSlices", gap_mm)
        _raise_if_missing(slim, ("SliceThickness",))
    return slim


def align_directions(headers: Sequence[Dataset]) -> None:
    """Give slim headers of one series, in place, the direction of the first where they agree but for rounding.

    Raises:
        ExportRefused: the files look in different directions.
    """
    first = headers[0].get("ImageOrientationPatient")
    for header in headers[1:]:
        if not np.allclose(header.ImageOrientationPatient, first, rtol=0, atol=_SAME_DIRECTION):
            raise ExportRefused(
                "The files of this series look in different directions (ImageOrientationPatient), and a DICOM "
                "segmentation needs one. Open the files of one direction alone, or export as PNG."
            )
        header.ImageOrientationPatient = first


def header_without_position(header: Dataset, *, with_identity: bool) -> Dataset:
    """What a segmentation of one picture needs of `header` where nothing says where the picture lies."""
    slim = _start(header, with_identity=with_identity)
    has_sizes = _is_usable(slim, "SliceThickness") and _is_usable(header, "PixelSpacing")
    if has_sizes:  # readers take pixel sizes and thickness together or not at all
        _copy(header, slim, ("PixelSpacing",))
    return slim


def _start(header: Dataset, *, with_identity: bool) -> Dataset:
    _raise_if_missing(header, _IDENTITY)
    slim = Dataset()
    slim.SpecificCharacterSet = "ISO_IR 192"
    _copy(header, slim, (*_IDENTITY, *_OPTIONAL))
    slim.Modality = _CONTROL_CHARACTERS.sub("", str(header.get("Modality") or ""))[:16]
    for keyword, form in _PATIENT_AND_STUDY.items():
        setattr(slim, keyword, _text(header, keyword, form) if with_identity else "")
    return slim


def _text(header: Dataset, keyword: str, form: re.Pattern[str]) -> str:
    """The value as text in the form that DICOM asks for, else nothing."""
    value = _CONTROL_CHARACTERS.sub("", str(header.get(keyword) or "")).strip()
    is_fit = form.fullmatch(value) and len(value) <= _LONGEST_TEXT_CHARS and (form is not _DATE or _is_date(value))
    return value if is_fit else ""


def _is_date(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _copy(header: Dataset, slim: Dataset, keywords: Sequence[str]) -> None:
    for keyword in keywords:
        if keyword in header and header[keyword].value not in (None, ""):
            setattr(slim, keyword, header[keyword].value)


def _macro(group: Dataset, keyword: str) -> Dataset:
    items = group.get(keyword)
    return items[0] if items else Dataset()


def _shared_group(header: Dataset) -> Dataset:
    """Pixel measures and orientation, shared or, where each frame repeats them, hoisted from the frames."""
    shared = (header.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    frames = list(header.PerFrameFunctionalGroupsSequence)
    group = Dataset()
    for macro, keyword in _SHARED_MACROS.items():
        found = [item for item in (_macro(holder, macro) for holder in [shared, *frames]) if _is_usable(item, keyword)]
        if not found:
            raise ExportRefused(_missing([keyword]))
        if any(item[keyword].value != found[0][keyword].value for item in found):
            raise ExportRefused(
                f"A DICOM segmentation needs one {keyword} for all frames, and the frames of this file differ in it. "
                "Export as NIfTI or PNG."
            )
        slim = Dataset()
        _copy(found[0], slim, (keyword, "SliceThickness", "SpacingBetweenSlices"))
        if keyword == "PixelSpacing" and not _is_usable(slim, "SliceThickness"):
            slim.SliceThickness = slim.get("SpacingBetweenSlices")
            _raise_if_missing(slim, ("SliceThickness",))
        setattr(group, macro, DicomSequence([slim]))
    return group


def _frame_groups(header: Dataset) -> list[Dataset]:
    groups = []
    for source in header.PerFrameFunctionalGroupsSequence:
        position, group = Dataset(), Dataset()
        _copy(_macro(source, _FRAME_MACRO), position, (_FRAME_FIELD,))
        setattr(group, _FRAME_MACRO, DicomSequence([position]))
        groups.append(group)
    return groups


def _raise_if_missing(header: Dataset, keywords: Sequence[str]) -> None:
    missing = [keyword for keyword in keywords if not _is_usable(header, keyword)]
    if missing:
        raise ExportRefused(_missing(missing))
    for keyword in keywords:
        if keyword.endswith("UID") and not UID(str(header.get(keyword))).is_valid:
            raise ExportRefused(
                f"A DICOM segmentation refers to its scan by UIDs, and {keyword} of this file is not a valid one. "
                "Export as NIfTI or PNG."
            )


def _missing(keywords: Sequence[str]) -> str:
    return (
        f"This DICOM file has no usable {', '.join(keywords)}, and a DICOM segmentation cannot be written without. "
        "Export as NIfTI or PNG."
    )
