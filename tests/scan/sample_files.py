"""Small files of every kind, made in memory; nothing here is of a patient."""

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

from causalseg.errors import InputError
from causalseg.scan import Scan, read_scan
from causalseg.scan.file_kinds import decode
from causalseg.scan.request import Request
from causalseg.settings import Settings

WHEEL_DIR = Path(pydicom.__file__).parent / "data" / "test_files"
"""Test files that come inside pydicom's wheel; nothing is downloaded."""


@cache
def read_once(file: Path) -> Scan | InputError:
    """What becomes of a real file, which several tests look at."""
    try:
        return read_scan(file)
    except InputError as refusal:
        return refusal


def read_here(content: bytes, settings: Settings | None = None) -> Scan:
    """Read without a worker."""
    return decode([content], Request("0" * 64, settings or Settings()))


def encode(pixels: np.ndarray | Image.Image, kind: str, **options: Any) -> bytes:
    """A picture file in memory."""
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = BytesIO()
    picture.save(buffer, format=kind, **options)
    return buffer.getvalue()


def make_dicom(stored: np.ndarray | None, *, syntax: UID = ExplicitVRLittleEndian, **fields: Any) -> bytes:
    """A DICOM file in memory: `stored` (height width [3], or count height width [3]) as its pixels, and its header."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["phantom"])
    dataset.SOPClassUID = CTImageStorage
    dataset.Modality = "CT"
    if stored is not None:
        _add_pixels(dataset, stored)
    for keyword, value in fields.items():
        setattr(dataset, keyword, value)
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _add_pixels(dataset: Dataset, stored: np.ndarray) -> None:
    is_colour = stored.ndim > 2 and stored.shape[-1] == 3
    frames_hw = stored.shape[:-1] if is_colour else stored.shape
    dataset.Rows, dataset.Columns = frames_hw[-2:]
    if len(frames_hw) == 3:
        dataset.NumberOfFrames = frames_hw[0]
    dataset.SamplesPerPixel = 3 if is_colour else 1
    dataset.PhotometricInterpretation = "RGB" if is_colour else "MONOCHROME2"
    if is_colour:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = 8 * stored.dtype.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.PixelData = stored.tobytes() + b"\x00" * (stored.nbytes % 2)


def item(**fields: Any) -> Dataset:
    """One item of a DICOM sequence."""
    dataset = Dataset()
    for keyword, value in fields.items():
        setattr(dataset, keyword, value)
    return dataset
