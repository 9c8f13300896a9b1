"""Made-up scans and masks, and a mask saved with no importance in its other facts."""

import hashlib
from typing import Any

import numpy as np

from causalseg.annotations import LabelStore, Revision
from causalseg.scan import Scan

HW = (12, 17)


def make_scan(seed: int = 0) -> Scan:
    """A made-up scan; its header says more than the store may keep."""
    image_u8 = np.random.default_rng(seed).integers(0, 256, (*HW, 3), dtype=np.uint8)
    sha256 = hashlib.sha256(image_u8.tobytes()).hexdigest()
    return Scan(image_u8, sha256, "DICOM", "ct", (0.5, 0.25), header={"Modality": "CT"})


def make_mask(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(HW) < 0.5


def save(store: LabelStore, seed: int = 0, *, scan: Scan | None = None, **facts: Any) -> Revision:
    """One mask; `facts` are arguments of `LabelStore.save`."""
    usual: dict[str, Any] = {"person": "ana", "description": "lung", "removed": (), "model": "fake"}
    return store.save(scan or make_scan(), make_mask(seed), **{**usual, **facts})


def all_bytes(store: LabelStore) -> bytes:
    """Everything that lies in the store's folder, behind each other."""
    return b"".join(path.read_bytes() for path in sorted(store.folder.rglob("*")) if path.is_file())
