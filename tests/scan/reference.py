"""What pydicom's own pipeline makes of a file: decode, modality LUT, VOI."""

from pathlib import Path

import numpy as np
import pydicom
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_windowing
from pydicom.pixels.utils import pixel_array


def pydicom_values(file: Path) -> np.ndarray:
    """(count, height, width[, 3]), in the order of the file's frames; colours as their highest 8 bits."""
    dataset = pydicom.dcmread(file, force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    stored = pixel_array(dataset)
    frames = stored if int(dataset.get("NumberOfFrames") or 1) > 1 else stored[None]
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        colours = apply_color_lut(frames, dataset)
        return (colours >> (8 * (colours.itemsize - 1))).astype(np.uint8)
    if frames.ndim == 4:
        return (frames >> max(0, dataset.BitsStored - 8)).astype(np.uint8)
    return apply_modality_lut(frames, dataset)


def pydicom_greys(file: Path, values: np.ndarray) -> np.ndarray | None:
    """The 256 greys of `values` through the file's first window; None where it has none, or a VOI LUT."""
    dataset = pydicom.dcmread(file, force=True)
    if "VOILUTSequence" in dataset or not dataset.get("WindowWidth"):
        return None
    windowed = apply_windowing(values.astype(np.float64), dataset, index=0)
    bits, is_signed = int(dataset.BitsStored), bool(dataset.PixelRepresentation)
    ends = np.array([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] if is_signed else [0, 2**bits - 1], dtype=float)
    if "RescaleSlope" in dataset:
        ends = ends * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    greys = 255 * (windowed - ends[0]) / (ends[1] - ends[0])
    return 255 - greys if dataset.PhotometricInterpretation == "MONOCHROME1" else greys
