"""Segmentations are read back with highdicom, and with pydicom alone by the equations of the standard."""

import logging
from collections.abc import Callable
from io import BytesIO

import highdicom as hd
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydicom import Dataset
from pydicom.uid import EnhancedMRImageStorage, SegmentationStorage, UltrasoundMultiFrameImageStorage
from scipy.spatial.transform import Rotation

from causalseg.annotations.exports.dicom_seg import Segment, mask_to_dicom_seg, picture_to_dicom_seg
from causalseg.annotations.exports.dicom_seg_header import have_positions
from causalseg.errors import ExportRefused
from causalseg.version import VERSION
from tests.annotations.exports import sources
from tests.annotations.exports.sources import HW, PATIENT, SECRETS

POLYP = Segment("one small polyp", "causalseg-lite 0.1.0")
COUNT = 4
masks = hnp.arrays(bool, (COUNT, *HW))
CORNER = np.zeros((COUNT, *HW), dtype=bool)
CORNER[1, 0, :2] = True
"""Marks that differ under every flip and turn."""


@st.composite
def directions(draw: st.DrawFn) -> np.ndarray:
    """Row and column cosines: along the axes in any of their 24 right-handed ways, turned by up to 20 degrees."""
    axes = draw(st.permutations([0, 1, 2]))
    signs = np.array([draw(st.sampled_from((1.0, -1.0))) for _ in range(3)])
    turn = Rotation.from_euler("xyz", [draw(st.floats(-20, 20)) for _ in range(3)], degrees=True).as_matrix()
    return np.round((turn @ (np.eye(3)[:, axes] * signs)).T[:2], 8)


def marked_points(seg: Dataset) -> set[tuple[float, float, float]]:
    """What the file marks in mm, from its own positions and directions, with nothing but pydicom."""
    groups = seg.PerFrameFunctionalGroupsSequence
    frames = seg.pixel_array.reshape(len(groups), seg.Rows, seg.Columns)
    positions = [group.PlanePositionSequence[0].ImagePositionPatient for group in groups]
    cosines = seg.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient
    assert [float(v) for v in seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing] == list(
        sources.SPACING_MM
    )
    return sources.points_mm(frames, positions, np.array(cosines, dtype=float).reshape(2, 3))


def frames_by_source(seg: Dataset) -> dict[tuple[str, int], np.ndarray]:
    """(SOP instance, frame number) -> pixels, by the references of each frame, with nothing but pydicom."""
    found = {}
    frames = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    for group, pixels in zip(seg.PerFrameFunctionalGroupsSequence, frames, strict=True):
        (source,) = group.DerivationImageSequence[0].SourceImageSequence
        found[source.ReferencedSOPInstanceUID, int(source.get("ReferencedFrameNumber", 1))] = pixels
    return found


@given(mask=masks, cosines=directions(), order=st.permutations(range(COUNT)))
def test_a_series_is_marked_where_it_was_drawn_whatever_the_order_of_its_files(
    mask: np.ndarray, cosines: np.ndarray, order: list[int]
) -> None:
    headers = sources.series(COUNT, cosines)

    content = mask_to_dicom_seg(mask[order], [headers[index] for index in order], POLYP)

    plain = pydicom.dcmread(BytesIO(content))
    expected = sources.points_mm(mask, [header.ImagePositionPatient for header in headers], cosines)
    assert marked_points(plain) == expected
    by_source = frames_by_source(plain)
    for header, slice_mask in zip(headers, mask, strict=True):
        pixels = by_source.get((header.SOPInstanceUID, 1), np.zeros(HW))
        np.testing.assert_array_equal(pixels, slice_mask)
    by_highdicom = hd.seg.segread(BytesIO(content)).get_pixels_by_source_instance(
        [header.SOPInstanceUID for header in headers], assert_missing_frames_are_empty=True
    )
    np.testing.assert_array_equal(by_highdicom[..., 0], mask)


@given(mask=masks, cosines=directions(), order=st.permutations(range(COUNT)), repeats=st.booleans())
def test_an_enhanced_file_is_marked_where_it_was_drawn_whatever_the_order_of_its_frames(
    mask: np.ndarray, cosines: np.ndarray, order: list[int], repeats: bool
) -> None:
    header = sources.enhanced(order, cosines, repeats_measures=repeats)

    content = mask_to_dicom_seg(mask, [header], POLYP)

    plain = pydicom.dcmread(BytesIO(content))
    positions = [sources.place(index, cosines) for index in order]
    assert marked_points(plain) == sources.points_mm(mask, positions, cosines)
    by_source = frames_by_source(plain)
    for number, frame_mask in enumerate(mask, 1):
        np.testing.assert_array_equal(by_source.get((header.SOPInstanceUID, number), np.zeros(HW)), frame_mask)
    by_highdicom = hd.seg.segread(BytesIO(content)).get_pixels_by_source_frame(
        header.SOPInstanceUID, range(1, COUNT + 1), assert_missing_frames_are_empty=True
    )
    np.testing.assert_array_equal(by_highdicom[..., 0], mask)


@given(mask=hnp.arrays(bool, HW), frame=st.integers(1, 30))
def test_a_frame_of_a_film_is_marked_pixel_on_pixel_and_named_by_its_number(mask: np.ndarray, frame: int) -> None:
    header = sources.cine(30)

    plain = pydicom.dcmread(BytesIO(picture_to_dicom_seg(mask, header, POLYP, frame=frame)))

    (key,) = by_source = frames_by_source(plain)
    assert key == (header.SOPInstanceUID, frame)
    np.testing.assert_array_equal(by_source[key], mask)
    assert "FrameOfReferenceUID" not in plain
    (source,) = plain.SourceImageSequence
    assert (source.ReferencedSOPClassUID, source.ReferencedFrameNumber) == (UltrasoundMultiFrameImageStorage, frame)
    (of_series,) = plain.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert (of_series.ReferencedSOPInstanceUID, "ReferencedFrameNumber" in of_series) == (header.SOPInstanceUID, False)


@given(mask=hnp.arrays(bool, st.tuples(st.integers(1, 20), st.integers(8, 20))))
def test_a_lone_picture_of_any_size_comes_back_by_highdicom(mask: np.ndarray) -> None:
    header = sources.base(UltrasoundMultiFrameImageStorage)
    header.Rows, header.Columns = mask.shape

    seg = hd.seg.segread(BytesIO(picture_to_dicom_seg(mask, header, POLYP)))

    np.testing.assert_array_equal(seg.get_pixels_by_source_instance([header.SOPInstanceUID])[0, ..., 0], mask)


def test_empty_slices_are_left_out_and_an_empty_mask_keeps_them_all() -> None:
    headers = sources.series(COUNT)

    one = pydicom.dcmread(BytesIO(mask_to_dicom_seg(CORNER, headers, POLYP)))
    none = pydicom.dcmread(BytesIO(mask_to_dicom_seg(np.zeros_like(CORNER), headers, POLYP)))

    assert (one.NumberOfFrames, none.NumberOfFrames) == (1, COUNT)
    assert not none.pixel_array.any()
    referenced = one.ReferencedSeriesSequence[0]
    assert referenced.SeriesInstanceUID == headers[0].SeriesInstanceUID
    assert [item.ReferencedSOPInstanceUID for item in referenced.ReferencedInstanceSequence] == [
        header.SOPInstanceUID for header in headers
    ]


def test_it_is_a_binary_segmentation_in_codes_that_names_what_made_it() -> None:
    seg = pydicom.dcmread(BytesIO(mask_to_dicom_seg(CORNER, sources.series(COUNT), POLYP)))

    assert (seg.SOPClassUID, seg.Modality, seg.SegmentationType) == (SegmentationStorage, "SEG", "BINARY")
    assert (seg.BitsAllocated, seg.StudyInstanceUID) == (1, sources.uid("study"))
    (segment,) = seg.SegmentSequence
    category, kind = segment.SegmentedPropertyCategoryCodeSequence[0], segment.SegmentedPropertyTypeCodeSequence[0]
    assert (category.CodeValue, category.CodingSchemeDesignator) == ("49755003", "SCT")
    assert (kind.CodeValue, kind.CodeMeaning, segment.SegmentLabel) == ("41329004", "Polyp", "one small polyp")
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("causalseg-lite", "0.1.0")
    assert (seg.Manufacturer, seg.SoftwareVersions) == ("causalseg", VERSION)


@pytest.mark.parametrize(
    ("segment", "kind"),
    [(Segment("polyp", "m 1", is_corrected=True), "SEMIAUTOMATIC"), (Segment("polyp", None), "MANUAL")],
)
def test_who_drew_it_is_said(segment: Segment, kind: str) -> None:
    seg = pydicom.dcmread(BytesIO(mask_to_dicom_seg(CORNER, sources.series(COUNT), segment)))

    assert seg.SegmentSequence[0].SegmentAlgorithmType == kind


@given(description=st.text(max_size=600), model=st.text(max_size=200))
def test_any_words_can_be_written(description: str, model: str) -> None:
    content = picture_to_dicom_seg(CORNER[1], sources.cine(3), Segment(description, model))

    label = pydicom.dcmread(BytesIO(content)).SegmentSequence[0].SegmentLabel
    assert 0 < len(label) <= 64


def test_only_what_dicom_demands_of_the_source_is_carried_even_when_asked_for() -> None:
    content = mask_to_dicom_seg(CORNER, sources.series(COUNT), POLYP, with_identity=True)

    seg = pydicom.dcmread(BytesIO(content))
    assert {keyword: str(seg[keyword].value) for keyword in PATIENT} == PATIENT
    for secret in SECRETS.values():
        assert secret.encode() not in content


@pytest.mark.parametrize("header", [sources.series(1)[0], sources.enhanced([0]), sources.cine(2)])
def test_unless_asked_for_nothing_of_the_patient_is_carried_but_uids(header: Dataset) -> None:
    mask = CORNER[1:2]
    content = (
        mask_to_dicom_seg(mask, [header], POLYP)
        if have_positions([header])
        else picture_to_dicom_seg(mask[0], header, POLYP)
    )

    for secret in [*SECRETS.values(), *PATIENT.values()]:
        assert len(secret) < 2 or secret.encode() not in content
    seg = pydicom.dcmread(BytesIO(content))
    assert (seg.PatientSex, seg.PatientIdentityRemoved) == ("", "YES")
    assert seg.SourceImageSequence[0].ReferencedSOPInstanceUID == header.SOPInstanceUID


def test_names_in_other_alphabets_survive() -> None:
    header = sources.cine(2, PatientName="王^小东", SpecificCharacterSet="GB18030")

    seg = pydicom.dcmread(BytesIO(picture_to_dicom_seg(CORNER[1], header, POLYP, with_identity=True)))

    assert str(seg.PatientName) == "王^小东"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_values_that_dicom_does_not_allow_are_left_empty_and_said_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    header = sources.cine(2)
    header.PatientBirthDate, header.StudyDate, header.PatientSex = "00000000", "20230230", "X"
    header.StudyTime, header.PatientName = "2561", "Jane\\Doe" * 20

    with caplog.at_level(logging.DEBUG):
        seg = pydicom.dcmread(BytesIO(picture_to_dicom_seg(CORNER[1], header, POLYP, with_identity=True)))

    assert {seg.PatientBirthDate, seg.StudyDate, seg.PatientSex, seg.StudyTime, str(seg.PatientName)} == {""}
    assert "Jane" not in caplog.text


@pytest.mark.parametrize("keyword", [*PATIENT, "Modality", "SpecificCharacterSet"])
def test_a_lost_attribute_of_patient_or_study_stops_nothing(keyword: str) -> None:
    headers = sources.series(COUNT)
    for header in headers:
        del header[keyword]

    seg = pydicom.dcmread(BytesIO(mask_to_dicom_seg(CORNER, headers, POLYP, with_identity=True)))

    assert seg.NumberOfFrames == 1


@pytest.mark.parametrize(
    "keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PixelSpacing", "ImageOrientationPatient"]
)
def test_a_tag_that_cannot_be_done_without_is_named(keyword: str) -> None:
    headers = sources.series(COUNT)
    del headers[2][keyword]

    with pytest.raises(ExportRefused, match=rf"no usable {keyword}, .* Export as NIfTI or PNG\."):
        mask_to_dicom_seg(CORNER, headers, POLYP)


def test_a_lost_thickness_is_the_distance_to_the_next_slice_and_of_a_lone_slice_a_refusal() -> None:
    headers = sources.series(COUNT)
    for header in headers:
        del header.SliceThickness

    seg = pydicom.dcmread(BytesIO(mask_to_dicom_seg(CORNER, headers, POLYP)))

    assert seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness == sources.GAP_MM
    with pytest.raises(ExportRefused, match="no usable SliceThickness"):
        mask_to_dicom_seg(CORNER[:1], headers[:1], POLYP)


def test_directions_that_differ_by_rounding_are_one_and_others_are_refused() -> None:
    headers = sources.series(COUNT)
    headers[2].ImageOrientationPatient = [1, 0.000001, 0, 0, 1, 0]

    assert mask_to_dicom_seg(CORNER, headers, POLYP)
    headers[2].ImageOrientationPatient = [0, 1, 0, 1, 0, 0]
    with pytest.raises(ExportRefused, match="different directions"):
        mask_to_dicom_seg(CORNER, headers, POLYP)


@pytest.mark.parametrize(
    ("mask", "headers"),
    [
        (CORNER[:3], sources.series(COUNT)),
        (CORNER.transpose(0, 2, 1), sources.series(COUNT)),
        (CORNER[:3], [sources.enhanced(range(COUNT))]),
        (CORNER[:2], [*sources.series(1), sources.base(EnhancedMRImageStorage, Rows=9)]),
    ],
)
def test_a_mask_of_another_size_is_refused(mask: np.ndarray, headers: list[Dataset]) -> None:
    with pytest.raises(ExportRefused, match="not what its DICOM files have"):
        mask_to_dicom_seg(mask, headers, POLYP)


@pytest.mark.filterwarnings("ignore:Invalid value for VR DS:UserWarning")
@pytest.mark.parametrize("value", [1.0, [1.0, 2.0], ["nan", "nan", "nan"], ["inf", 0, 0], None])
@pytest.mark.parametrize("make", [lambda: sources.series(COUNT), lambda: [sources.enhanced(range(COUNT))]])
def test_a_place_that_is_none_is_no_place(make: Callable[[], list[Dataset]], value: object) -> None:
    headers = make()
    groups = headers[0].get("PerFrameFunctionalGroupsSequence")
    holder = groups[2].PlanePositionSequence[0] if groups else headers[2]
    holder.ImagePositionPatient = value

    assert not have_positions(headers)


@pytest.mark.filterwarnings("ignore:Invalid value for VR DS:UserWarning")
@pytest.mark.parametrize("value", [1.0, [0, 0], [-1, 1], ["nan", 1], [1, 1, 1], None])
@pytest.mark.parametrize("make", [lambda: sources.series(COUNT), lambda: [sources.enhanced(range(COUNT))]])
def test_a_size_that_is_none_is_named(make: Callable[[], list[Dataset]], value: object) -> None:
    headers = make()
    groups = headers[0].get("SharedFunctionalGroupsSequence")
    (groups[0].PixelMeasuresSequence[0] if groups else headers[0]).PixelSpacing = value

    with pytest.raises(ExportRefused, match="no usable PixelSpacing"):
        mask_to_dicom_seg(CORNER, headers, POLYP)


def test_headers_are_not_changed() -> None:
    headers = [*sources.series(2), sources.enhanced([1, 0]), sources.cine(2)]
    before = [header.to_json() for header in headers]

    mask_to_dicom_seg(CORNER[:2], headers[:2], POLYP)
    mask_to_dicom_seg(CORNER[:2], headers[2:3], POLYP)
    picture_to_dicom_seg(CORNER[1], headers[3], POLYP, frame=2)

    assert [header.to_json() for header in headers] == before


def test_which_sources_have_positions() -> None:
    twice = [*sources.series(2), sources.series(1)[0]]
    tile = sources.base(EnhancedMRImageStorage, TotalPixelMatrixRows=100)

    assert have_positions(sources.series(3))
    assert have_positions([sources.enhanced([2, 0, 1])])
    assert not have_positions([sources.cine(2)])
    assert not have_positions([sources.enhanced([0, 1, 1])]), "two frames in one place"
    assert not have_positions(twice), "two slices in one place"
    assert not have_positions([sources.enhanced([0]), *sources.series(1)])
    assert not have_positions([tile])
