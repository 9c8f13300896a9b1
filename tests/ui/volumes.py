"""A made-up file of several frames whose masks can be worked out with a pencil."""

import hashlib
from pathlib import Path

import numpy as np
from jaxtyping import Int16
from nibabel.nifti1 import Nifti1Image

from tests.scan.sample_files import make_dicom

COUNT, HEIGHT_PX, WIDTH_PX = 5, 90, 120
CENTER, WIDTH = 100.0, 400.0
"""The file's own window."""


def growing_disc() -> Int16[np.ndarray, "count height width"]:
    """A bright disc that grows from frame to frame; values as of a CT."""
    rows, columns = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
    away_px = np.hypot(rows - 45, columns - 50)
    frames = [np.where(away_px < 10 + 5 * frame, 280, -60) for frame in range(COUNT)]
    return np.stack(frames).astype(np.int16)


def write_frames(folder: Path) -> Path:
    """One file of several frames."""
    path = folder / "Meier_Anna_frames.dcm"
    fields = {"PixelSpacing": [0.5, 0.5], "WindowCenter": CENTER, "WindowWidth": WIDTH}
    path.write_bytes(make_dicom(growing_disc(), **fields))
    return path


def write_series(folder: Path) -> list[Path]:
    """The same as a series of files, whose names say nothing of their order."""
    paths = []
    for place, values in enumerate(growing_disc()):
        path = folder / f"{'dbeca'[place]}.dcm"
        fields = {
            "SOPInstanceUID": f"1.2.3.4.{place}",
            "SeriesInstanceUID": "1.2.3",
            "StudyInstanceUID": "1.2",
            "FrameOfReferenceUID": "1.2.5",
            "InstanceNumber": place + 1,
            "PixelSpacing": [0.5, 0.5],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "ImagePositionPatient": [0, 0, 2.0 * place],
            "WindowCenter": CENTER,
            "WindowWidth": WIDTH,
        }
        path.write_bytes(make_dicom(values, **fields))
        paths.append(path)
    return paths


def write_nifti(folder: Path) -> Path:
    """The same as a NIfTI volume, slices 2 mm apart; another file, hence another scan, in every folder."""
    path = folder / "Meier_Anna_volume.nii.gz"
    image = Nifti1Image(growing_disc().T, np.diag([0.5, 0.5, 2.0, 1.0]))
    image.header["descrip"] = hashlib.sha256(str(folder).encode()).hexdigest()
    image.to_filename(path)
    return path
