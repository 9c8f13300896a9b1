"""What people drew, who drew it, and on what."""

from causalseg.annotations.export import mask_from_png, mask_to_png
from causalseg.annotations.store import LabelStore, Revision, StoredScan, dice

__all__ = ["LabelStore", "Revision", "StoredScan", "dice", "mask_from_png", "mask_to_png"]
