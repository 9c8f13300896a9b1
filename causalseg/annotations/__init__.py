"""What people drew, who drew it, and on what; docs/store.md tells it with examples.

label_records   the rows, as frozen dataclasses
store     labels, drafts, deletion, backup          queue     who gets what next; lists
review    approve, send back; agreement             exports   masks going out, one file a format
imports   a folder of scans and masks coming in
Every function that takes a `LabelStore` raises `StoreError` where the disk refuses, a file is gone or damaged, or the
store does not have the scan or mask (any more); and `BadCorrection` where a person has to sign and nobody did.
"""

from causalseg.annotations.exports import mask_from_png, mask_to_png
from causalseg.annotations.label_records import Revision, StoredScan
from causalseg.annotations.store import LabelStore, dice
from causalseg.annotations.store.scans import Facts

__all__ = ["Facts", "LabelStore", "Revision", "StoredScan", "dice", "mask_from_png", "mask_to_png"]
