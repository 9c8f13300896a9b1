"""How far each person is with each picture. The table `work` follows from the others; `settle` makes it so.

flagged       the person flagged it and has saved nothing since
sent_back     a reviewer sent the newest mask back
in_progress   there is a draft, or the newest mask was saved as unfinished
approved      a reviewer approved the newest mask
done          there is a mask
not_started   otherwise: no row
"""

import sqlite3

from causalseg.annotations.store.database import OF_PERSON, OF_PICTURE, OF_REVISION, now
from causalseg.annotations.label_records import State

Place = tuple[str, int, str]
"""Scan, index, person."""


def settle(connection: sqlite3.Connection, place: Place) -> State:
    """Bring the row of one person and picture up to date, inside the transaction that changed something."""
    state, note = _derived(connection, place)
    if state == "not_started":
        connection.execute(f"DELETE FROM work WHERE {OF_PERSON}", place)
    else:
        connection.execute("INSERT OR REPLACE INTO work VALUES (?, ?, ?, ?, ?, ?)", (*place, state, note, now()))
    connection.execute(f"UPDATE items SET changed_at = ? WHERE {OF_PICTURE}", (now(), *place[:2]))
    return state


def _derived(connection: sqlite3.Connection, place: Place) -> tuple[State, str]:
    flag = connection.execute(f"SELECT note FROM flags WHERE {OF_PERSON}", place).fetchone()
    if flag is not None:
        return "flagged", flag[0]
    newest = connection.execute(
        f"SELECT number, finished FROM labels WHERE {OF_PERSON} ORDER BY number DESC LIMIT 1", place
    ).fetchone()
    verdict, note = _verdict(connection, place, newest)
    draft = connection.execute(f"SELECT 1 FROM drafts WHERE {OF_PERSON}", place).fetchone()
    if verdict == "sent_back":
        return "sent_back", note
    if draft is not None or (newest is not None and not newest[1]):
        return "in_progress", ""
    if verdict == "approved":
        return "approved", note
    return ("not_started" if newest is None else "done"), ""


def _verdict(connection: sqlite3.Connection, place: Place, newest: tuple[int, int] | None) -> tuple[State | None, str]:
    if newest is None:
        return None, ""
    row = connection.execute(
        f"SELECT verdict, note FROM reviews WHERE {OF_REVISION} ORDER BY rowid DESC LIMIT 1",
        (*place, newest[0]),
    ).fetchone()
    return (None, "") if row is None else (row[0], row[1])
