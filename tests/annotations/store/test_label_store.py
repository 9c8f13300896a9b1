import hashlib
import multiprocessing
import resource
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from causalseg.annotations import LabelStore, dice, review
from causalseg.annotations.store import deletion
from causalseg.annotations.review import confounder_statements
from causalseg.annotations.queue import flags
from causalseg.errors import BadCorrection, StoreError
from tests.annotations.samples import HW, make_mask, make_scan, save


def test_provenance_comes_back_as_it_was_saved(store: LabelStore) -> None:
    scan, mask, proposed = make_scan(), make_mask(1), make_mask(2)
    before = datetime.now(UTC)

    revision = store.save(
        scan,
        mask,
        person=" ana ",
        description="left lung, größer",
        removed=["hair", "ruler"],
        model="causalseg-lite",
        parent_sha256="f" * 64,
        proposed=proposed,
        seconds_spent=12.5,
    )

    assert (revision.scan_sha256, revision.person, revision.number) == (scan.sha256, "ana", 1)
    assert (revision.description, revision.removed) == ("left lung, größer", ("hair", "ruler"))
    assert (revision.model, revision.parent_sha256, revision.seconds_spent) == ("causalseg-lite", "f" * 64, 12.5)
    assert revision.dice_to_proposed == pytest.approx(2 * (mask & proposed).sum() / (mask.sum() + proposed.sum()))
    assert before <= revision.saved_at <= before + timedelta(minutes=10)
    assert LabelStore(store.folder).revisions(scan.sha256) == [revision]
    np.testing.assert_array_equal(store.mask(revision), mask)
    np.testing.assert_array_equal(store.image_u8(revision), scan.image_u8)


def test_revisions_count_up_for_each_person_on_each_scan_and_older_masks_stay(store: LabelStore) -> None:
    other = make_scan(5)
    anas = [save(store, seed) for seed in range(3)]
    bens = save(store, 7, person="ben")
    elsewhere = save(store, 8, scan=other)

    assert [revision.number for revision in anas] == [1, 2, 3]
    assert (bens.number, elsewhere.number) == (1, 1)
    for seed, revision in enumerate(anas):
        np.testing.assert_array_equal(store.mask(revision), make_mask(seed))
    sha256 = make_scan().sha256
    assert store.revisions(sha256) == [*anas, bens]
    assert store.revisions(sha256, "ana") == anas
    assert store.latest(sha256, "ana") == anas[-1]
    assert store.latest(sha256, "nobody") is None
    assert [stored.sha256 for stored in store.scans()] == [sha256, other.sha256]


def test_scan_is_kept_as_its_pixels_only(store: LabelStore) -> None:
    revision = save(store)

    (stored,) = store.scans()
    assert (stored.height_px, stored.width_px, stored.format, stored.modality) == (*HW, "DICOM", "ct")
    assert stored.spacing_mm == (0.5, 0.25)
    files = [path for path in store.folder.rglob("*") if path.is_file() and not path.name.startswith("labels.sqlite")]
    assert len(files) == 2
    assert {path.suffix for path in files} == {".png"}
    assert {path.stem for path in files} == {revision.image_sha256, revision.mask_sha256}
    for path in files:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
        with Image.open(path) as picture:
            assert picture.info == {}


def test_slices_of_one_file_are_pictures_of_their_own(store: LabelStore) -> None:
    scan = make_scan()
    middle, top = replace(scan, image_u8=scan.image_u8[::-1].copy()), scan

    first, second = save(store, 1, scan=replace(middle, index=4)), save(store, 2, scan=top, index=9)

    assert (first.number, second.number) == (1, 1) and len(store.scans()) == 1
    assert store.revisions(scan.sha256) == [first, second]
    assert store.revisions(scan.sha256, index=9) == [second] and store.latest(scan.sha256, "ana", 4) == first
    assert store.latest(scan.sha256, "ana") is None
    np.testing.assert_array_equal(store.image_u8(first), middle.image_u8)


def test_added_picture_can_be_opened_again_without_its_file(store: LabelStore) -> None:
    scan = make_scan()

    stored = store.add(scan, person="ana", index=2)
    again = store.reopened(scan.sha256, 2)

    assert store.scans() == [stored] == [store.add(scan, person="ben", index=2)]
    np.testing.assert_array_equal(again.image_u8, scan.image_u8)
    assert (again.sha256, again.format, again.modality, again.spacing_mm) == (scan.sha256, "DICOM", "ct", (0.5, 0.25))
    assert store.revisions(scan.sha256) == []
    with pytest.raises(StoreError, match="does not have this scan"):
        store.reopened(scan.sha256, 3)


def test_picture_that_got_lost_is_written_again(store: LabelStore) -> None:
    revision = save(store)
    next(store.images.rglob("*.png")).unlink()

    save(store, 1)

    np.testing.assert_array_equal(store.image_u8(revision), make_scan().image_u8)


def test_thumbnail_is_small_and_says_nothing_but_pixels(store: LabelStore) -> None:
    large = replace(make_scan(), image_u8=np.zeros((300, 600, 3), dtype=np.uint8))
    store.add(large, person="ana")

    content = store.thumbnail_jpeg(large.sha256)

    assert content is not None and store.thumbnail_jpeg(large.sha256, 1) is None
    with Image.open(BytesIO(content)) as picture:
        assert picture.size == (128, 64) and set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_log_tells_who_did_what_and_nothing_of_what_is_seen(store: LabelStore) -> None:
    scan = make_scan()
    save(store, description="secret words")
    flags.flag(store, scan.sha256, "ben", "more secret words")

    log = store.events(scan.sha256)

    assert [(event.person, event.kind) for event in log] == [("ana", "added"), ("ana", "saved"), ("ben", "flagged")]
    assert log[1].detail == {"number": 1} and log == store.events()
    assert [event.number for event in log] == [1, 2, 3] and "secret" not in str(log)


def test_same_content_is_one_file(store: LabelStore) -> None:
    first, second = save(store, 1), save(store, 1)

    assert first.mask_sha256 == second.mask_sha256 and (first.number, second.number) == (1, 2)
    assert len(list(store.folder.rglob("*.png"))) == 2


def test_store_that_is_not_there_is_empty_and_is_not_made_by_looking(store: LabelStore) -> None:
    assert store.scans() == [] and store.revisions("0" * 64) == [] and store.latest("0" * 64, "ana") is None
    assert not store.folder.exists()


def test_journal_is_wal(store: LabelStore) -> None:
    save(store)

    database = sqlite3.connect(store.folder / "labels.sqlite")
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()


@pytest.mark.parametrize("table", ["revisions", "reviews", "statements", "events", "deletions"])
@pytest.mark.parametrize("command", ["UPDATE {} SET person = 'eve'", "DELETE FROM {}"])
def test_rows_cannot_be_changed_or_removed_even_by_hand(store: LabelStore, table: str, command: str) -> None:
    kept, hidden = save(store), save(store, 1)
    review.approve(store, kept, reviewer="ben")
    confounder_statements.say(store, kept.scan_sha256, {"hair": True}, person="ana")
    deletion.delete_revision(store, hidden, person="ana")
    database = sqlite3.connect(store.folder / "labels.sqlite")

    with pytest.raises(sqlite3.IntegrityError, match="never"):
        database.execute(command.format(table))

    database.close()
    assert store.revisions(kept.scan_sha256) == [kept]


@pytest.mark.parametrize("hw", [(17, 12), (12, 16)])
def test_mask_of_another_size_is_refused_and_nothing_is_kept(store: LabelStore, hw: tuple[int, int]) -> None:
    with pytest.raises(BadCorrection, match="the scan has 12 x 17 px"):
        store.save(make_scan(), np.zeros(hw, dtype=bool), person="ana", description="", removed=(), model="fake")

    assert not store.folder.exists()


@pytest.mark.parametrize("person", ["", "   ", "x" * 101])
def test_mask_that_nobody_signs_is_refused(store: LabelStore, person: str) -> None:
    with pytest.raises(BadCorrection, match="Type your name"):
        save(store, person=person)

    assert not store.folder.exists()


def test_arguments_are_not_changed(store: LabelStore) -> None:
    mask, removed = make_mask(0), ["hair"]
    scan = make_scan()

    store.save(scan, mask, person="ana", description="", removed=removed, model="fake", proposed=mask)

    np.testing.assert_array_equal(mask, make_mask(0))
    np.testing.assert_array_equal(scan.image_u8, make_scan().image_u8)
    assert removed == ["hair"]


def test_dice_is_the_one_known_on_paper() -> None:
    nothing, one, two = (np.array([[0, 0, 0]]) > 0, np.array([[1, 0, 0]]) > 0, np.array([[1, 1, 0]]) > 0)

    assert dice(nothing, nothing) == 1 and dice(nothing, one) == 0 and dice(one, one) == 1
    assert dice(one, two) == pytest.approx(2 / 3)


def numbers_saved_in(folder: Path, count: int) -> list[int]:
    """In a process of its own."""
    return [save(LabelStore(folder), seed).number for seed in range(count)]


def test_threads_never_share_a_number(store: LabelStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        revisions = list(pool.map(lambda seed: save(store, seed), range(24)))

    assert sorted(revision.number for revision in revisions) == list(range(1, 25))
    assert len(store.revisions(make_scan().sha256)) == 24
    for seed, revision in enumerate(revisions):
        np.testing.assert_array_equal(store.mask(revision), make_mask(seed))


def test_processes_never_share_a_number_from_the_first_moment_on(store: LabelStore) -> None:
    """All of them make the store at once."""
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(4, mp_context=context) as pool:
        numbers = [
            number
            for job in [pool.submit(numbers_saved_in, store.folder, 5) for _ in range(4)]
            for number in job.result()
        ]

    assert sorted(numbers) == list(range(1, 21))


def test_damaged_mask_is_noticed_and_saving_it_again_mends_it(store: LabelStore) -> None:
    revision = save(store, 1)
    (path,) = (store.folder / "masks").rglob("*.png")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))

    with pytest.raises(StoreError, match="is damaged"):
        store.mask(revision)

    save(store, 1)
    np.testing.assert_array_equal(store.mask(revision), make_mask(1))


def test_lost_mask_is_an_error_that_says_what_to_do(store: LabelStore) -> None:
    revision = save(store, 1)
    next((store.folder / "masks").rglob("*.png")).unlink()

    with pytest.raises(StoreError, match="Check that the folder is there"):
        store.mask(revision)


def in_the_way_of_the_folder(folder: Path) -> None:
    folder.write_text("a file where the folder should be")


def in_the_way_of_the_database(folder: Path) -> None:
    (folder / "labels.sqlite").mkdir(parents=True)


def not_a_database(folder: Path) -> None:
    folder.mkdir()
    (folder / "labels.sqlite").write_bytes(b"something else" * 100)


@pytest.mark.parametrize("spoil", [in_the_way_of_the_folder, in_the_way_of_the_database, not_a_database])
def test_disk_that_refuses_is_an_error_that_says_what_to_do(store: LabelStore, spoil: Callable[[Path], None]) -> None:
    spoil(store.folder)

    with pytest.raises(StoreError, match=r"cannot be (written|read) .* try again: what was saved before is kept"):
        save(store)


def test_store_of_a_newer_version_is_left_alone(store: LabelStore) -> None:
    save(store)
    database = sqlite3.connect(store.folder / "labels.sqlite")
    database.execute("PRAGMA user_version = 99")
    database.close()

    with pytest.raises(StoreError, match="made by a newer causalseg"):
        save(store)
    with pytest.raises(StoreError, match="made by a newer causalseg"):
        store.scans()


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond 100 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_full_disk_loses_nothing_that_was_saved(store: LabelStore) -> None:
    revision = save(store, 1)

    with full_disk(), pytest.raises(StoreError, match="disk is not full"):
        save(store, 2)

    assert store.revisions(revision.scan_sha256) == [revision]
    np.testing.assert_array_equal(store.mask(revision), make_mask(1))
    assert not list(store.folder.rglob("*.part"))
