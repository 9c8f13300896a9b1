"""Bytes of a file -> `Scan`: one file a format, the content decides which, nothing is believed.

read ── small PNG, BMP, WebP ──► file_kinds ─┬── packed  gz, zip, folder ─┐
  └── anything else ── worker ─► file_kinds ─┼── dicom/  ◄── series ──────┘
      (killed after 10 s of silence)         ├── nifti
                                             └── raster  PNG, JPEG, TIFF, BMP, WebP
Scan ── view(index, window) ── display ── window
Scan ── geometry (there and back) ── the square canvas or the network's square
Scan.volume ── original: what an export needs to refer to the file
"""

from causalseg.scan.geometry import Letterbox
from causalseg.scan.original import SourceDicom, SourceNifti
from causalseg.scan.read import read_scan
from causalseg.scan.scan import MODALITIES, Scan, Volume
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
