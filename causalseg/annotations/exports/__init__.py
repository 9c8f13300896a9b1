"""Masks out: one file a format, each a function of plain values; `export_all` writes every format of a scan.

Scan + masks ── all_formats ──┬── png        own size, 0 and 255
                              ├── nifti      the source's own voxels, or pixel sizes alone
                              ├── dicom_seg  refers to the source's images (dicom_header, terms)
                              ├── coco       run lengths in JSON
                              └── bundle     all of it, and where the mask came from
LabelStore ──┬── corrections   a person's slices over the model's
             └── dataset       a folder to train on
"""

from causalseg.annotations.exports.bundle import Exported, Provenance
from causalseg.annotations.exports.formats import FORMATS, export_all, export_as
from causalseg.annotations.exports.png import mask_from_png, mask_to_png

__all__ = ["FORMATS", "Exported", "Provenance", "export_all", "export_as", "mask_from_png", "mask_to_png"]
