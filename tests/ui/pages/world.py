"""A small model that really answers, a store, versions: what the pages stand on in the tests."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from causalseg.annotations import review
from causalseg.annotations.label_records import Revision
from causalseg.annotations.store import LabelStore
from causalseg.annotations.store.scans import Facts
from causalseg.checkpoints import CheckpointEntry
from causalseg.engine import Engine
from causalseg.models.build import build_network
from causalseg.models.network import with_removal
from causalseg.phantoms import PHANTOMS, make_phantom
from causalseg.scan import Scan
from causalseg.settings import Settings
from causalseg.versions import VersionStore
from tests.test_versions import ENTRY, TINY

SIDE_PX = 96


def small_engine(settings: Settings, entry: CheckpointEntry = ENTRY) -> Engine:
    """Random weights, but a whole engine: it serves what is promoted."""
    torch.manual_seed(0)
    network = with_removal(build_network(TINY)).eval().requires_grad_(requires_grad=False)
    return Engine(network, entry, settings, VersionStore(settings.versions_dir))


def phantom_scan(number: int, side_px: int = SIDE_PX) -> tuple[Scan, np.ndarray, str]:
    """A made-up scan, its mask and what the mask shows."""
    phantom = make_phantom(PHANTOMS[number % len(PHANTOMS)], number, side_px=side_px)
    sha256 = hashlib.sha256(phantom.image_u8.tobytes()).hexdigest()
    return Scan(phantom.image_u8, sha256, "PNG", phantom.modality), phantom.mask, phantom.description


def draw(store: LabelStore, number: int, *, person: str = "ana", shift_px: int = 0, side_px: int = SIDE_PX) -> Revision:
    """A mask of a phantom, in the train part; moved to the right by `shift_px`."""
    scan, mask, description = phantom_scan(number, side_px)
    return store.save(
        scan,
        np.roll(mask, shift_px, axis=1),
        person=person,
        description=description,
        removed=(),
        model="tiny 1",
        facts=Facts(split="train"),
    )


def draw_approved(store: LabelStore, count: int, *, side_px: int = SIDE_PX) -> None:
    """Masks of so many phantoms that may be learnt from."""
    for number in range(count):
        review.approve(store, draw(store, number, side_px=side_px), reviewer="ben")


def folder_of_phantoms(folder: Path, count: int, *, masks: int = 0, first: int = 0) -> Path:
    """So many scans as files, so many of them with their masks."""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for number in range(count):
        scan, mask, _ = phantom_scan(first + number)
        Image.fromarray(scan.image_u8).save(folder / "images" / f"{number}.png")
        if number < masks:
            Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"{number}.png")
    return folder
