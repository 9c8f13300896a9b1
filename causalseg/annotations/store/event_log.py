"""The provenance log: who did what, when, to which picture. Added to, never changed; nothing of what a scan shows."""

import json
import sqlite3
from datetime import datetime

from causalseg.annotations.store.database import now
from causalseg.annotations.records import Event

Detail = str | int | float | bool | None


def record(
    connection: sqlite3.Connection,
    person: str,
    kind: str,
    scan_sha256: str | None = None,
    index: int | None = None,
    **detail: Detail,
) -> None:
    """Add an event inside the transaction of what it tells of."""
    connection.execute(
        'INSERT INTO events (at, person, kind, scan_sha256, "index", detail) VALUES (?, ?, ?, ?, ?, ?)',
        (now(), person, kind, scan_sha256, index, json.dumps(detail)),
    )


def from_row(row: tuple) -> Event:
    """One row of the table."""
    number, at, person, kind, scan_sha256, index, detail = row
    return Event(number, datetime.fromisoformat(at), person, kind, scan_sha256, index, json.loads(detail))
