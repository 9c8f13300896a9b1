import gzip
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.orientations import inv_ornt_aff, ornt2axcodes

from causalseg.errors import ScanTooLarge, UnreadableScan
from causalseg.scan import Scan, SourceNifti, Volume, Window, read_scan
from causalseg.settings import Settings
from tests.scan.sample_files import read_here

ALL_ORIENTATIONS = [
    np.array(list(zip(axes, signs, strict=True)), dtype=float)
    for axes in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
    for signs in np.array(np.meshgrid([1, -1], [1, -1], [1, -1])).reshape(3, 8).T.tolist()
]
HEAD_MM = {"right": (30, 0, 0), "front": (0, 40, 0), "top": (0, 0, 50)}
"""Landmarks, RAS+ in mm: each has a value of its own in `head`."""


def make_nifti(array: np.ndarray, affine: np.ndarray | None = None, *, kind: Any = nibabel.Nifti1Image) -> bytes:
    image = kind(array, np.diag([-2.0, 2, 2, 1]) if affine is None else affine)
    return image.to_bytes()


def volume_of(scan: Scan) -> Volume:
    assert scan.volume is not None
    return scan.volume


def affine_of(scan: Scan) -> np.ndarray:
    affine = volume_of(scan).affine
    assert affine is not None
    return affine


def source_of(scan: Scan) -> SourceNifti:
    source = volume_of(scan).source
    assert isinstance(source, SourceNifti)
    return source


def head(orientation: np.ndarray) -> bytes:
    """A dark volume of 10 mm voxels with three landmarks, its axes in memory turned by `orientation`."""
    ras = np.zeros((9, 11, 13), np.int16)
    affine = np.diag([10.0, 10, 10, 1])
    affine[:3, 3] = -np.array([4, 5, 6]) * 10
    for value, place_mm in enumerate(HEAD_MM.values(), start=1):
        ras[tuple(np.rint(np.linalg.inv(affine) @ [*place_mm, 1])[:3].astype(int))] = value
    to_file = nibabel.orientations.ornt_transform(np.array([[0, 1], [1, 1], [2, 1]]), orientation)
    turned = nibabel.orientations.apply_orientation(ras, to_file)
    return make_nifti(turned, affine @ inv_ornt_aff(to_file, ras.shape))


@pytest.mark.parametrize("orientation", ALL_ORIENTATIONS, ids=lambda ornt: "".join(ornt2axcodes(ornt)))
def test_every_orientation_is_shown_as_radiologists_look_and_goes_back_to_its_voxels(orientation: np.ndarray) -> None:
    content = head(orientation)
    image = nibabel.Nifti1Image.from_bytes(content)
    assert nibabel.aff2axcodes(image.affine) == ornt2axcodes(orientation)

    scan = read_here(content)

    values = volume_of(scan).values
    found = {name: np.argwhere(values == value)[0].tolist() for value, name in enumerate(HEAD_MM, start=1)}
    assert values.shape == (13, 11, 9) and scan.header["Shown"] == "axial"
    assert found == {"right": [6, 5, 1], "front": [6, 1, 4], "top": [11, 5, 4]}  # slice (feet up), row, column
    np.testing.assert_array_equal(source_of(scan).to_file(values), np.asarray(image.dataobj))
    for (name, place_mm), (slice_, row, column) in zip(HEAD_MM.items(), found.values(), strict=True):
        at_mm = affine_of(scan) @ [column, row, slice_, 1]
        np.testing.assert_allclose(at_mm[:3], place_mm, atol=1e-4, err_msg=name)


@given(
    axes=st.permutations([0, 1, 2]),
    signs=st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
    shape=st.tuples(*[st.integers(1, 6)] * 3),
    times=st.lists(st.integers(1, 3), max_size=2),
    sizes_mm=st.tuples(*[st.floats(0.4, 9)] * 3),
)
def test_a_mask_drawn_on_the_slices_lies_on_the_same_voxels_in_the_file(
    axes: list[int], signs: tuple[float, ...], shape: tuple[int, ...], times: list[int], sizes_mm: tuple[float, ...]
) -> None:
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for axis in range(3):
        affine[axes[axis], axis] = signs[axis] * sizes_mm[axis]
    array = np.arange(np.prod([*shape, *times]), dtype=np.int32).reshape(*shape, *times)

    scan = read_here(make_nifti(array, affine))

    source, values = source_of(scan), volume_of(scan).values
    np.testing.assert_array_equal(source.to_file(values).squeeze(), array.squeeze())
    np.testing.assert_array_equal(source.to_volume(source.to_file(values)), values)
    assert scan.count == values.shape[0] == source.volume_shape[0]
    # the volume's own affine names the same places
    place = np.array([index // 2 for index in values.shape])
    (voxel,) = np.argwhere(array == values[tuple(place)])
    expected_mm = affine @ [*voxel[:3], 1]
    slices = scan.count // volume_of(scan).repeats
    np.testing.assert_allclose(affine_of(scan) @ [place[2], place[1], place[0] % slices, 1], expected_mm, atol=1e-3)


@pytest.mark.parametrize(
    ("sizes_mm", "plane", "shape"),
    [
        ((1, 1, 1), "axial", (7, 6, 5)),
        ((1, 1, 4), "axial", (7, 6, 5)),
        ((1, 4, 1), "coronal", (6, 7, 5)),
        ((4, 1, 1), "sagittal", (5, 7, 6)),
        ((1, 1.2, 1), "axial", (7, 6, 5)),
    ],
)
def test_slices_are_those_that_were_taken(sizes_mm: tuple[float, ...], plane: str, shape: tuple[int, ...]) -> None:
    scan = read_here(make_nifti(np.zeros((5, 6, 7), np.int16), np.diag([*sizes_mm, 1.0])))

    assert scan.header["Shown"] == plane and volume_of(scan).values.shape == shape
    assert volume_of(scan).spacing_mm[0] == pytest.approx(max(sizes_mm) if plane != "axial" else sizes_mm[2])


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("dtype", ["u1", "i1", "<i2", ">i2", "<u2", "<i4", "<f4", ">f4", "<f8"])
def test_values_are_nibabels(kind: Any, dtype: str) -> None:
    array = (np.arange(4 * 5 * 6).reshape(4, 5, 6) - 30).astype(dtype)
    image = kind(array, np.diag([-1.0, 1, 1, 1]), dtype=array.dtype)
    image.header.set_slope_inter(0.5, -3)
    content = gzip.compress(image.to_bytes())

    scan = read_scan(content)

    reference = kind.from_bytes(gzip.decompress(content))
    np.testing.assert_allclose(source_of(scan).to_file(volume_of(scan).values), reference.get_fdata(), rtol=1e-6)
    assert scan.format == "NIfTI" and scan.modality is None


def test_time_is_kept_volume_after_volume() -> None:
    array = np.arange(3 * 4 * 5 * 2).reshape(3, 4, 5, 2).astype(np.int16)

    scan = read_here(make_nifti(array))

    assert (scan.count, volume_of(scan).repeats, scan.axis) == (10, 2, "slice")
    assert scan.place == "slice 3 of 5, volume 1 of 2" and scan.view(9).place == "slice 5 of 5, volume 2 of 2"
    first = read_here(make_nifti(array[..., 0])).volume
    assert first is not None
    np.testing.assert_array_equal(volume_of(scan).values[:5], first.values)


def test_colours_are_rgb() -> None:
    rgb = np.arange(4 * 5 * 6 * 3, dtype=np.uint8).reshape(4, 5, 6, 3)
    stored = np.ascontiguousarray(rgb).view(np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))[..., 0]

    scan = read_here(make_nifti(stored))

    assert volume_of(scan).values.shape == (6, 5, 4, 3) and scan.windows == ()
    np.testing.assert_array_equal(volume_of(scan).values[2, 0, 1], rgb[1, 4, 2])


def test_display_range_of_the_file_is_its_window() -> None:
    image = nibabel.Nifti1Image(np.arange(125, dtype=np.int16).reshape(5, 5, 5), np.eye(4))
    image.header["cal_min"], image.header["cal_max"] = 20, 60

    scan = read_here(image.to_bytes())

    assert scan.window == Window.between(20.0, 60.0) and scan.windows[0].label == "file: display range"
    assert scan.warnings == ()


def test_values_that_look_like_hu_get_the_presets_of_ct_and_say_so() -> None:
    array = np.linspace(-1000, 1500, 125).reshape(5, 5, 5).astype(np.int16)

    labels = [choice.label for choice in read_here(make_nifti(array)).windows]

    assert "lung (if these are HU)" in labels
    assert not any("HU" in choice.label for choice in read_here(make_nifti(array - array.min())).windows)


def test_text_of_the_header_is_dropped() -> None:
    image = nibabel.Nifti1Image(np.zeros((3, 3, 3), np.int16), np.eye(4))
    image.header["descrip"] = b"Doe^Jane 1970"
    image.header["db_name"] = b"Doe"

    scan = read_here(image.to_bytes())

    assert "Doe" not in repr(scan) + repr(scan.header)
    assert b"Doe" not in source_of(scan).header


def test_a_file_that_does_not_say_how_it_lies_is_shown_with_a_warning() -> None:
    image = nibabel.Nifti1Image(np.zeros((3, 4, 5), np.int16), None)

    for content in (image.to_bytes(), _with_sform(np.zeros((4, 4))), _with_sform(np.full((4, 4), np.nan))):
        scan = read_here(content)
        assert any("does not say how it lies" in sentence for sentence in scan.warnings) and scan.count == 5


def _with_sform(affine: np.ndarray) -> bytes:
    image = nibabel.Nifti1Image(np.zeros((3, 4, 5), np.int16), np.eye(4))
    image.header["srow_x"], image.header["srow_y"], image.header["srow_z"] = affine[0], affine[1], affine[2]
    image.header["sform_code"] = 1
    buffer = BytesIO()
    image.header.write_to(buffer)
    return buffer.getvalue() + b"\0" * 4 + bytes(2 * 3 * 4 * 5)


def test_a_lone_slice_is_a_picture_with_a_volume_of_one() -> None:
    scan = read_here(make_nifti(np.arange(20, dtype=np.int16).reshape(4, 5)))

    assert scan.count == 1 and scan.hw == (5, 4) and scan.place == ""
    np.testing.assert_array_equal(source_of(scan).to_file(volume_of(scan).values), np.arange(20).reshape(4, 5))


@pytest.mark.parametrize("cut", [100, 345, 360, 500])
def test_cut_off_files_are_refused(cut: int) -> None:
    content = make_nifti(np.zeros((10, 10, 10), np.int16))

    with pytest.raises(UnreadableScan):
        read_scan(content[:cut])
    with pytest.raises(UnreadableScan, match="gz file is damaged"):
        read_scan(gzip.compress(content)[:-20])


def test_halves_of_pairs_and_complex_numbers_are_refused_in_words() -> None:
    pair = make_nifti(np.zeros((3, 3, 3), np.int16)).replace(b"n+1\0", b"ni1\0")
    with pytest.raises(UnreadableScan, match="half of a NIfTI pair"):
        read_scan(pair)
    with pytest.raises(UnreadableScan, match="complex"):
        read_scan(make_nifti(np.zeros((3, 3, 3), np.complex64)))


def test_a_header_that_lies_about_its_size_is_refused_before_decoding() -> None:
    image = nibabel.Nifti1Image(np.zeros((3, 3, 3), np.int16), np.eye(4))
    content = bytearray(image.to_bytes())
    content[42:48] = np.array([30_000, 30_000, 30_000], "<i2").tobytes()

    with pytest.raises(ScanTooLarge):
        read_scan(bytes(content))
    content[42:48] = np.array([100, 100, 100], "<i2").tobytes()
    with pytest.raises(UnreadableScan, match="cut off"):
        read_scan(bytes(content))


def test_a_gz_that_unpacks_too_far_is_refused() -> None:
    bomb = gzip.compress(bytes(30 * 2**20))

    with pytest.raises(ScanTooLarge, match="unpacks to more than 20 MB"):
        read_scan(bomb, settings=Settings(max_unpacked_bytes=20 * 2**20))
    with pytest.raises(UnreadableScan, match="packed file inside"):
        read_scan(gzip.compress(gzip.compress(b"x" * 50)))


def _by_nibabel(file: Path) -> nibabel.Nifti1Image:
    image = nibabel.load(file)
    assert isinstance(image, nibabel.Nifti1Image)  # nibabel's NIfTI 2 is one too
    return image


def test_real_files_are_nibabels_voxel_for_voxel(shared_dir: Path) -> None:
    files = [file for file in sorted((shared_dir / "dicom").iterdir()) if ".nii" in file.name]
    assert len(files) == 6
    for file in files:
        scan, image = read_scan(file), _by_nibabel(file)
        reference = np.asarray(image.dataobj, dtype=np.float64)
        np.testing.assert_allclose(source_of(scan).to_file(volume_of(scan).values), reference, rtol=1e-6)
        np.testing.assert_array_equal(source_of(scan).affine, image.affine)


def test_the_label_of_a_real_head_lies_where_nibabel_says_it_does(shared_dir: Path) -> None:
    """The landmark: the labelled structure, in mm, against its place in the slices as they are shown."""
    head_scan, label_scan = (
        read_scan(shared_dir / "dicom" / name) for name in ("anatomical.nii", "anatomical_label.nii.gz")
    )
    label = nibabel.Nifti1Image.from_filename(shared_dir / "dicom" / "anatomical_label.nii.gz")
    voxels = np.argwhere(np.asarray(label.dataobj) == 1)
    assert label.affine is not None
    expected_mm = (label.affine @ [*voxels.mean(axis=0), 1])[:3]

    shown = np.argwhere(volume_of(label_scan).values == 1).mean(axis=0)

    affine = affine_of(head_scan)
    np.testing.assert_allclose((affine @ [*shown[::-1], 1])[:3], expected_mm, atol=1e-6)
    assert nibabel.aff2axcodes(affine) == ("L", "P", "S")
