"""The SQLite file of the store: opened for one call, written in one transaction, explained in words when it fails."""

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from causalseg.annotations.store import patient_split
from causalseg.errors import StoreError

SCHEMA_VERSION = 2
DATABASE_FILE = "labels.sqlite"
_SCHEMA = Path(__file__).with_name("schema.sql")
_MIGRATION = Path(__file__).with_name("migrate_1_to_2.sql")
_LOCK_TIMEOUT_SECONDS = 30.0
"""How long a writer waits for the others; a row takes milliseconds."""
_RETRY_SECONDS = 0.02

Value = str | int | float | bytes | None
Record = TypeVar("Record")

OF_PICTURE = 'scan_sha256 = ? AND "index" = ?'
OF_PERSON = f"{OF_PICTURE} AND person = ?"
"""On a picture."""
OF_REVISION = f"{OF_PERSON} AND number = ?"


@dataclass(frozen=True, slots=True)
class Database:
    """The database in `folder`: made by the first who writes, brought up to date by the first who opens it.

    Nothing is kept open between calls, so threads and processes may share the folder.
    """

    folder: Path

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return self.folder / DATABASE_FILE

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction under SQLite's write lock: all of the block is kept, or nothing."""
        with self.explained("written"):
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.connection() as connection:
                connection.execute("BEGIN IMMEDIATE")  # closing the connection undoes what was not committed
                yield connection
                connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the store for all queries of the block; a store that is not there is empty, and is not made."""
        with self.explained("read"):
            if not self.path.exists():
                with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
                    _prepare(connection)
                    yield connection
                return
            with self._connection_for_reading() as connection:
                yield connection

    def rows(self, query: str, values: Sequence[Value] = ()) -> list[tuple]:
        """All rows of one query."""
        with self.reading() as connection:
            return connection.execute(query, values).fetchall()

    def records(self, record_type: type[Record], query: str, values: Sequence[Value] = ()) -> list[Record]:
        """All rows of one query, each as a record with fields named like the columns."""
        with self.reading() as connection:
            return records(record_type, connection.execute(query, values))

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection of this call's own; transactions are begun by hand."""
        with closing(sqlite3.connect(self.path, timeout=_LOCK_TIMEOUT_SECONDS, isolation_level=None)) as connection:
            self._raise_if_newer(connection)
            if _version(connection) < SCHEMA_VERSION:
                _write_ahead(connection)
                _prepare(connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection

    @contextmanager
    def explained(self, what: str) -> Iterator[None]:
        """Say in words what the disk or SQLite refuses inside the block.

        Raises:
            StoreError: with the folder and what to do.
        """
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"The label store in {self.folder} cannot be {what} ({type(error).__name__}). Check that the folder "
                "is there, that this user may write in it and that the disk is not full, then try again: "
                "what was saved before is kept."
            ) from error

    @contextmanager
    def _connection_for_reading(self) -> Iterator[sqlite3.Connection]:
        """As `connection`; or without any lock, where the disk has no place for one and nobody left a journal behind.

        That is so on a read-only disk, and on a full one.
        """
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(self.connection())
                connection.execute("BEGIN")
                connection.execute("SELECT 1 FROM facts").fetchone()  # only now does SQLite ask for its lock files
            except sqlite3.OperationalError:
                if not self._is_at_rest():
                    raise
                connection = stack.enter_context(self._connection_without_locks())
            yield connection

    @contextmanager
    def _connection_without_locks(self) -> Iterator[sqlite3.Connection]:
        uri = f"{self.path.absolute().as_uri()}?immutable=1"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            self._raise_if_newer(connection)
            self._raise_if_older(connection)
            yield connection

    def _is_at_rest(self) -> bool:
        journal = self.path.with_name(f"{DATABASE_FILE}-wal")
        return not journal.exists() or journal.stat().st_size == 0

    def _raise_if_newer(self, connection: sqlite3.Connection) -> None:
        if _version(connection) > SCHEMA_VERSION:
            raise StoreError(
                f"The label store in {self.folder} was made by a newer causalseg. Update causalseg, or use another "
                "folder."
            )

    def _raise_if_older(self, connection: sqlite3.Connection) -> None:
        if _version(connection) < SCHEMA_VERSION:
            raise StoreError(
                f"The label store in {self.folder} was made by an older causalseg and has to be brought up to date, "
                "but its folder is read-only. Open it once where this user may write in it, or copy it there."
            )


@cache
def _reader(record_type: type) -> TypeAdapter:
    return TypeAdapter(record_type)


def records(record_type: type[Record], rows: sqlite3.Cursor) -> list[Record]:
    """Rows as records with fields named like the columns; other columns are left out."""
    names = [column[0] for column in rows.description]
    read = _reader(record_type).validate_python
    return [read(dict(zip(names, row, strict=True))) for row in rows]


def insert(connection: sqlite3.Connection, table: str, values: Mapping[str, Value], *, verb: str = "INSERT") -> None:
    """Add one row, given by the names of its columns."""
    columns, places = (", ".join(form.format(name) for name in values) for form in ('"{}"', ":{}"))
    connection.execute(f"{verb} INTO {table} ({columns}) VALUES ({places})", values)


def now() -> str:
    """This moment as the store writes it: ISO 8601, UTC, sortable as text."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def salt(connection: sqlite3.Connection) -> str:
    """The secret that patients' keys are salted with."""
    return str(connection.execute("SELECT value FROM facts WHERE name = 'salt'").fetchone()[0])


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn the journal to WAL; this does not wait for a lock as everything else does, hence the loop."""
    deadline = time.monotonic() + _LOCK_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an older version here, in one transaction; whoever comes second finds them."""
    connection.execute("BEGIN IMMEDIATE")
    version = _version(connection)
    if version == 1:
        _migrate_from_1(connection)
    elif version == 0:
        _make_tables(connection)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _make_tables(connection: sqlite3.Connection) -> None:
    _run(connection, _SCHEMA)
    connection.execute("INSERT INTO facts VALUES ('salt', ?)", (patient_split.new_salt(),))


def _migrate_from_1(connection: sqlite3.Connection) -> None:
    for trigger in ("revisions_do_not_change", "revisions_do_not_go"):
        connection.execute(f"DROP TRIGGER {trigger}")
    for table in ("scans", "revisions"):
        connection.execute(f"ALTER TABLE {table} RENAME TO v1_{table}")
    _make_tables(connection)
    secret = salt(connection)
    connection.create_function(
        "causalseg_patient_key", 1, lambda sha256: patient_split.patient_key(secret, patient=None, scan_sha256=sha256)
    )
    connection.create_function("causalseg_split", 1, patient_split.draw)
    connection.create_function("causalseg_now", 0, now)
    _run(connection, _MIGRATION)


def _run(connection: sqlite3.Connection, script: Path) -> None:
    """The statements of a file one by one: `executescript` would commit the transaction that is open."""
    statement = ""
    for line in script.read_text(encoding="utf-8").splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
