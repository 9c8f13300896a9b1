import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest

from causalseg.annotations import Facts, LabelStore, queue, review
from causalseg.annotations.store import drafts
from causalseg.annotations.queue import picture_signals, flags
from causalseg.annotations.review import confounder_statements
from causalseg.annotations.store.deletion import Hidden, Purged, delete_revision, delete_scan, goes_with, purge, waiting
from causalseg.annotations.label_records import Signal
from causalseg.errors import Cancelled, StoreError
from tests.annotations.samples import all_bytes, make_mask, make_scan, save

SECRET = "a description that is to go"


def files(store: LabelStore) -> set[str]:
    return {path.name for path in store.folder.rglob("*.p*") if path.is_file()}


def touch_everything(store: LabelStore, seed: int) -> str:
    """A row of every kind on one scan; its sha256."""
    scan = make_scan(seed)
    facts = Facts(patient=f"Jane Roe {seed}", source=f"/somewhere/{SECRET}")
    revision = save(store, 10 + seed, scan=scan, description=SECRET, facts=facts)
    review.send_back(store, revision, reviewer="ben", note=SECRET)
    drafts.keep(store, scan, make_mask(20 + seed), person="ana", description=SECRET)
    confounder_statements.say(store, scan.sha256, {SECRET: True}, person="ana")
    flags.flag(store, scan.sha256, "cleo", SECRET)
    picture_signals.put(store, {(scan.sha256, 0): Signal(0.1, 0.1, np.ones(3, np.float32))}, model=SECRET)
    queue.next_scan(store, "dan", queue.Policy(readers=9))
    delete_revision(store, save(store, 30 + seed, scan=scan, description=SECRET), person="ana")
    return scan.sha256


def test_deleted_mask_is_hidden_and_the_one_before_it_counts(store: LabelStore) -> None:
    first, second = save(store, 1), save(store, 2)

    delete_revision(store, second, person="ben")
    delete_revision(store, second, person="ben")

    assert store.revisions(first.scan_sha256) == [first] == [store.latest(first.scan_sha256, "ana")]
    log = [event for event in store.events() if event.kind == "deleted_label"]
    assert [(event.person, event.detail) for event in log] == [("ben", {"of": "ana", "number": 2})]


@pytest.mark.parametrize("purged", [False, True])
def test_number_of_a_deleted_mask_is_never_given_again(store: LabelStore, purged: bool) -> None:
    save(store, 1)
    delete_revision(store, save(store, 2), person="ana")
    if purged:
        purge(store, person="ana")

    assert save(store, 3).number == 3


def test_deleted_scan_is_gone_from_every_list_and_back_without_its_masks(store: LabelStore) -> None:
    sha256 = touch_everything(store, 0)
    split = store.split_of(sha256)

    delete_scan(store, sha256, person="ana")

    assert store.scans() == [] and store.scan(sha256) is None and store.revisions(sha256) == []
    assert drafts.find(store, "ana") == [] and store.work_of(sha256, "cleo").state == "not_started"
    with pytest.raises(StoreError, match="does not have this scan"):
        store.reopened(sha256)
    with pytest.raises(StoreError, match="does not have this scan"):
        delete_scan(store, sha256, person="ana")

    revision = save(store, scan=make_scan(0))
    assert revision.number == 3 and store.revisions(sha256) == [revision] and store.split_of(sha256) == split


def test_purge_really_deletes(store: LabelStore) -> None:
    """Not one byte of a description, of a mask, of a picture or of the scan's name stays in the folder."""
    sha256 = touch_everything(store, 0)
    masks = [path.read_bytes() for path in store.masks.rglob("*.png")]
    pictures = [path.read_bytes() for path in store.images.rglob("*.png")]
    assert SECRET.encode() in all_bytes(store) and len(masks) == 2 and len(pictures) == 1
    delete_scan(store, sha256, person="ana")
    assert SECRET.encode() in all_bytes(store)

    purged = purge(store, person="ana")

    left = all_bytes(store)
    assert purged == Purged(scans=1, labels=2, files=3) and files(store) == set()
    for gone in (SECRET.encode(), sha256.encode(), b"Jane Roe", *masks, *pictures, *[one[:200] for one in pictures]):
        assert gone not in left
    for (table,) in store.database.rows("SELECT name FROM sqlite_master WHERE type = 'table'"):
        rows = store.database.rows(f"SELECT COUNT(*) FROM {table}")
        assert rows == [(int(table in ("facts", "events", "sqlite_sequence")),)], table


def test_purge_writes_an_event_without_content(store: LabelStore) -> None:
    delete_scan(store, touch_everything(store, 0), person="ana")

    purge(store, person="ben")

    (event,) = store.events()
    assert (event.person, event.kind, event.scan_sha256) == ("ben", "purged", None)
    assert event.detail == {"scans": 1, "labels": 2, "files": 3}


def test_purge_leaves_the_rest_alone(store: LabelStore) -> None:
    """The other scan shares a mask with the one that goes."""
    kept, shared = save(store, 1), save(store, 10, scan=make_scan(1))
    before = store.events(kept.scan_sha256)
    gone = save(store, 10, scan=make_scan(2))
    hidden = save(store, 4)
    delete_revision(store, hidden, person="ana")
    delete_scan(store, gone.scan_sha256, person="ana")

    assert purge(store, person="ana") == Purged(scans=1, labels=2, files=2)

    assert gone.mask_sha256 == shared.mask_sha256
    np.testing.assert_array_equal(store.mask(shared), make_mask(10))
    np.testing.assert_array_equal(store.mask(kept), make_mask(1))
    assert store.revisions(kept.scan_sha256) == [kept] and store.events(kept.scan_sha256)[:2] == before
    assert store.database.rows("PRAGMA foreign_key_check") == [] and purge(store, person="ana") == Purged(0, 0, 0)


def test_purge_clears_what_a_crash_left(store: LabelStore) -> None:
    revision = save(store)
    (mask,) = store.masks.rglob("*.png")
    (mask.parent / ".abc.part").write_bytes(b"half")
    (mask.parent / f"{'e' * 64}.png").write_bytes(b"named by nobody")

    assert purge(store, person="ana") == Purged(0, 0, 2)

    np.testing.assert_array_equal(store.mask(revision), make_mask(0))


def test_drafts_that_were_replaced_leave_nothing_after_a_purge(store: LabelStore) -> None:
    drafts.discard(store, drafts.keep(store, make_scan(), make_mask(1), person="ana", description=SECRET))

    purge(store, person="ana")

    assert SECRET.encode() not in all_bytes(store)


def test_rows_are_locked_again_after_a_purge(store: LabelStore) -> None:
    save(store)
    purge(store, person="ana")

    with closing(sqlite3.connect(store.database.path)) as database, pytest.raises(sqlite3.IntegrityError):
        database.execute("DELETE FROM revisions")


def test_purge_tells_how_far_it_is_and_can_be_stopped(store: LabelStore) -> None:
    sha256 = touch_everything(store, 0)
    delete_scan(store, sha256, person="ana")

    def stop(done: int, total: int) -> None:
        if done == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        purge(store, person="ana", on_progress=stop)
    assert SECRET.encode() in all_bytes(store) and len(files(store)) == 3

    steps: list[tuple[int, int]] = []
    assert purge(store, person="ana", on_progress=lambda done, total: steps.append((done, total))).scans == 1
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_purge_of_a_store_that_is_not_there_makes_none(store: LabelStore) -> None:
    assert purge(store, person="ana") == Purged(0, 0, 0)
    assert not store.folder.exists()


def test_reader_in_the_way_is_said_in_words(store: LabelStore) -> None:
    delete_scan(store, touch_everything(store, 0), person="ana")

    with store.database.reading() as reader:
        reader.execute("SELECT COUNT(*) FROM revisions").fetchone()
        with pytest.raises(StoreError, match="Purge again in a moment"):
            purge(store, person="ana", patience_seconds=0.1)

    assert purge(store, person="ana") == Purged(0, 0, 0) and SECRET.encode() not in all_bytes(store)


def test_purge_while_others_save_takes_nothing_of_theirs(store: LabelStore) -> None:
    """They save the very masks that it removes."""
    for seed in range(6):
        delete_revision(store, save(store, seed), person="ana")
    with ThreadPoolExecutor(3) as pool:
        saving = [pool.submit(save, store, seed, person="ben") for seed in range(6)]
        purging = [pool.submit(purge, store, person="ana") for _ in range(2)]
        revisions = [job.result() for job in saving]

    assert sum(job.result().labels for job in purging) == 6
    for seed, revision in enumerate(revisions):
        np.testing.assert_array_equal(store.mask(revision), make_mask(seed))


def test_free_pages_of_the_database_are_overwritten(store: LabelStore) -> None:
    """As a SQLite leaves them that does not wipe what it deletes, which many do not."""
    save(store)
    with closing(sqlite3.connect(store.database.path)) as database:
        database.execute("PRAGMA secure_delete = OFF")
        database.execute("CREATE TABLE gone (words TEXT)")
        database.executemany("INSERT INTO gone VALUES (?)", [(SECRET,)] * 1000)
        database.commit()
        database.execute("DROP TABLE gone")
        database.commit()
    assert SECRET.encode() in all_bytes(store)

    purge(store, person="ana")

    assert SECRET.encode() not in all_bytes(store)


def test_purge_that_was_killed_after_the_files_went_is_finished_by_the_next(store: LabelStore) -> None:
    sha256 = touch_everything(store, 0)
    delete_scan(store, sha256, person="ana")
    for path in store.folder.rglob("*.png"):
        path.unlink()

    assert purge(store, person="ana") == Purged(scans=1, labels=2, files=0)
    assert SECRET.encode() not in all_bytes(store)


def test_what_deleting_hides_is_told_before_and_what_is_hidden_waits_for_the_purge(store: LabelStore) -> None:
    scan = make_scan(1)
    for person in ("ana", "ben", "ben"):
        save(store, 1, scan=scan, person=person)
    drafts.keep(store, scan, make_mask(2), person="ana", description="kidney")
    delete_revision(store, save(store, 2, scan=make_scan(2)), person="ana")

    assert goes_with(store, scan.sha256) == Hidden(pictures=1, labels=3, people=2, drafts=1)
    assert waiting(store) == Purged(0, 1, 0)

    delete_scan(store, scan.sha256, person="ana")
    assert waiting(store) == Purged(1, 4, 0)
    with pytest.raises(StoreError, match="does not have this scan"):
        goes_with(store, scan.sha256)

    purge(store, person="ana")
    assert waiting(store) == Purged(0, 0, 0)
