"""Masks as NIfTI (.nii.gz): on the very voxels of the source, or with nothing but pixel sizes.

Carries: 0 and 1 (uint8), where the voxels lie, their size, and the intent code "label". Does not carry: anything else
of the source's header (its free text fields may name a patient), or words.
"""

import gzip

import numpy as np
from jaxtyping import Bool, Float
from nibabel.nifti1 import Nifti1Header, Nifti1Image
from nibabel.nifti2 import Nifti2Header, Nifti2Image
from nibabel.spatialimages import HeaderDataError

_SCANNER = 1
"""NIfTI's code for "coordinates of the scanner"."""
_LARGEST_NIFTI1_AXIS = 32767
"""`dim` is a signed 16-bit number in NIfTI-1."""
_PLACE_FIELDS = (
    "pixdim",
    "qform_code",
    "sform_code",
    *("quatern_b", "quatern_c", "quatern_d"),
    *("qoffset_x", "qoffset_y", "qoffset_z"),
    *("srow_x", "srow_y", "srow_z"),
    "xyzt_units",
)
"""All that a header says about where the voxels lie, and how large they are."""


def mask_to_nifti(voxels: Bool[np.ndarray, "i *axes"], affine: Float[np.ndarray, "4 4"]) -> bytes:
    """A mask whose voxels lie where `affine` says.

    sform holds the affine (NIfTI-1 keeps it in 32-bit numbers); qform too, where the affine has no shear.

    Args:
        voxels: the mask in the order of the affine.
        affine: (i, j, k, 1) -> RAS+ in mm.
    """
    image = _image(voxels)
    image.set_sform(affine, code=_SCANNER)
    _set_qform_unless_sheared(image, affine)
    return _gzipped(image)


def mask_to_nifti_like(voxels: Bool[np.ndarray, "i *axes"], header: Nifti1Header) -> bytes:
    """A mask on the voxel grid of a NIfTI file: the same affine to the last bit, whichever way the file gives it.

    Args:
        voxels: the mask in the file's own order and shape.
        header: of that file, NIfTI-1 or 2.
    """
    image = _image(voxels, is_nifti2=isinstance(header, Nifti2Header))
    for field in _PLACE_FIELDS:
        image.header[field] = header[field]
    image.update_header()
    return _gzipped(image)


def pictures_to_nifti(mask: Bool[np.ndarray, "count height width"], spacing_mm: tuple[float, float]) -> bytes:
    """The mask of one picture, or of frames in time, of which nothing but the size of a pixel is known.

    Axes are (column, row, 1, frame): frames are told apart in time, not in space. sform and qform codes are 0,
    "no position known"; the slice thickness, which nobody knows, is written as 1.

    Args:
        mask: one picture, or frames.
        spacing_mm: distance between rows, between columns.
    """
    row_mm, column_mm = spacing_mm
    columns_first = np.transpose(mask, (2, 1, 0))
    image = _image(columns_first if len(mask) == 1 else columns_first[:, :, np.newaxis, :])
    image.header.set_zooms((column_mm, row_mm, 1.0, 1.0)[: len(image.shape)])
    return _gzipped(image)


def _image(voxels: Bool[np.ndarray, "i *axes"], *, is_nifti2: bool = False) -> Nifti1Image:
    kind = Nifti2Image if is_nifti2 or max(voxels.shape) > _LARGEST_NIFTI1_AXIS else Nifti1Image
    image = kind(voxels.astype(np.uint8), affine=None)
    image.header.set_xyzt_units("mm")
    image.header.set_intent("label")
    return image


def _set_qform_unless_sheared(image: Nifti1Image, affine: Float[np.ndarray, "4 4"]) -> None:
    try:
        image.set_qform(affine, code=_SCANNER, strip_shears=False)
    except HeaderDataError:  # a quaternion cannot say shear; the sform does
        image.set_qform(None, code=0)


def _gzipped(image: Nifti1Image) -> bytes:
    return gzip.compress(image.to_bytes(), mtime=0)
