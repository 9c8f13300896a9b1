"""The states of people's work: looked up, flagged, unflagged. What each of them means: standing.py."""

from datetime import datetime

from causalseg.annotations import events
from causalseg.annotations.database import now
from causalseg.annotations.registry import raise_if_unknown, signed
from causalseg.annotations.standing import settle
from causalseg.annotations.store import LabelStore
from causalseg.annotations.types import Work


def of(store: LabelStore, scan_sha256: str, person: str, index: int = 0) -> Work:
    """How far `person` is with a picture."""
    rows = store.database.rows(
        'SELECT state, note, changed_at FROM work WHERE scan_sha256 = ? AND "index" = ? AND person = ?',
        (scan_sha256, index, signed(person)),
    )
    state, note, changed_at = rows[0] if rows else ("not_started", "", None)
    at = None if changed_at is None else datetime.fromisoformat(changed_at)
    return Work(scan_sha256, index, signed(person), state, note, at)


def flag(store: LabelStore, scan_sha256: str, person: str, note: str = "", index: int = 0) -> None:
    """Put a picture aside for others to look at; the queue does not give it to this person again.

    Raises:
        BadCorrection: nobody signed.
        StoreError: the store does not have this picture, or the disk refuses.
    """
    place = (scan_sha256, index, signed(person))
    with store.database.writing() as connection:
        raise_if_unknown(connection, scan_sha256, index)
        connection.execute("INSERT OR REPLACE INTO flags VALUES (?, ?, ?, ?, ?)", (*place, note, now()))
        settle(connection, place)
        events.record(connection, place[2], "flagged", scan_sha256, index)


def unflag(store: LabelStore, scan_sha256: str, person: str, index: int = 0) -> None:
    """Take the flag of `person` away again."""
    place = (scan_sha256, index, signed(person))
    with store.database.writing() as connection:
        gone = connection.execute('DELETE FROM flags WHERE scan_sha256 = ? AND "index" = ? AND person = ?', place)
        if gone.rowcount:
            settle(connection, place)
            events.record(connection, place[2], "unflagged", scan_sha256, index)
