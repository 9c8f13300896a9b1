"""Bytes of a file -> `Scan`: one file a format, the content decides which, nothing is believed.

bytes ── read ──┬── raster   PNG, JPEG, TIFF, BMP, WebP ──┐
                └── dicom    codestream, header ──────────┼── window ── Scan
Scan ── geometry (there and back) ── the square canvas or the network's square
"""

from causalseg.scan.geometry import Letterbox
from causalseg.scan.read import read_scan
from causalseg.scan.source import SourceDicom, SourceNifti
from causalseg.scan.types import MODALITIES, Scan, Volume
from causalseg.scan.window import NamedWindow, Window

__all__ = [
    "MODALITIES",
    "Letterbox",
    "NamedWindow",
    "Scan",
    "SourceDicom",
    "SourceNifti",
    "Volume",
    "Window",
    "read_scan",
]
