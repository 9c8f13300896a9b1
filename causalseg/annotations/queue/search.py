"""Lists of pictures: searched, filtered, a page at a time."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from causalseg.annotations.label_records import Split, State, StoredScan, Work
from causalseg.annotations.store import LabelStore
from causalseg.annotations.store.database import OF_PICTURE, Value, records
from causalseg.annotations.store.scans import signed


@dataclass(frozen=True, slots=True)
class Query:
    """What a list shows; every field that is given narrows it."""

    state: State | None = None
    """Of `person`, or of anybody where no person is named; "not_started" then means by nobody."""
    person: str | None = None
    """Alone: what this person has touched."""
    modality: str | None = None
    split: Split | None = None
    text: str = ""
    """Part of a description, of `person` where one is named; upper and lower case are the same."""
    since: datetime | None = None
    """Last changed at this moment or after it."""
    until: datetime | None = None
    """Last changed before this moment."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a list."""

    scan: StoredScan
    index: int
    image_sha256: str
    """For `LabelStore.picture_u8`."""
    changed_at: datetime
    """UTC."""
    work: tuple[Work, ...]
    """Of everybody who has touched it, by name."""
    description: str
    """Of the newest mask; empty before the first."""
    labels: int
    """Masks of everybody."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines of a list."""

    lines: tuple[Listed, ...]
    total: int
    """Lines on all pages together."""
    offset: int
    """How many come before the first one here."""


EVERYTHING = Query()


def find(store: LabelStore, query: Query = EVERYTHING, *, limit: int = 50, offset: int = 0) -> Page:
    """The pictures that `query` lets through, last changed first.

    Args:
        store: where to look.
        query: what to show.
        limit: at most so many lines.
        offset: leave out so many before them.

    Raises:
        ValueError: `limit` or `offset` is negative.
    """
    if limit < 0 or offset < 0:
        raise ValueError(f"limit and offset must be at least 0, got {limit} and {offset}")
    where, values = _where(query)
    tables = "FROM items JOIN scans ON scans.sha256 = items.scan_sha256"
    with store.database.reading() as connection:
        connection.create_function("folded", 1, str.casefold, deterministic=True)
        total = connection.execute(f"SELECT COUNT(*) {tables} WHERE {where}", values).fetchone()[0]
        rows = connection.execute(
            f'SELECT items.scan_sha256, items."index", items.image_sha256, items.changed_at {tables} WHERE {where} '
            "ORDER BY items.changed_at DESC, items.id DESC LIMIT ? OFFSET ?",
            (*values, limit, offset),
        ).fetchall()
        return Page(tuple(_listed(connection, row) for row in rows), total, offset)


def thumbnails(store: LabelStore, lines: Iterable[Listed]) -> dict[tuple[str, int], bytes]:
    """The small pictures of some lines, by (scan sha256, index): JPEG; those of a page, not of the store."""
    query, places = (
        f"SELECT jpeg FROM thumbnails WHERE {OF_PICTURE}",
        [(line.scan.sha256, line.index) for line in lines],
    )
    with store.database.reading() as connection:
        found = {place: connection.execute(query, place).fetchone() for place in places}
    return {place: row[0] for place, row in found.items() if row is not None}


def _where(query: Query) -> tuple[str, list[Value]]:
    person = None if query.person is None else signed(query.person)
    parts: list[tuple[str, list[Value]]] = [("scans.deleted_at IS NULL", [])]
    if query.state is not None or person is not None:
        parts.append(_work_is(query.state, person))
    if query.modality is not None:
        parts.append(("scans.modality = ?", [query.modality]))
    if query.split is not None:
        parts.append(("scans.split = ?", [query.split]))
    if query.text.strip():
        parts.append(_described_as(query.text.strip(), person))
    if query.since is not None:
        parts.append(("items.changed_at >= ?", [_written(query.since)]))
    if query.until is not None:
        parts.append(("items.changed_at < ?", [_written(query.until)]))
    return " AND ".join(condition for condition, _ in parts), [value for _, values in parts for value in values]


def _work_is(state: State | None, person: str | None) -> tuple[str, list[Value]]:
    conditions, values = ['work.scan_sha256 = items.scan_sha256 AND work."index" = items."index"'], []
    if state not in (None, "not_started"):
        conditions.append(
            "+work.state = ?"
        )  # the plus keeps SQLite from walking all rows of the state for each picture
        values.append(state)
    if person is not None:
        conditions.append("work.person = ?")
        values.append(person)
    there = f"EXISTS (SELECT 1 FROM work WHERE {' AND '.join(conditions)})"
    return (f"NOT {there}" if state == "not_started" else there), values


def _described_as(text: str, person: str | None) -> tuple[str, list[Value]]:
    whose, values = ("", []) if person is None else ("AND person = ?", [person])
    one = (
        'EXISTS (SELECT 1 FROM {table} AS said WHERE said.scan_sha256 = items.scan_sha256 AND said."index" = '
        f'items."index" AND instr(folded(said.description), ?) {whose})'
    )
    said: list[Value] = [text.casefold(), *values]
    return f"({one.format(table='labels')} OR {one.format(table='drafts')})", said * 2


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _listed(connection: sqlite3.Connection, row: tuple) -> Listed:
    sha256, index, image_sha256, changed_at = row
    place = (sha256, index)
    (scan,) = records(StoredScan, connection.execute("SELECT * FROM scans WHERE sha256 = ?", (sha256,)))
    work = records(Work, connection.execute(f"SELECT * FROM work WHERE {OF_PICTURE} ORDER BY person", place))
    labels = connection.execute(f"SELECT description FROM labels WHERE {OF_PICTURE} ORDER BY arrival", place).fetchall()
    newest = labels[-1][0] if labels else ""
    return Listed(scan, index, image_sha256, datetime.fromisoformat(changed_at), tuple(work), newest, len(labels))
