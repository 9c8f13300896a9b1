"""What a file was, kept for exports that refer to it: a DICOM-SEG to its series, a NIfTI mask to its voxels."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Shaped
from pydicom import FileDataset

from causalseg.scan.dicom_header import parse_header, without_identity


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
        datasets = [parse_header(header) for header in self.headers]
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

    def to_volume(self, array: Shaped[np.ndarray, "*shape"]) -> Shaped[np.ndarray, "count height width"]:
        """The file's array -> slices as they are shown; volumes in time one after another."""
        turned = np.transpose(array.reshape(*self.shape[:3], -1), (3, *self.axes))
        flipped = np.flip(turned, [axis + 1 for axis, flip in enumerate(self.flips) if flip])
        return flipped.reshape(-1, *flipped.shape[2:])

    def to_file(self, volume: Shaped[np.ndarray, "count height width"]) -> Shaped[np.ndarray, "*shape"]:
        """Slices as they are shown (a mask) -> the file's own voxels: the inverse of `to_volume`."""
        turned_shape = tuple(self.shape[axis] for axis in self.axes)
        turned = np.flip(volume.reshape(-1, *turned_shape), [axis + 1 for axis, flip in enumerate(self.flips) if flip])
        order = np.argsort(self.axes)
        return np.transpose(turned, (*(order + 1), 0)).reshape(self.shape)
