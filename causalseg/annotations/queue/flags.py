"""Pictures put aside by a person. What every state means: store/work_state.py."""

from causalseg.annotations.store import LabelStore, event_log
from causalseg.annotations.store.database import OF_PERSON, now
from causalseg.annotations.store.scans import raise_if_unknown, signed
from causalseg.annotations.store.work_state import settle


def flag(store: LabelStore, scan_sha256: str, person: str, note: str = "", index: int = 0) -> None:
    """Put a picture aside for others to look at; the queue does not give it to this person again."""
    place = (scan_sha256, index, signed(person))
    with store.database.writing() as connection:
        raise_if_unknown(connection, scan_sha256, index)
        connection.execute("INSERT OR REPLACE INTO flags VALUES (?, ?, ?, ?, ?)", (*place, note, now()))
        settle(connection, place)
        event_log.record(connection, place[2], "flagged", scan_sha256, index)


def unflag(store: LabelStore, scan_sha256: str, person: str, index: int = 0) -> None:
    """Take the flag of `person` away again."""
    place = (scan_sha256, index, signed(person))
    with store.database.writing() as connection:
        gone = connection.execute(f"DELETE FROM flags WHERE {OF_PERSON}", place)
        if gone.rowcount:
            settle(connection, place)
            event_log.record(connection, place[2], "unflagged", scan_sha256, index)
