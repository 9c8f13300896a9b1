"""Headers of made-up DICOM sources: a series, an enhanced multi-frame file, a cine. Nothing here is of a patient."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    EnhancedMRImageStorage,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)

HW = (6, 5)
SPACING_MM = (0.8, 0.5)
"""Between rows, between columns."""
GAP_MM = 2.5
SECRETS = {
    "InstitutionName": "St Elsewhere",
    "OperatorsName": "Operator^Olga",
    "PatientComments": "comment on Jane",
    "PatientAddress": "1 Jane Street",
    "OtherPatientIDs": "OTHER-77",
    "StationName": "STATION9",
}
"""What a segmentation must never carry."""
PATIENT = {
    "PatientName": "Doe^Jane",
    "PatientID": "JD-4711",
    "PatientBirthDate": "19700102",
    "PatientSex": "F",
    "StudyDate": "20240229",
    "StudyTime": "1201",
    "StudyID": "STUDY5",
    "AccessionNumber": "ACC99",
    "ReferringPhysicianName": "House^Greg",
}
"""What a segmentation carries unless it is asked not to."""


def uid(*words: object) -> UID:
    return generate_uid(entropy_srcs=["test", *map(str, words)])


def base(sop_class: UID, number: int = 0, **fields: Any) -> Dataset:
    """A header that belongs to one study and series."""
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 100"
    header.SOPClassUID, header.SOPInstanceUID = sop_class, uid("instance", sop_class, number)
    header.StudyInstanceUID, header.SeriesInstanceUID = uid("study"), uid("series", sop_class)
    header.Modality = "CT"
    header.Rows, header.Columns = HW
    for keyword, value in {**PATIENT, **SECRETS, **fields}.items():
        setattr(header, keyword, value)
    return header


def place(index: int, directions: np.ndarray, origin: Sequence[float] = (-10.0, 20.0, 30.0)) -> list[float]:
    """Where slice `index` begins: along the normal of `directions` (row and column cosines, 2 x 3)."""
    return [round(float(v), 6) for v in np.array(origin) + index * GAP_MM * np.cross(*directions)]


AXIAL = np.array([[1.0, 0, 0], [0, 1, 0]])


def series(count: int, directions: np.ndarray = AXIAL, **fields: Any) -> list[Dataset]:
    """Headers of single-frame files, in the order of their positions."""
    headers = []
    for index in range(count):
        header = base(CTImageStorage, index, **fields)
        header.FrameOfReferenceUID = uid("space")
        header.ImageOrientationPatient = [float(v) for v in directions.ravel()]
        header.ImagePositionPatient = place(index, directions)
        header.PixelSpacing, header.SliceThickness = list(SPACING_MM), GAP_MM
        headers.append(header)
    return headers


def item(**fields: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in fields.items():
        setattr(dataset, keyword, value)
    return dataset


def enhanced(
    order: Sequence[int], directions: np.ndarray = AXIAL, *, repeats_measures: bool = False, **fields: Any
) -> Dataset:
    """Header of one enhanced file whose frame n lies at slice `order[n]`."""
    header = base(EnhancedMRImageStorage, Modality="MR", **fields)
    header.FrameOfReferenceUID = uid("space")
    header.NumberOfFrames = len(order)
    common = {
        "PixelMeasuresSequence": [item(PixelSpacing=list(SPACING_MM), SliceThickness=GAP_MM)],
        "PlaneOrientationSequence": [item(ImageOrientationPatient=[float(v) for v in directions.ravel()])],
    }
    header.SharedFunctionalGroupsSequence = [item(**({} if repeats_measures else common))]
    header.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=place(index, directions))],
            **(common if repeats_measures else {}),
        )
        for index in order
    ]
    return header


def cine(frames: int, **fields: Any) -> Dataset:
    """Header of an ultrasound film: frames in time, no place in space."""
    return base(UltrasoundMultiFrameImageStorage, Modality="US", NumberOfFrames=frames, **fields)


def points_mm(
    mask: np.ndarray, positions: Sequence[Sequence[float]], directions: np.ndarray
) -> set[tuple[float, float, float]]:
    """Centres of the marked pixels in DICOM's LPS mm, by the equation of PS3.3 C.7.6.2.1.1."""
    row_mm, column_mm = SPACING_MM
    return {
        tuple(np.round(np.array(positions[k], float) + np.array([x * column_mm, y * row_mm]) @ directions, 3) + 0.0)
        for k, y, x in np.argwhere(mask)
    }
