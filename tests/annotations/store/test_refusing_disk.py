"""A disk that is full or read-only: a sentence, and the mask is still with the caller, who saves it a moment later."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from causalseg.annotations import LabelStore, queue, review
from causalseg.annotations.store import backup, drafts, statistics
from causalseg.annotations.queue import search, flags
from causalseg.annotations.store.deletion import purge
from causalseg.errors import StoreError
from tests.annotations.samples import make_mask, make_scan, save

DISK_BYTES = 2 * 1024 * 1024


def mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of two megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        os.name != "posix"
        or os.geteuid() != 0
        or not mount("-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", f"{disk}")
    ):
        pytest.skip("needs the right to mount a small file system")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], capture_output=True, check=True)


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """No byte left on the disk."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 1):
            while True:
                try:
                    file.write(b"x" * size)
                except OSError:
                    break
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def without_permission(folder: Path) -> Iterator[None]:
    """Nobody may write in the folder; only for others than root, whom permissions do not hold."""
    everything = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in everything}
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    assert mount("-o", "remount,ro", str(disk))
    try:
        yield
    finally:
        assert mount("-o", "remount,rw", str(disk))


def refuses_and_forgets_nothing(store: LabelStore) -> None:
    """Everything that writes says why it cannot, and what was saved before can be read."""
    (before,) = store.revisions(make_scan().sha256)
    (draft,) = drafts.find(store, "ana")
    mask = make_mask(5)
    for attempt in (
        lambda: drafts.keep(store, make_scan(), mask, person="ana", description="lung"),
        lambda: save(store, 5),
        lambda: flags.flag(store, make_scan().sha256, "ana"),
        lambda: review.approve(store, before, reviewer="ben"),
        lambda: queue.next_scan(store, "ben", queue.Policy(readers=9)),
        lambda: purge(store, person="ana"),
    ):
        with pytest.raises(StoreError, match="may write in it and that the disk is not full, then try again"):
            attempt()

    np.testing.assert_array_equal(mask, make_mask(5))
    assert store.revisions(make_scan().sha256) == [before] and review.of(store, before) == []
    np.testing.assert_array_equal(store.mask(before), make_mask(1))
    np.testing.assert_array_equal(drafts.find(store, "ana")[0].mask, draft.mask)
    assert search.find(store).total == 1 and statistics.count(store).labels == 1


def goes_on(store: LabelStore) -> None:
    """The same calls a moment later."""
    drafts.keep(store, make_scan(), make_mask(5), person="ana", description="lung")
    assert save(store, 5, description="lung").number == 2
    assert drafts.find(store, "ana") == [] and not list(store.folder.rglob("*.part"))


def begun(store: LabelStore) -> LabelStore:
    save(store, 1)
    drafts.keep(store, make_scan(), make_mask(2), person="ana", description="lung")
    return store


def test_full_disk(small_disk: Path) -> None:
    store = begun(LabelStore(small_disk / "labels"))

    with filled(small_disk):
        refuses_and_forgets_nothing(store)

    goes_on(store)


def test_full_disk_before_there_is_a_store(small_disk: Path) -> None:
    store = LabelStore(small_disk / "labels")

    with filled(small_disk), pytest.raises(StoreError, match="the disk is not full"):
        save(store, 1)

    assert save(store, 1).number == 1


def test_read_only_disk(small_disk: Path, tmp_path: Path) -> None:
    store = begun(LabelStore(small_disk / "labels"))

    with read_only(small_disk):
        refuses_and_forgets_nothing(store)
        assert backup.copy_to(store, tmp_path / "copy").events() == store.events()

    goes_on(store)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not hold root")
def test_folder_without_permission(store: LabelStore) -> None:
    begun(store)

    with without_permission(store.folder):
        refuses_and_forgets_nothing(store)

    goes_on(store)
