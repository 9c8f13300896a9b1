"""What people drew, who drew it, and on what."""

from causalseg.annotations.export import mask_from_png, mask_to_png
from causalseg.annotations.registry import Facts
from causalseg.annotations.store import LabelStore, dice
from causalseg.annotations.types import Revision, StoredScan

__all__ = ["Facts", "LabelStore", "Revision", "StoredScan", "dice", "mask_from_png", "mask_to_png"]
