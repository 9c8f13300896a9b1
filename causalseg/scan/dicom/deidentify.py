"""Headers kept for a DICOM-SEG that refers to its series: whole, or without what names the patient.

A list of what stays, not of what goes: of the 655 attributes that PS3.15 table E.1-1 removes or blanks (checked with
dicom-anonymizer 2.1), only five UIDs are on it, without which a mask would refer to nothing.
"""

from contextlib import suppress
from io import BytesIO

from pydicom import DataElement, Dataset, FileDataset, dcmwrite
from pydicom.datadict import keyword_for_tag

from causalseg.errors import UnreadableScan
from causalseg.scan.refusals import refuse_malformed

_MAX_ELEMENT_BYTES = 64 * 1024
"""Icons, curves and tables are longer; nothing that a reference needs is."""
_BLANKED = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate"),
    *("StudyTime", "ReferringPhysicianName"),
)
"""Must be in a DICOM-SEG, and may be empty there (PS3.3 C.7.1.1, C.7.2.1)."""
_KEPT = {
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Modality"),
    *("Rows", "Columns", "NumberOfFrames", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    *("ImagePositionPatient", "ImageOrientationPatient", "ImageType", "InstanceNumber", "SeriesNumber"),
    *("SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "PixelMeasuresSequence"),
    *("PlanePositionSequence", "PlaneOrientationSequence", "PlanePositionSlideSequence", "FrameContentSequence"),
    *("DimensionIndexValues", "DimensionIndexSequence", "DimensionIndexPointer", "FunctionalGroupPointer"),
    *("DimensionOrganizationSequence", "DimensionOrganizationUID", "DimensionOrganizationType"),
    *("TotalPixelMatrixColumns", "TotalPixelMatrixRows", "TotalPixelMatrixOriginSequence", "ImageOrientationSlide"),
    *("XOffsetInSlideCoordinateSystem", "YOffsetInSlideCoordinateSystem", "ZOffsetInSlideCoordinateSystem"),
    *("ColumnPositionInTotalImagePixelMatrix", "RowPositionInTotalImagePixelMatrix", "StackID"),
    *("InStackPositionNumber", "TemporalPositionIndex", "GridFrameOffsetVector", "ImagerPixelSpacing"),
}
"""Where the pixels are and what they belong to: all that a mask refers to. Its UIDs too, else it refers to nothing."""


def strip_header(header: FileDataset) -> bytes | None:
    """The header as a DICOM file without pixels, private fields and long ones; None where it cannot be written."""
    stripped = FileDataset("", header, file_meta=header.file_meta, preamble=b"\0" * 128)
    for tag in list(stripped.keys()):
        if tag.is_private or tag.group == 0x7FE0 or tag.group & 0xFF00 in (0x5000, 0x6000) or _is_long(stripped, tag):
            del stripped[tag]
    is_implicit, is_little_endian = header.original_encoding
    buffer = BytesIO()
    with suppress(UnreadableScan), refuse_malformed("unwritable"):
        dcmwrite(buffer, stripped, implicit_vr=is_implicit, little_endian=is_little_endian)
        return buffer.getvalue()
    return None


def without_identity(dataset: FileDataset) -> FileDataset:
    """Only what a mask refers to; what must be there but names the patient is empty."""
    kept = FileDataset("", _kept(dataset), file_meta=dataset.file_meta, preamble=b"\0" * 128)
    for keyword in _BLANKED:
        setattr(kept, keyword, "")
    return kept


def _kept(dataset: Dataset) -> Dataset:
    """What `_KEPT` names, as far as it can be read."""
    kept = Dataset()
    for tag in list(dataset.keys()):
        if keyword_for_tag(tag) not in _KEPT:
            continue
        with suppress(UnreadableScan), refuse_malformed("unreadable"):
            element = dataset[tag]
            items = [_kept(item) for item in element.value] if element.VR == "SQ" else None
            kept.add(element if items is None else DataElement(tag, "SQ", items))
    return kept


def _is_long(dataset: Dataset, tag: int) -> bool:
    value = dataset.get_item(tag).value
    return isinstance(value, bytes) and len(value) > _MAX_ELEMENT_BYTES
