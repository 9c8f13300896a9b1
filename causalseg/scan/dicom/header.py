"""What a DICOM header says that may be kept: technical fields, never a name, a date, an id or an institution."""

import math
import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import (
    UID,
    DermoscopicPhotographyImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
    VideoEndoscopicImageStorage,
    VLEndoscopicImageStorage,
)

from causalseg.scan.dicom.parse import frames_of

_MODALITY_BY_TAG = {
    "US": "ultrasound",
    "IVUS": "ultrasound",
    "ES": "endoscopy",
    "DMS": "dermoscopy",
    "CT": "ct",
    "MR": "mri",
    **dict.fromkeys(("CR", "DX", "RG", "MG", "RF", "XA", "PX", "IO"), "radiograph"),
}
"""Defined terms of (0008,0060) that the confounder dictionary speaks of; the others (OT, NM, XC, SEG...) have none."""
_MODALITY_BY_CLASS = {
    VLEndoscopicImageStorage: "endoscopy",
    VideoEndoscopicImageStorage: "endoscopy",
    DermoscopicPhotographyImageStorage: "dermoscopy",
}
_SECONDARY_CAPTURES = {
    SecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
}
_CAPTURED = {"DI", "DF", "DV", "SD", "SI", "WSD"}
"""Conversion types of pictures taken from a screen, a film, paper or another system (PS3.3 C.8.6.1)."""
_FRAME_MACROS = (
    *("PixelMeasuresSequence", "PixelValueTransformationSequence", "FrameVOILUTSequence"),
    *("PlanePositionSequence", "PlaneOrientationSequence"),
)
"""Functional groups of enhanced multi-frame files that hold what older files keep at the top."""
_FRAME_FIELDS = (
    *("InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient", "SequenceOfUltrasoundRegions"),
    *("PixelSpacing", "ImagerPixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    *("PhotometricInterpretation", "BitsStored", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("ModalityLUTSequence", "RescaleIntercept", "RescaleSlope"),
    *("VOILUTFunction", "VOILUTSequence", "WindowCenter", "WindowWidth", "WindowCenterWidthExplanation"),
)
_HEADER_FIELDS = (
    *("Modality", "Rows", "Columns", "NumberOfFrames", "PhotometricInterpretation", "BitsStored", "PixelSpacing"),
    *("ImagerPixelSpacing", "SliceThickness", "RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth"),
)
_CODE_STRING = re.compile(r"[A-Z0-9_]{1,16}")
"""A code as DICOM writes it; longer or freer text might be somebody's name."""
_TWO_DIMENSIONAL, _CENTIMETRES = 1, 3
"""Of RegionSpatialFormat and PhysicalUnitsXDirection (PS3.3 C.8.5.5)."""
_MM_PER_CM = 10.0
_MIN_NORMAL_LENGTH = 0.5
"""Of the cross product of two direction cosines; less means that they are no directions."""


def frame_facts(dataset: Dataset) -> list[Dataset]:
    """For each frame, the fields on which its display, scale and place depend, wherever the file keeps them."""
    frames = frames_of(dataset)
    shared = _facts_of([dataset, *_macros(dataset.get("SharedFunctionalGroupsSequence"), 0)])
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    if not groups and "GridFrameOffsetVector" not in dataset:
        return [shared] * frames
    return [_with_grid_offset(_facts_of([shared, *_macros(groups, frame)]), dataset, frame) for frame in range(frames)]


def _facts_of(holders: Sequence[Dataset]) -> Dataset:
    """The last holder that has a field counts."""
    facts = Dataset()
    for holder in holders:
        for keyword in _FRAME_FIELDS:
            if keyword in holder:
                facts.add(holder[keyword])
    return facts


def _macros(groups: Sequence[Dataset] | None, frame: int) -> list[Dataset]:
    if not groups or frame >= len(groups):
        return []
    return [groups[frame].get(macro)[0] for macro in _FRAME_MACROS if groups[frame].get(macro)]


def _with_grid_offset(facts: Dataset, dataset: Dataset, frame: int) -> Dataset:
    """A dose grid moves its frames along their normal (PS3.3 C.8.8.3.2), where its offsets are relative."""
    offsets = numbers_of(dataset.get("GridFrameOffsetVector"))
    position, normal = numbers_of(facts.get("ImagePositionPatient")), normal_of(facts)
    if len(offsets) <= frame or offsets[0] != 0 or len(position) != 3 or normal is None:
        return facts
    moved = np.asarray(position) + offsets[frame] * normal
    facts.add_new("ImagePositionPatient", "DS", [float(f"{number:.9g}") for number in moved])
    return facts


def numbers_of(value: object) -> tuple[float, ...]:
    """One or several numbers; none where one is missing or not finite."""
    several = tuple(value) if isinstance(value, MultiValue | list | tuple) else (value,)
    numbers = [float(number) for number in several if isinstance(number, int | float)]
    return tuple(numbers) if len(numbers) == len(several) and all(map(math.isfinite, numbers)) else ()


def normal_of(facts: Dataset) -> Float64[np.ndarray, "3"] | None:
    """The direction in which slices follow each other: rows' direction x columns' direction, of length 1."""
    cosines = np.asarray(numbers_of(facts.get("ImageOrientationPatient")))
    if cosines.shape != (6,):
        return None
    normal = np.cross(cosines[:3], cosines[3:])
    length = np.linalg.norm(normal)
    return normal / length if length > _MIN_NORMAL_LENGTH else None


def modality_of(dataset: Dataset) -> str | None:
    """One of `MODALITIES` where the SOP class or the Modality tag is as clear as that."""
    by_class = _MODALITY_BY_CLASS.get(UID(str(dataset.get("SOPClassUID", ""))))
    return by_class or _MODALITY_BY_TAG.get(str(dataset.get("Modality", "")))


def spacing_mm_of(facts: Dataset) -> tuple[float, float] | None:
    """Distance between rows and between columns in mm, in the patient where known, else at the detector."""
    return (
        _positive_pair(facts.get("PixelSpacing"))
        or _positive_pair(facts.get("ImagerPixelSpacing"))
        or _ultrasound_spacing_mm(facts)
    )


def technical_header(dataset: Dataset, facts: Dataset, transfer_syntax: UID) -> dict[str, str]:
    """Keyword -> value, of the few keywords that say nothing of the patient."""
    values = {keyword: facts.get(keyword, dataset.get(keyword)) for keyword in _HEADER_FIELDS}
    texts = {keyword: _as_text(value) for keyword, value in values.items()}
    header = {keyword: text for keyword, text in texts.items() if text}
    return header | ({"TransferSyntax": transfer_syntax.name} if transfer_syntax.is_transfer_syntax else {})


def header_warnings(dataset: Dataset, facts: Dataset) -> list[str]:
    """Sentences for the person who opens the file."""
    sentences = []
    if _may_carry_burned_in_text(dataset):
        sentences.append(
            "Names or dates may be burned into the pixels of this scan. Look closely before you share it: "
            "the header is dropped here, the pixels are not changed."
        )
    if not _positive_pair(facts.get("PixelSpacing")) and _positive_pair(facts.get("ImagerPixelSpacing")):
        sentences.append("Sizes in mm are those at the detector; in the body they are smaller.")
    return sentences


def _may_carry_burned_in_text(dataset: Dataset) -> bool:
    return (
        dataset.get("Modality") in {"US", "IVUS"}
        or dataset.get("SOPClassUID") in _SECONDARY_CAPTURES
        or dataset.get("ConversionType") in _CAPTURED
        or dataset.get("BurnedInAnnotation", "NO") != "NO"
    )


def _positive_pair(value: object) -> tuple[float, float] | None:
    if not isinstance(value, MultiValue) or len(value) != 2:
        return None
    rows_mm, columns_mm = (float(number) for number in value)
    return (rows_mm, columns_mm) if 0 < rows_mm < math.inf and 0 < columns_mm < math.inf else None


def _ultrasound_spacing_mm(facts: Dataset) -> tuple[float, float] | None:
    """Of the two-dimensional regions in cm; None where they disagree, as no one number would be right."""
    spacings = {
        (abs(float(region.PhysicalDeltaY)) * _MM_PER_CM, abs(float(region.PhysicalDeltaX)) * _MM_PER_CM)
        for region in facts.get("SequenceOfUltrasoundRegions") or []
        if region.get("RegionSpatialFormat") == _TWO_DIMENSIONAL
        and region.get("PhysicalUnitsXDirection") == region.get("PhysicalUnitsYDirection") == _CENTIMETRES
    }
    return _positive_pair(MultiValue(float, spacings.pop())) if len(spacings) == 1 else None


def _as_text(value: object) -> str:
    """Numbers and codes; nothing for free text."""
    if isinstance(value, MultiValue):
        parts = [_as_text(part) for part in value]
        return " x ".join(parts) if all(parts) else ""
    if isinstance(value, int | float):
        return f"{value:.6g}"
    return value if isinstance(value, str) and _CODE_STRING.fullmatch(value) else ""
