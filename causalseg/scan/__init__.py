"""Bytes of a file -> `Scan`: one file a format, the content decides which, nothing is believed.

read ── small PNG, BMP, WebP ──► decode ──┬── archive  gz, zip ── series ──┐
  └── anything else ── worker ──► decode ─┼── dicom  (pixels, facts, look, header, stack)
      (wire, serve: killed after          ├── nifti
      10 s of silence)                    └── raster  PNG, JPEG, TIFF, BMP, WebP
Scan ── view(index, window) ── look ── window, presets
Scan ── geometry (there and back) ── the square canvas or the network's square
Scan.volume ── source: what an export needs to refer to the original
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
