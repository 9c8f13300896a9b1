"""Every format of every kind of scan, read back by others."""

import gzip
import itertools
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.nifti1 import Nifti1Image
from pydicom import Dataset
from pydicom.uid import EnhancedCTImageStorage, UltrasoundMultiFrameImageStorage

from causalseg.annotations.exports import FORMATS, Exported, Provenance, export_all, export_as
from causalseg.annotations.exports.zip_file import zip_files
from causalseg.errors import ExportRefused, InputError
from causalseg.scan import Scan, SourceDicom, SourceNifti, Volume, read_scan
from causalseg.version import VERSION
from tests.annotations.exports import sources
from tests.annotations.exports.reading_back import files_of, load_nifti, points_ras_mm, read_back, seg_points_ras_mm
from tests.scan.sample_files import encode, make_dicom

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""pycocotools 2.0.11 decodes in the words of numpy 1."""

POLYP = Provenance(
    description="one small polyp",
    mask_word="counterfactual",
    model="causalseg-lite 0.1.0",
    removed=("specular_highlight", "hair"),
    person="ab",
    revisions={0: 3},
    saved_at=datetime(2026, 11, 24, 15, 0, tzinfo=UTC),
)
IDENTITY = {"PatientName": "Doe^Jane", "PatientID": "JD-4711", "StudyDate": "20240229"}


def by_format(exports: tuple[Exported, ...]) -> dict[str, Exported]:
    return {export.format: export for export in exports}


def random_masks(scan: Scan, indices: list[int] | None = None, seed: int = 0) -> dict[int, np.ndarray]:
    """Marks that no flip or turn leaves alone: noise, dense at the first corner and at most 64 px deep, and a bar."""
    rng = np.random.default_rng(seed)
    height, width = (min(length, 64) for length in scan.hw)
    ramp = np.add.outer(np.arange(height) / height, np.arange(width) / width) / 2
    masks = {}
    for index in range(scan.count) if indices is None else indices:
        masks[index] = np.zeros(scan.hw, dtype=bool)
        masks[index][:height, :width] = rng.random((height, width)) > 0.3 + 0.7 * ramp
        masks[index][-1, scan.hw[1] // 3 :] = True
    return masks


def assert_reads_back(export: Exported, scan: Scan, masks: dict[int, np.ndarray]) -> None:
    found = read_back(export, scan)
    for index in range(scan.count):
        expected = masks.get(index, np.zeros(scan.hw, dtype=bool))
        np.testing.assert_array_equal(found.get(index, np.zeros(scan.hw, dtype=bool)), expected, export.format)


def picture() -> Scan:
    rows, columns = np.indices((24, 32))
    return read_scan(encode(np.stack([rows, columns, rows], axis=2).astype(np.uint8), "PNG"))


def study(**fields: Any) -> dict[str, Any]:
    return {
        "StudyInstanceUID": sources.uid("study"),
        "SeriesInstanceUID": sources.uid("series"),
        "SOPInstanceUID": sources.uid("phantom", len(fields)),
        **IDENTITY,
        **fields,
    }


def ct_slice() -> Scan:
    place = {
        "FrameOfReferenceUID": sources.uid("space"),
        "ImageOrientationPatient": [0, 1, 0, 0, 0, -1],
        "ImagePositionPatient": [-3.5, 20, 30],
        "PixelSpacing": [0.8, 0.5],
        "SliceThickness": 2.5,
    }
    return read_scan(make_dicom(np.arange(54, dtype=np.uint16).reshape(6, 9), **study(**place)))


def film(frames: int = 9) -> Scan:
    region = sources.item(
        RegionSpatialFormat=1,
        PhysicalUnitsXDirection=3,
        PhysicalUnitsYDirection=3,
        PhysicalDeltaX=0.05,
        PhysicalDeltaY=0.08,
    )
    fields = {"Modality": "US", "SequenceOfUltrasoundRegions": [region]}
    stored = np.arange(frames * 54, dtype=np.uint16).reshape(frames, 6, 9)
    return read_scan(make_dicom(stored, **study(SOPClassUID=UltrasoundMultiFrameImageStorage, **fields)))


def enhanced_ct(order: tuple[int, ...], cosines: np.ndarray = sources.AXIAL) -> Scan:
    header = sources.enhanced(order, cosines)
    groups = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "FrameOfReferenceUID")
    fields = {keyword: header[keyword].value for keyword in groups}
    stored = np.broadcast_to(np.array(order, dtype=np.uint16)[:, None, None], (len(order), *sources.HW))
    return read_scan(make_dicom(stored, **study(SOPClassUID=EnhancedCTImageStorage, **fields)))


def test_a_picture_has_png_and_coco_and_is_told_why_there_is_no_more() -> None:
    scan, masks = picture(), random_masks(picture())

    exports = by_format(export_all(scan, masks, POLYP))

    assert_reads_back(exports["png"], scan, masks)
    assert_reads_back(exports["coco"], scan, masks)
    assert "how large its pixels are" in str(exports["nifti"].problem)
    assert "not a DICOM file" in str(exports["dicom_seg"].problem)


@pytest.mark.parametrize("make", [ct_slice, film, lambda: enhanced_ct((2, 0, 3, 1))])
def test_dicom_scans_have_every_format(make: Callable[[], Scan]) -> None:
    scan = make()
    masks = random_masks(scan)

    exports = by_format(export_all(scan, masks, POLYP))

    for kind in FORMATS:
        assert_reads_back(exports[kind], scan, masks)


@pytest.mark.parametrize("make", [film, lambda: enhanced_ct((2, 0, 3, 1))])
@pytest.mark.parametrize("indices", [[0], [1, 3]])
def test_masks_of_some_slices_are_those_slices(make: Callable[[], Scan], indices: list[int]) -> None:
    scan = make()
    masks = random_masks(scan, indices)

    exports = by_format(export_all(scan, masks, POLYP))

    for kind in ("nifti", "dicom_seg", "coco"):
        assert_reads_back(exports[kind], scan, masks)
    assert set(read_back(exports["png"], scan.view(indices[0]))) == set(indices)


@st.composite
def cosines(draw: st.DrawFn) -> np.ndarray:
    """Row and column cosines along the axes, in any of their 48 ways."""
    axes = draw(st.permutations([0, 1, 2]))
    signs = np.array([draw(st.sampled_from((1.0, -1.0))) for _ in range(3)])
    return (np.eye(3)[:, axes] * signs).T[:2]


@given(cosines=cosines(), order=st.permutations(range(4)), seed=st.integers(0, 99))
def test_nifti_and_dicom_seg_of_one_mask_mark_the_same_points(cosines: np.ndarray, order: list[int], seed: int) -> None:
    scan = enhanced_ct(tuple(order), cosines)
    masks = random_masks(scan, seed=seed)

    in_nifti = points_ras_mm(load_nifti(export_as("nifti", scan, masks, POLYP).content or b""))
    in_seg = seg_points_ras_mm(export_as("dicom_seg", scan, masks, POLYP).content or b"")

    np.testing.assert_allclose(in_nifti, in_seg, atol=1e-3)


@given(
    axes=st.permutations(range(3)),
    flips=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    shape=st.one_of(st.tuples(*[st.integers(1, 5)] * 3), st.tuples(*[st.integers(1, 4)] * 4)),
    seed=st.integers(0, 99),
)
def test_a_mask_of_a_nifti_scan_lies_on_the_very_voxels_it_marks(
    axes: list[int], flips: tuple[bool, bool, bool], shape: tuple[int, ...], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    array = rng.integers(0, 100, shape).astype(np.int16)
    affine = np.array([[0, -2, 0.1, 5], [1.5, 0, 0, -8], [0, 0.2, 3, 9], [0, 0, 0, 1]])
    source = SourceNifti(
        Nifti1Image(array, affine).header.binaryblock, affine, shape, (axes[0], axes[1], axes[2]), flips
    )
    values = source.to_volume(array)
    repeats = shape[3] if len(shape) == 4 else 1
    scan = replace(
        picture(),
        image_u8=np.zeros((*values.shape[1:], 3), np.uint8),
        axis="slice",
        volume=Volume(values, repeats=repeats, source=source),
    )

    export = export_as("nifti", scan, dict(enumerate(values > 50)), POLYP)

    image = load_nifti(export.content or b"")
    np.testing.assert_array_equal(np.asarray(image.dataobj), array > 50)
    np.testing.assert_allclose(image.affine, affine, rtol=1e-6)


def test_volumes_in_time_come_back_in_time() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 9, (6, 4, 5)).astype(np.int16)
    volume = Volume(values, affine=np.diag([0.5, 0.8, 2, 1]), repeats=2)
    scan = replace(picture(), image_u8=np.zeros((4, 5, 3), np.uint8), axis="slice", volume=volume)

    image = load_nifti(export_as("nifti", scan, dict(enumerate(values > 4)), POLYP).content or b"")

    assert image.shape == (5, 4, 3, 2)
    for repeat, k in itertools.product(range(2), range(3)):
        np.testing.assert_array_equal(image.dataobj[..., k, repeat].T, values[repeat * 3 + k] > 4)


def series_scan(order: list[int]) -> tuple[Scan, list[Dataset]]:
    """A scan of single-frame files which came in `order`; its slices are in that of their positions."""
    headers = sources.series(4)
    files = [make_header(headers[index]) for index in order]
    source = SourceDicom(tuple(files), tuple((order.index(index), 1) for index in range(4)))
    values = np.zeros((4, *sources.HW), np.int16)
    scan = replace(
        picture(),
        format="DICOM",
        image_u8=np.zeros((*sources.HW, 3), np.uint8),
        axis="slice",
        volume=Volume(values, source=source),
    )
    return scan, headers


def make_header(header: Dataset) -> bytes:
    fields = {element.keyword: element.value for element in header if element.keyword != "SOPClassUID"}
    return make_dicom(None, **fields)


@given(order=st.permutations(range(4)))
def test_slices_of_a_series_go_with_their_own_files(order: list[int]) -> None:
    scan, headers = series_scan(order)
    masks = random_masks(scan, [1, 2])

    export = export_as("dicom_seg", scan, masks, POLYP)

    assert_reads_back(export, scan, masks)
    expected = sources.points_mm(
        np.array([masks.get(k, np.zeros(sources.HW)) for k in range(4)]),
        [header.ImagePositionPatient for header in headers],
        sources.AXIAL,
    )
    found = seg_points_ras_mm(export.content or b"") * [-1, -1, 1]
    assert {tuple(np.round(point, 3) + 0.0) for point in found} == expected


def test_a_zipped_series_is_read_sorted_and_marked_on_the_files_that_were_meant() -> None:
    headers = sources.series(5)
    files = {}
    for name, index in zip("edcba", (3, 0, 4, 1, 2), strict=True):
        stored = np.full(sources.HW, 100 + index, dtype=np.uint16)
        fields = {element.keyword: element.value for element in headers[index]}
        files[f"{name}.dcm"] = make_dicom(stored, **fields)
    scan = read_scan(zip_files(files))
    assert scan.volume is not None
    masks = {k: values == 103 for k, values in enumerate(scan.volume.values) if values.flat[0] in (102, 103)}

    exports = by_format(export_all(scan, masks, POLYP))

    assert_reads_back(exports["dicom_seg"], scan, masks)
    expected = sources.points_mm(np.ones((1, *sources.HW)), [headers[3].ImagePositionPatient], sources.AXIAL)
    for found in (
        seg_points_ras_mm(exports["dicom_seg"].content or b""),
        points_ras_mm(load_nifti(exports["nifti"].content or b"")),
    ):
        assert {tuple(np.round(point * [-1, -1, 1], 3) + 0.0) for point in found} == expected


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", list(itertools.product((1.0, -1.0), repeat=3)))
def test_a_nifti_file_of_any_orientation_is_marked_on_its_own_voxels(
    axes: tuple[int, ...], signs: tuple[float, ...]
) -> None:
    array = np.random.default_rng(0).integers(0, 100, (4, 5, 6)).astype(np.int16)
    affine = np.eye(4)
    affine[:3] = np.column_stack([(np.eye(3)[:, list(axes)] * signs) @ np.diag([0.7, 1.1, 1.3]), [-7, 8, 9]])
    file = Nifti1Image(array, affine)
    scan = read_scan(gzip.compress(file.to_bytes()))
    assert scan.volume is not None
    masks = dict(enumerate(scan.volume.values > 50))

    image = load_nifti(export_as("nifti", scan, masks, POLYP).content or b"")

    np.testing.assert_array_equal(np.asarray(image.dataobj), array > 50)
    np.testing.assert_array_equal(image.affine, Nifti1Image.from_bytes(file.to_bytes()).affine)


def test_the_bundle_holds_the_very_files_and_where_the_masks_came_from() -> None:
    scan = film()
    exports = export_all(scan, random_masks(scan, [2, 5]), POLYP)

    *single, whole = exports
    files = files_of(whole.content or b"")
    provenance = json.loads(files.pop("provenance.json"))

    assert files == {export.name: export.content for export in single}
    assert provenance.pop("files") == {name: sha256(content).hexdigest() for name, content in files.items()}
    assert provenance == {
        "scan_sha256": scan.sha256,
        "indices": [2, 5],
        "description": "one small polyp",
        "mask": "counterfactual",
        "removed": ["specular_highlight", "hair"],
        "model": "causalseg-lite 0.1.0",
        "corrected": [],
        "person": "ab",
        "revisions": {"0": 3},
        "saved_at": "2026-11-24T15:00:00+00:00",
        "causalseg": VERSION,
        "problems": {},
        "note": "Research and education only; not a medical device.",
    }


def test_formats_that_fail_are_explained_in_the_bundle_and_block_no_other() -> None:
    scan = film()
    volume = scan.volume and replace(
        scan.volume, source=SourceDicom((b"no header at all",) * 9, ((0, 1),) * 9), affine=np.full((4, 4), np.nan)
    )
    scan = replace(scan, volume=volume, axis="slice")
    masks = random_masks(scan)

    exports = by_format(export_all(scan, masks, POLYP))

    assert_reads_back(exports["png"], scan, masks)
    assert_reads_back(exports["coco"], scan, masks)
    problems = json.loads(files_of(exports["bundle"].content or b"")["provenance.json"])["problems"]
    assert problems == {kind: exports[kind].problem for kind in ("nifti", "dicom_seg")}
    assert all(problem.endswith((".", "it.")) for problem in problems.values())


def test_a_fault_of_ours_is_logged_without_a_word_of_the_scan(caplog: pytest.LogCaptureFixture) -> None:
    scan = replace(ct_slice(), axis="slice")
    scan = replace(scan, volume=scan.volume and replace(scan.volume, affine=np.full((4, 4), np.nan)))

    with caplog.at_level(logging.DEBUG):
        export = export_as("nifti", scan, random_masks(scan), POLYP)

    assert "a fault of causalseg" in str(export.problem)
    assert "export=nifti" in caplog.text
    assert not any(word in caplog.text for word in ("polyp", *IDENTITY.values()))


@pytest.mark.parametrize("make", [ct_slice, film, lambda: enhanced_ct((1, 0))])
def test_nothing_of_the_patient_leaves_unless_asked_for(make: Callable[[], Scan]) -> None:
    scan = make()
    masks = random_masks(scan)

    without = by_format(export_all(scan, masks, POLYP))
    asked = by_format(export_all(scan, masks, POLYP, with_identity=True))

    for export in without.values():
        content = export.content or b""
        parts = files_of(content).values() if content.startswith(b"PK") else [content]
        assert not any(value.encode() in part for part in parts for value in IDENTITY.values())
    content = asked["dicom_seg"].content or b""
    (part, *_) = files_of(content).values() if content.startswith(b"PK") else [content]
    assert all(value.encode() in part for value in IDENTITY.values())


def test_names_are_made_of_the_sha256_and_the_index() -> None:
    scan = film()
    short = scan.sha256[:12]

    one = export_all(scan, random_masks(scan, [7]), POLYP)
    some = export_all(scan, random_masks(scan, [2, 7]), POLYP)

    stem = f"{short}_0007_mask"
    assert [export.name for export in one] == [
        f"{stem}.png",
        f"{stem}.nii.gz",
        f"{stem}_seg.dcm",
        f"{stem}_coco.json",
        f"{stem}_all.zip",
    ]
    assert [export.name for export in some][:3] == [f"{short}_mask_{end}" for end in ("png.zip",)] + [
        f"{short}_mask.nii.gz",
        f"{short}_mask_seg.zip",
    ]


@pytest.mark.parametrize(
    "masks", [{}, {9: np.zeros((6, 9), bool)}, {-1: np.zeros((6, 9), bool)}, {0: np.zeros((9, 6), bool)}]
)
def test_masks_that_are_not_of_the_scan_are_refused(masks: dict[int, np.ndarray]) -> None:
    with pytest.raises(ExportRefused, match=r"Segment the scan"):
        export_all(film(), masks, POLYP)


def check_every_format(path: Path) -> dict[str, str | None] | None:
    """Export random masks of a file and read each of them back; format -> problem. None: the scan cannot be opened."""
    try:
        scan = read_scan(path)
    except InputError:
        return None
    indices = sorted({0, scan.count // 2, scan.count - 1})
    masks = random_masks(scan, indices)
    exports = by_format(export_all(scan.view(0), masks, POLYP))
    for kind in FORMATS:
        problem = exports[kind].problem
        if problem is None:
            assert_reads_back(exports[kind], scan.view(0), masks)
        else:
            assert problem.endswith(".")
            assert "fault of causalseg" not in problem, f"{path.name}: {kind}"
    return {kind: exports[kind].problem for kind in FORMATS}


def test_every_example_of_the_app_comes_back_in_every_format_it_has() -> None:
    examples = sorted((Path(__file__).parents[3] / "assets" / "examples").glob("*.png"))

    assert examples
    for path in examples:
        outcome = check_every_format(path)
        assert outcome is not None
        assert (outcome["png"], outcome["coco"]) == (None, None)


WITHOUT_SEG = {
    "HTJ2K_08_RGB.dcm",
    "JPEGLSNearLossless_08.dcm",
    "JPEGLSNearLossless_16.dcm",
    "SC_rgb_jls_lossy_line.dcm",
    "SC_rgb_jls_lossy_sample.dcm",
    "CR-ModalitySequenceLUT.dcm",
    "sm_image.dcm",
    "seg_image_sm_control_labelmap.dcm",
    "rtdose_1frame.dcm",
    "rtdose_rle_1frame.dcm",
    "rtdose_expb_1frame.dcm",
}
"""Files whose headers lack what a segmentation must refer to, have an invalid UID, or are tiles of a slide."""


def check_folder(paths: list[Path]) -> int:
    opened = 0
    for path in paths:
        outcome = check_every_format(path)
        if outcome is None:
            continue
        opened += 1
        assert (outcome["png"], outcome["coco"]) == (None, None), path.name
        if ".nii" in path.name:
            assert outcome["nifti"] is None, path.name
        else:
            assert (outcome["dicom_seg"] is not None) == (path.name in WITHOUT_SEG), (path.name, outcome["dicom_seg"])
    return opened


def test_every_file_of_pydicoms_wheel_comes_back_in_every_format_it_has() -> None:
    folder = Path(pydicom.__file__).parent / "data" / "test_files"

    assert check_folder(sorted(folder.glob("*.dcm"))) >= 50


def test_every_shared_file_comes_back_in_every_format_it_has(shared_dir: Path) -> None:
    paths = [path for path in sorted((shared_dir / "dicom").iterdir()) if path.suffix != ".csv"]

    assert check_folder(paths) >= 40
