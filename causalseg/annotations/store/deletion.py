"""Deleting hides at once and for everybody; purging then really removes, from the database and from the disk."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from causalseg.annotations.store import event_log, patient_split
from causalseg.annotations.store.database import OF_REVISION, now
from causalseg.annotations.store.content_files import sweep
from causalseg.annotations.store.scans import NOT_HERE, signed
from causalseg.annotations.store.work_state import settle
from causalseg.annotations.store import LabelStore
from causalseg.annotations.label_records import Revision
from causalseg.errors import StoreError

OnProgress = Callable[[int, int], object]

_STEPS = 3
_OF_A_PICTURE = (
    *("events", "turns", "signals", "statements", "work", "reviews", "flags"),
    *("drafts", "deletions", "revisions", "thumbnails", "items"),
)
"""Tables with rows of a picture; those that others point at come last."""


@dataclass(frozen=True, slots=True)
class Purged:
    """How much is gone for ever."""

    scans: int
    labels: int
    files: int
    """Pictures, masks, and what crashes left half-written."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What goes with a scan that is deleted."""

    pictures: int
    labels: int
    people: int
    """Who drew them."""
    drafts: int


def goes_with(store: LabelStore, scan_sha256: str) -> Hidden:
    """What deleting a scan would hide; to be said before it is done.

    Raises:
        StoreError: the store does not have it.
    """
    if store.scan(scan_sha256) is None:
        raise StoreError(NOT_HERE)
    query = """
        SELECT (SELECT COUNT(*) FROM items WHERE scan_sha256 = ?1) AS pictures, COUNT(*) AS labels,
               COUNT(DISTINCT person) AS people, (SELECT COUNT(*) FROM drafts WHERE scan_sha256 = ?1) AS drafts
        FROM labels WHERE scan_sha256 = ?1
    """
    return store.database.records(Hidden, query, (scan_sha256,))[0]


def waiting(store: LabelStore) -> Purged:
    """What is deleted and would go for ever with a purge; files are not counted."""
    # A purge keeps the numbers of deleted masks, so that none is given again: hence the join.
    query = """
        SELECT (SELECT COUNT(*) FROM scans WHERE deleted_at IS NOT NULL) AS scans, COUNT(*) AS labels, 0 AS files
        FROM deletions JOIN revisions USING (scan_sha256, "index", person, number)
    """
    return store.database.records(Purged, query)[0]


def delete_revision(store: LabelStore, revision: Revision, *, person: str) -> None:
    """Hide one mask; the one before it is its author's newest again. Its number is never given again."""
    name = signed(person)
    place = (revision.scan_sha256, revision.index, revision.person)
    with store.database.writing() as connection:
        hidden = connection.execute(
            "INSERT OR IGNORE INTO deletions "
            'SELECT scan_sha256, "index", person, number, ?, ? FROM revisions '
            f"WHERE {OF_REVISION}",
            (name, now(), *place, revision.number),
        )
        if hidden.rowcount:
            settle(connection, place)
            event_log.record(connection, name, "deleted_label", *place[:2], of=revision.person, number=revision.number)


def delete_scan(store: LabelStore, scan_sha256: str, *, person: str) -> None:
    """Hide a scan and everything drawn on it by everybody; adding it again brings back the scan alone."""
    name = signed(person)
    with store.database.writing() as connection:
        hidden = connection.execute(
            "UPDATE scans SET deleted_at = ? WHERE sha256 = ? AND deleted_at IS NULL", (now(), scan_sha256)
        )
        if not hidden.rowcount:
            raise StoreError(NOT_HERE)
        connection.execute(
            'INSERT OR IGNORE INTO deletions SELECT scan_sha256, "index", person, number, ?, ? FROM revisions '
            "WHERE scan_sha256 = ?",
            (name, now(), scan_sha256),
        )
        for table in ("drafts", "flags", "work", "turns"):
            connection.execute(f"DELETE FROM {table} WHERE scan_sha256 = ?", (scan_sha256,))
        event_log.record(connection, name, "deleted_scan", scan_sha256)


def purge(
    store: LabelStore, *, person: str, on_progress: OnProgress | None = None, patience_seconds: float = 10.0
) -> Purged:
    """Remove for ever what is deleted: rows, events, files that nothing else names; then overwrite the free space.

    What stays of it: one event with the three counts, the number of each deleted mask of a scan that is still there,
    and the salted key of a patient whose part of the split was not the drawn one. Copies of the store elsewhere are
    not reached. A purge that is killed half-way is finished by the next one.

    Args:
        store: what to clean.
        person: who does it.
        on_progress: told (done, total); may raise `Cancelled` before anything is removed.
        patience_seconds: how long to wait for readers of the journal.
    """
    name, tell = signed(person), on_progress or (lambda done, total: None)
    if not store.database.path.exists():
        return Purged(0, 0, 0)
    tell(0, _STEPS)
    with store.database.writing() as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("INSERT INTO purging VALUES ('deleted')")
        scans, labels = _forget_scans(connection)
        labels += _forget_labels(connection)
        _forget_patients(connection)
        connection.execute("DELETE FROM purging")
        tell(1, _STEPS)
        images, masks = _named_files(connection)
        _forget_pictures(connection, images)
        files = sweep(store.images, images) + sweep(store.masks, masks)
        event_log.record(connection, name, "purged", scans=scans, labels=labels, files=files)
    tell(2, _STEPS)
    _overwrite_free_space(store, patience_seconds)
    tell(_STEPS, _STEPS)
    return Purged(scans, labels, files)


def _forget_scans(connection: sqlite3.Connection) -> tuple[int, int]:
    """Remove what is known of deleted scans, their events too; how many scans and labels that were."""
    gone = "SELECT sha256 FROM scans WHERE deleted_at IS NOT NULL"
    labels = 0
    for table in _OF_A_PICTURE:
        removed = connection.execute(f"DELETE FROM {table} WHERE scan_sha256 IN ({gone})").rowcount
        labels += removed if table == "revisions" else 0
    return connection.execute("DELETE FROM scans WHERE deleted_at IS NOT NULL").rowcount, labels


def _forget_labels(connection: sqlite3.Connection) -> int:
    """Remove the deleted masks of scans that stay, and what was said of them; how many."""
    for table in ("reviews", "revisions"):
        removed = connection.execute(
            f'DELETE FROM {table} WHERE (scan_sha256, "index", person, number) IN '
            '(SELECT scan_sha256, "index", person, number FROM deletions)'
        )
    return removed.rowcount


def _forget_patients(connection: sqlite3.Connection) -> None:
    """Remove the keys of patients without a scan, where the hash would draw the same part again."""
    alone = connection.execute(
        "SELECT patient_key, split FROM patients WHERE patient_key NOT IN (SELECT patient_key FROM scans)"
    ).fetchall()
    drawn = [(key,) for key, part in alone if patient_split.draw(key) == part]
    connection.executemany("DELETE FROM patients WHERE patient_key = ?", drawn)


def _forget_pictures(connection: sqlite3.Connection, named: set[str]) -> None:
    """Remove the names of pictures whose files go."""
    known = connection.execute("SELECT image_sha256 FROM pictures").fetchall()
    connection.executemany("DELETE FROM pictures WHERE image_sha256 = ?", [one for one in known if one[0] not in named])


def _named_files(connection: sqlite3.Connection) -> tuple[set[str], set[str]]:
    """Pictures and masks that some row still needs."""
    images = connection.execute(
        "SELECT image_sha256 FROM items UNION SELECT image_sha256 FROM revisions UNION SELECT image_sha256 FROM drafts"
    )
    masks = connection.execute("SELECT mask_sha256 FROM revisions")
    return {name for (name,) in images}, {name for (name,) in masks}


def _overwrite_free_space(store: LabelStore, patience_seconds: float) -> None:
    """Rewrite the database without its free pages, and empty the journal, which may hold old pages too."""
    with store.database.explained("written"), store.database.connection() as connection:
        connection.execute("VACUUM")
        connection.execute(f"PRAGMA busy_timeout = {round(1000 * patience_seconds)}")
        is_busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if is_busy:
        raise StoreError(
            "What was deleted is gone from the label store, but somebody is reading it, so that its journal could not "
            "be emptied. Purge again in a moment."
        )
