"""Masks out: one file a format, each a function of plain values; `everything` writes them all from a scan."""

from causalseg.annotations.export.png import mask_from_png, mask_to_png

__all__ = ["mask_from_png", "mask_to_png"]
