import gzip
import itertools

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nibabel.nifti1 import Nifti1Image
from nibabel.nifti2 import Nifti2Image
from scipy.spatial.transform import Rotation

from causalseg.annotations.exports.nifti import mask_to_nifti, mask_to_nifti_like, pictures_to_nifti
from tests.annotations.exports.reading_back import load_nifti

ORIENTATIONS = [
    (axes, signs) for axes in itertools.permutations(range(3)) for signs in itertools.product((1.0, -1.0), repeat=3)
]
shapes = st.tuples(*[st.integers(1, 7)] * 3)
masks = hnp.arrays(bool, shapes)


@st.composite
def affines(draw: st.DrawFn) -> np.ndarray:
    """Voxel -> mm: one of the 48 ways to lie along the axes, turned a little, of any voxel size, anywhere."""
    axes, signs = draw(st.sampled_from(ORIENTATIONS))
    turned = Rotation.from_euler("xyz", [draw(st.floats(-20, 20)) for _ in range(3)], degrees=True).as_matrix()
    zooms = [draw(st.floats(0.05, 10)) for _ in range(3)]
    affine = np.eye(4)
    affine[:3, :3] = turned @ (np.eye(3)[:, list(axes)] * signs) @ np.diag(zooms)
    affine[:3, 3] = [draw(st.floats(-500, 500)) for _ in range(3)]
    return affine


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS)
def test_each_of_the_48_orientations_comes_back(axes: tuple[int, ...], signs: tuple[float, ...]) -> None:
    voxels = np.random.default_rng(0).random((3, 4, 5)) > 0.5
    affine = np.eye(4)
    affine[:3] = np.column_stack([np.eye(3)[:, list(axes)] * signs * [0.5, 2, 3], [-7, 8, 9]])

    image = load_nifti(mask_to_nifti(voxels, affine))

    assert nib.orientations.aff2axcodes(image.affine) == nib.orientations.aff2axcodes(affine)
    np.testing.assert_array_equal(image.affine, affine)
    np.testing.assert_allclose(image.get_qform(), affine, atol=1e-6)
    np.testing.assert_array_equal(np.asarray(image.dataobj), voxels)


@given(voxels=masks, affine=affines())
def test_mask_comes_back_where_it_was(voxels: np.ndarray, affine: np.ndarray) -> None:
    image = load_nifti(mask_to_nifti(voxels, affine))

    np.testing.assert_array_equal(np.asarray(image.dataobj), voxels)
    np.testing.assert_allclose(image.affine, affine, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(image.header.get_qform(), affine, rtol=1e-4, atol=2e-3)
    assert image.header.get_xyzt_units()[0] == "mm"


def test_an_affine_with_shear_is_kept_whole_and_told_by_sform_alone() -> None:
    affine = np.array([[1.0, 0.3, 0, 5], [0, 2, 0, -6], [0, 0, 3, 7], [0, 0, 0, 1]])

    image = load_nifti(mask_to_nifti(np.ones((2, 3, 4), dtype=bool), affine))

    np.testing.assert_allclose(image.affine, affine, rtol=1e-6)
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (1, 0)


@given(
    affine=affines(),
    codes=st.sampled_from([(0, 0), (1, 0), (0, 2), (3, 4)]),
    kind=st.sampled_from([Nifti1Image, Nifti2Image]),
    shape=st.one_of(shapes, st.tuples(*[st.integers(1, 4)] * 4)),
    is_swapped=st.booleans(),
)
def test_a_mask_like_a_file_has_its_affine_to_the_last_bit(
    affine: np.ndarray, codes: tuple[int, int], kind: type[Nifti1Image], shape: tuple[int, ...], is_swapped: bool
) -> None:
    source = kind(np.zeros(shape, dtype=np.int16), affine)
    source.set_qform(affine, code=codes[0])
    source.set_sform(affine, code=codes[1])
    source = kind.from_bytes(source.to_bytes())
    header = source.header.as_byteswapped() if is_swapped else source.header
    header["descrip"] = b"Jane Doe"
    voxels = np.random.default_rng(1).random(shape) > 0.5

    content = mask_to_nifti_like(voxels, header)

    image = load_nifti(content)
    assert type(image) is kind
    np.testing.assert_array_equal(image.affine, source.affine)
    np.testing.assert_array_equal(np.asarray(image.dataobj), voxels)
    assert image.header.get_zooms() == source.header.get_zooms()
    assert b"Jane" not in gzip.decompress(content)


@given(mask=masks, row_mm=st.floats(0.01, 5), column_mm=st.floats(0.01, 5))
def test_pictures_without_a_place_keep_their_pixel_size_and_claim_no_place(
    mask: np.ndarray, row_mm: float, column_mm: float
) -> None:
    image = load_nifti(pictures_to_nifti(mask, (row_mm, column_mm)))

    count, height, width = mask.shape
    assert image.shape == ((width, height, 1) if count == 1 else (width, height, 1, count))
    np.testing.assert_array_equal(np.asarray(image.dataobj).reshape(width, height, count), mask.T)
    np.testing.assert_allclose(image.header.get_zooms()[:2], (column_mm, row_mm), rtol=1e-6)
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (0, 0)


def test_the_same_mask_gives_the_same_file_to_the_byte() -> None:
    voxels = np.ones((2, 2, 2), dtype=bool)

    assert mask_to_nifti(voxels, np.eye(4)) == mask_to_nifti(voxels, np.eye(4))


def test_an_axis_too_long_for_nifti_1_is_written_as_nifti_2() -> None:
    image = load_nifti(mask_to_nifti(np.ones((40_000, 1, 1), dtype=bool), np.eye(4)))

    assert (type(image), image.shape) == (Nifti2Image, (40_000, 1, 1))
