"""Reviews: approve a mask or send it back. Every review is kept; the newest counts."""

from dataclasses import asdict
from datetime import datetime

from causalseg.annotations.label_records import Review, Revision, Split, Verdict
from causalseg.annotations.store.database import OF_REVISION, insert, now
from causalseg.annotations.store.label_store import LabelStore, event_log
from causalseg.annotations.store.scans import NOT_HERE, signed
from causalseg.annotations.store.work_state import settle
from causalseg.errors import StoreError


def approve(store: LabelStore, revision: Revision, *, reviewer: str, note: str = "") -> Review:
    """Say that a mask is right: it may be learnt from."""
    return _say(store, revision, "approved", reviewer, note)


def send_back(store: LabelStore, revision: Revision, *, reviewer: str, note: str) -> Review:
    """Give a mask back to who drew it; the queue serves it to them first, with the note."""
    return _say(store, revision, "sent_back", reviewer, note)


def of(store: LabelStore, revision: Revision) -> list[Review]:
    """What was said of a mask, oldest first."""
    return store.database.records(Review, f"SELECT * FROM reviews WHERE {OF_REVISION} ORDER BY rowid", _key(revision))


def approved(store: LabelStore, split: Split | None = None) -> list[Revision]:
    """What may be learnt from: for each person, picture and description, the newest mask whose last word is approval.

    Args:
        store: where to look.
        split: only this part of the split, which is fixed for ever.
    """
    where, values = ("1", ()) if split is None else ("scans.split = ?", (split,))
    query = f"""
        SELECT labels.* FROM labels JOIN scans ON scans.sha256 = labels.scan_sha256
        WHERE {where} AND scans.deleted_at IS NULL AND 'approved' = (
            SELECT verdict FROM reviews
            WHERE reviews.scan_sha256 = labels.scan_sha256 AND reviews."index" = labels."index"
              AND reviews.person = labels.person AND reviews.number = labels.number
            ORDER BY reviews.rowid DESC LIMIT 1
        )
        ORDER BY labels.arrival
    """
    newest: dict[tuple[str, int, str, str], Revision] = {}
    for revision in store.database.records(Revision, query, values):
        newest[(revision.scan_sha256, revision.index, revision.person, revision.description)] = revision
    return list(newest.values())


def _say(store: LabelStore, revision: Revision, verdict: Verdict, reviewer: str, note: str) -> Review:
    key, name = _key(revision), signed(reviewer)
    review = Review(*key, name, verdict, note, datetime.fromisoformat(now()))
    with store.database.writing() as connection:
        if connection.execute(f"SELECT 1 FROM labels WHERE {OF_REVISION}", key).fetchone() is None:
            raise StoreError(NOT_HERE)
        at = review.reviewed_at.isoformat(timespec="microseconds")
        insert(connection, "reviews", {**asdict(review), "reviewed_at": at})
        settle(connection, key[:3])
        event_log.record(connection, name, verdict, *key[:2], of=revision.person, number=revision.number)
    return review


def _key(revision: Revision) -> tuple[str, int, str, int]:
    return revision.scan_sha256, revision.index, revision.person, revision.number
