"""The provenance log: who did what, when, to which picture. Added to, never changed; nothing of what a scan shows."""

import json
import sqlite3

from causalseg.annotations.store.database import insert, now

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
    event = {"at": now(), "person": person, "kind": kind, "scan_sha256": scan_sha256, "index": index}
    insert(connection, "events", {**event, "detail": json.dumps(detail)})
