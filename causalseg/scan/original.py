"""What a file was, kept for exports that refer to it: a DICOM-SEG to its series, a NIfTI mask to its voxels."""

import math
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Shaped
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from pydicom import FileDataset

from causalseg.scan.dicom.deidentify import without_identity
from causalseg.scan.dicom.parse import parse_dicom, quiet_pydicom


@dataclass(frozen=True, slots=True, eq=False)
class SourceDicom:
    """The headers of the files behind a volume, whole but without pixels and private fields.

    They name the patient. They are kept in memory only, for a DICOM-SEG that refers to its series, and never shown,
    logged or stored.
    """

    headers: tuple[bytes, ...] = field(repr=False)
    """DICOM files without pixels, one for each file of the series."""
    places: tuple[tuple[int, int], ...]
    """For each slice: its file (from 0) and its frame in that file (from 1, as DICOM counts)."""

    def datasets(self, *, with_identity: bool = False) -> list[FileDataset]:
        """The headers, one for each file: only what a mask refers to, or, where the person asks for it, whole."""
        with quiet_pydicom():
            datasets = [parse_dicom(header) for header in self.headers]
            return datasets if with_identity else [without_identity(dataset) for dataset in datasets]


@dataclass(frozen=True, slots=True, eq=False)
class SourceNifti:
    """How the slices of a volume came out of a NIfTI file, and the way back."""

    header: bytes = field(repr=False)
    """The file's own header block; free text in it is blanked."""
    affine: Float64[np.ndarray, "4 4"]
    """Of the file's own voxel order, to RAS+ in mm."""
    shape: tuple[int, ...]
    """Of the file's own array: three numbers, or four with time."""
    axes: tuple[int, int, int]
    """Which of the file's axes run along slices, rows and columns of the volume."""
    flips: tuple[bool, bool, bool]
    """Which of these (slices, rows, columns) run against the file."""

    @property
    def volume_shape(self) -> tuple[int, int, int]:
        """Slices (of all volumes in time), rows and columns."""
        slices, rows, columns = (self._spatial[axis] for axis in self.axes)
        return math.prod(self.shape[3:]) * slices, rows, columns

    def nifti_header(self) -> Nifti1Header:
        """nibabel's header, to write a mask with."""
        kind = Nifti2Header if len(self.header) == Nifti2Header.template_dtype.itemsize else Nifti1Header
        return kind(self.header, check=False)

    def to_volume(self, array: Shaped[np.ndarray, "*shape"]) -> Shaped[np.ndarray, "count height width"]:
        """The file's array -> slices as they are shown; volumes in time one after another."""
        turned = np.transpose(array.reshape(*self._spatial, -1), (3, *self.axes))
        return self._flip(turned).reshape(self.volume_shape)

    def to_file(self, volume: Shaped[np.ndarray, "count height width"]) -> Shaped[np.ndarray, "*shape"]:
        """Slices as they are shown (a mask) -> the file's own voxels: the inverse of `to_volume`."""
        turned = self._flip(volume.reshape(-1, *(self._spatial[axis] for axis in self.axes)))
        back = np.argsort(self.axes) + 1
        return np.transpose(turned, (*back.tolist(), 0)).reshape(self.shape)

    def volume_affine(self) -> Float64[np.ndarray, "4 4"]:
        """(column, row, slice, 1) of the volume -> RAS+ in mm."""
        to_voxel = np.zeros((4, 4))
        to_voxel[3, 3] = 1
        for direction, (axis, flip) in enumerate(zip(self.axes, self.flips, strict=True)):
            to_voxel[axis, 2 - direction] = -1 if flip else 1
            to_voxel[axis, 3] = self._spatial[axis] - 1 if flip else 0
        return self.affine @ to_voxel

    @property
    def _spatial(self) -> tuple[int, int, int]:
        first, second, third = (*self.shape, 1, 1)[:3]
        return first, second, third

    def _flip(self, turned: Shaped[np.ndarray, "repeats slices rows columns"]) -> Shaped[np.ndarray, "..."]:
        return np.flip(turned, tuple(direction + 1 for direction, flip in enumerate(self.flips) if flip))
