"""A second pair of eyes: approve a mask or send it back. What was said stays; the newest word counts."""

from datetime import datetime

from causalseg.annotations.records import Review, Revision, Split, Verdict, by_name, columns, names
from causalseg.annotations.store.database import Value, now
from causalseg.annotations.store.label_store import LabelStore, event_log, revision_from_row
from causalseg.annotations.store.scans import NOT_HERE, signed
from causalseg.annotations.store.work_state import settle
from causalseg.errors import StoreError


def approve(store: LabelStore, revision: Revision, *, reviewer: str, note: str = "") -> Review:
    """Say that a mask is right: it may be learnt from.

    Raises:
        BadCorrection: nobody signed.
        StoreError: the mask is deleted, or the disk refuses.
    """
    return _say(store, revision, "approved", reviewer, note)


def send_back(store: LabelStore, revision: Revision, *, reviewer: str, note: str) -> Review:
    """Give a mask back to who drew it; the queue serves it to them first, with the note.

    Raises:
        BadCorrection: nobody signed.
        StoreError: the mask is deleted, or the disk refuses.
    """
    return _say(store, revision, "sent_back", reviewer, note)


def of(store: LabelStore, revision: Revision) -> list[Review]:
    """What was said of a mask, oldest first."""
    query = (
        f"SELECT {columns(Review)} FROM reviews "
        'WHERE scan_sha256 = ? AND "index" = ? AND person = ? AND number = ? ORDER BY rowid'
    )
    return [_from_row(row) for row in store.database.rows(query, _key(revision))]


def approved(store: LabelStore, split: Split | None = None) -> list[Revision]:
    """What may be learnt from: for each person, picture and description, the newest mask whose last word is approval.

    Args:
        store: where to look.
        split: only this part of the split, which is fixed for ever.
    """
    where, values = ("1", ()) if split is None else ("scans.split = ?", (split,))
    query = f"""
        SELECT {", ".join(f'labels."{name}"' for name in names(Revision))}
        FROM labels JOIN scans ON scans.sha256 = labels.scan_sha256
        WHERE {where} AND scans.deleted_at IS NULL AND 'approved' = (
            SELECT verdict FROM reviews
            WHERE reviews.scan_sha256 = labels.scan_sha256 AND reviews."index" = labels."index"
              AND reviews.person = labels.person AND reviews.number = labels.number
            ORDER BY reviews.rowid DESC LIMIT 1
        )
        ORDER BY labels.arrival
    """
    newest: dict[tuple[str, int, str, str], Revision] = {}
    for row in store.database.rows(query, values):
        revision = revision_from_row(row)
        newest[(revision.scan_sha256, revision.index, revision.person, revision.description)] = revision
    return list(newest.values())


def _say(store: LabelStore, revision: Revision, verdict: Verdict, reviewer: str, note: str) -> Review:
    key, name, at = _key(revision), signed(reviewer), now()
    with store.database.writing() as connection:
        here = 'scan_sha256 = ? AND "index" = ? AND person = ? AND number = ?'
        if connection.execute(f"SELECT 1 FROM labels WHERE {here}", key).fetchone() is None:
            raise StoreError(NOT_HERE)
        connection.execute("INSERT INTO reviews VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*key, name, verdict, note, at))
        settle(connection, (revision.scan_sha256, revision.index, revision.person))
        event_log.record(
            connection, name, verdict, revision.scan_sha256, revision.index, of=revision.person, number=revision.number
        )
    return _from_row((*key, name, verdict, note, at))


def _key(revision: Revision) -> tuple[Value, ...]:
    return revision.scan_sha256, revision.index, revision.person, revision.number


def _from_row(row: tuple) -> Review:
    values = by_name(Review, row)
    return Review(**{**values, "reviewed_at": datetime.fromisoformat(values["reviewed_at"])})
