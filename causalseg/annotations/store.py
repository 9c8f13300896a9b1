"""The label store: an SQLite file of who drew what, and PNG files named by their sha256.

    store/labels.sqlite            scans, revisions (added, never changed; see schema.sql)
    store/images/ab/ab12....png    the picture that the person saw: pixels only, no header, never the uploaded file
    store/masks/cd/cd34....png     0 and 255, mode L, in the scan's own size

Concurrency contract. A `LabelStore` keeps nothing but the folder: every call opens its own connection, so threads
and processes may share the folder. Revision numbers are given under SQLite's write lock. Files are written before
the row that names them; a crash in between leaves a file that nobody names, never a row without its file.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, PngImagePlugin

from causalseg.annotations.export import mask_from_png, mask_to_png
from causalseg.annotations.files import read_checked, write_once
from causalseg.errors import BadCorrection, StoreError
from causalseg.scan.types import Scan

_DATABASE = "labels.sqlite"
_SCHEMA = Path(__file__).with_name("schema.sql")
_SCHEMA_VERSION = 1
_LOCK_TIMEOUT_SECONDS = 30.0
"""How long a writer waits for the others; a row takes milliseconds."""
_RETRY_SECONDS = 0.02
_MAX_PERSON_CHARS = 100


@dataclass(frozen=True, slots=True)
class StoredScan:
    """What is kept of a scan, besides the pictures that people saw of it."""

    sha256: str
    height_px: int
    width_px: int
    format: str
    modality: str | None
    spacing_mm: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Revision:
    """One saved mask of one person on one scan, and where it came from."""

    scan_sha256: str
    person: str
    number: int
    """1, 2, 3... of this person on this scan."""
    description: str
    removed: tuple[str, ...]
    """Ids of the confounders that were switched off."""
    model: str
    image_sha256: str
    mask_sha256: str
    parent_sha256: str | None
    """`mask_sha256` of the mask that this one corrects."""
    dice_to_proposed: float | None
    """Overlap with what the model proposed, in [0, 1]; None where nothing was proposed."""
    seconds_spent: float
    saved_at: datetime
    """UTC."""


_COLUMNS = ", ".join(field.name for field in fields(Revision))
_PLACES = ", ".join("?" for _ in fields(Revision))


@dataclass(frozen=True, slots=True)
class LabelStore:
    """The store in `folder`, which is made when the first mask is saved."""

    folder: Path

    def save(
        self,
        scan: Scan,
        mask: Bool[np.ndarray, "height width"],
        *,
        person: str,
        description: str,
        removed: Sequence[str],
        model: str,
        parent_sha256: str | None = None,
        proposed: Bool[np.ndarray, "height width"] | None = None,
        seconds_spent: float = 0,
    ) -> Revision:
        """Keep a mask as the next revision of this person on this scan; nothing is ever overwritten.

        Args:
            scan: what the person saw.
            mask: in the scan's own size.
            person: who drew it; 1 to 100 characters.
            description: what was looked for.
            removed: ids of the confounders that were switched off.
            model: name of the checkpoint that proposed the mask.
            parent_sha256: `mask_sha256` of the revision that this one corrects.
            proposed: the mask before the person touched it.
            seconds_spent: by the person, on this mask.

        Raises:
            BadCorrection: the mask does not have the scan's size, or nobody signed it.
            StoreError: the disk refuses.
        """
        _raise_if_wrong_size(mask, scan.hw)
        with self._explained("written"):
            draft = Revision(
                scan_sha256=scan.sha256,
                person=_signed(person),
                number=0,
                description=description,
                removed=tuple(removed),
                model=model,
                image_sha256=write_once(self._images, _image_to_png(scan.image_u8), suffix=".png"),
                mask_sha256=write_once(self._masks, mask_to_png(mask), suffix=".png"),
                parent_sha256=parent_sha256,
                dice_to_proposed=None if proposed is None else dice(mask, proposed),
                seconds_spent=float(seconds_spent),
                saved_at=datetime.now(UTC),
            )
            with self._database() as database:
                return _append(database, scan, draft)

    def revisions(self, scan_sha256: str, person: str | None = None) -> list[Revision]:
        """All revisions of a scan, or those of one person on it, oldest first."""
        where = "scan_sha256 = ?" if person is None else "scan_sha256 = ? AND person = ?"
        values = (scan_sha256,) if person is None else (scan_sha256, _signed(person))
        query = f"SELECT {_COLUMNS} FROM revisions WHERE {where} ORDER BY rowid"
        return [_revision(row) for row in self._rows(query, values)]

    def latest(self, scan_sha256: str, person: str) -> Revision | None:
        """The newest revision of a person on a scan; None where there is none."""
        revisions = self.revisions(scan_sha256, person)
        return revisions[-1] if revisions else None

    def scans(self) -> list[StoredScan]:
        """Every scan with a saved mask, in the order in which they came."""
        query = "SELECT sha256, height_px, width_px, format, modality, row_spacing_mm, column_spacing_mm FROM scans"
        return [_stored_scan(row) for row in self._rows(f"{query} ORDER BY rowid", ())]

    def mask(self, revision: Revision) -> Bool[np.ndarray, "height width"]:
        """The mask of a revision, as it was saved.

        Raises:
            StoreError: the file is gone or damaged.
        """
        with self._explained("read"):
            return mask_from_png(read_checked(self._masks, revision.mask_sha256, suffix=".png"))

    def image_u8(self, revision: Revision) -> UInt8[np.ndarray, "height width 3"]:
        """The picture that the person saw.

        Raises:
            StoreError: the file is gone or damaged.
        """
        with self._explained("read"):
            content = read_checked(self._images, revision.image_sha256, suffix=".png")
            return np.asarray(PngImagePlugin.PngImageFile(BytesIO(content)))

    @property
    def _images(self) -> Path:
        return self.folder / "images"

    @property
    def _masks(self) -> Path:
        return self.folder / "masks"

    def _rows(self, query: str, values: tuple[str, ...]) -> list[tuple]:
        with self._explained("read"):
            if not (self.folder / _DATABASE).exists():
                return []
            with self._database() as database:
                return database.execute(query, values).fetchall()

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """A connection of this call's own; transactions are begun by hand."""
        path = self.folder / _DATABASE
        with closing(sqlite3.connect(path, timeout=_LOCK_TIMEOUT_SECONDS, isolation_level=None)) as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version > _SCHEMA_VERSION:
                raise StoreError(
                    f"The label store in {self.folder} was made by a newer causalseg. Update causalseg, or use another "
                    "folder."
                )
            if version < _SCHEMA_VERSION:
                _make_schema(database)
            database.execute("PRAGMA synchronous = FULL")
            database.execute("PRAGMA foreign_keys = ON")
            yield database

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"The label store in {self.folder} cannot be {what} ({type(error).__name__}). Check that the folder "
                "is there, that this user may write in it and that the disk is not full, then try again: "
                "what was saved before is kept."
            ) from error


def dice(mask: Bool[np.ndarray, "height width"], other: Bool[np.ndarray, "height width"]) -> float:
    """Overlap 2 |A and B| / (|A| + |B|) in [0, 1]; 1 where both are empty."""
    total_px = int(mask.sum()) + int(other.sum())
    return 2 * int((mask & other).sum()) / total_px if total_px else 1.0


def _make_schema(database: sqlite3.Connection) -> None:
    """Tables and triggers where they are missing; several processes may come here at once.

    Turning the journal to WAL does not wait for a lock as everything else does, hence the loop.
    """
    deadline = time.monotonic() + _LOCK_TIMEOUT_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
    schema = _SCHEMA.read_text(encoding="utf-8")
    database.executescript(f"BEGIN IMMEDIATE;\n{schema}\nPRAGMA user_version = {_SCHEMA_VERSION};\nCOMMIT;")


def _append(database: sqlite3.Connection, scan: Scan, draft: Revision) -> Revision:
    """The draft with the next number, in one transaction."""
    row_mm, column_mm = scan.spacing_mm or (None, None)
    database.execute("BEGIN IMMEDIATE")  # closing the connection undoes what was not committed
    database.execute(
        "INSERT OR IGNORE INTO scans VALUES (?, ?, ?, ?, ?, ?, ?)",
        (scan.sha256, *scan.hw, scan.format, scan.modality, row_mm, column_mm),
    )
    last = database.execute(
        "SELECT MAX(number) FROM revisions WHERE scan_sha256 = ? AND person = ?", (scan.sha256, draft.person)
    ).fetchone()[0]
    revision = replace(draft, number=(last or 0) + 1)
    database.execute(f"INSERT INTO revisions ({_COLUMNS}) VALUES ({_PLACES})", _row(revision))
    database.execute("COMMIT")
    return revision


def _row(revision: Revision) -> tuple[str | int | float | None, ...]:
    values = asdict(revision)
    values["removed"] = json.dumps(revision.removed)
    values["saved_at"] = revision.saved_at.isoformat()
    return tuple(values.values())


def _revision(row: tuple) -> Revision:
    values = dict(zip((field.name for field in fields(Revision)), row, strict=True))
    values["removed"] = tuple(json.loads(values["removed"]))
    values["saved_at"] = datetime.fromisoformat(values["saved_at"])
    return Revision(**values)


def _stored_scan(row: tuple) -> StoredScan:
    *facts, row_mm, column_mm = row
    return StoredScan(*facts, spacing_mm=None if row_mm is None else (row_mm, column_mm))


def _image_to_png(image_u8: UInt8[np.ndarray, "height width 3"]) -> bytes:
    buffer = BytesIO()
    Image.fromarray(image_u8).save(buffer, format="PNG")
    return buffer.getvalue()


def _signed(person: str) -> str:
    name = person.strip()
    if not 0 < len(name) <= _MAX_PERSON_CHARS:
        raise BadCorrection(f"Type your name or initials first, at most {_MAX_PERSON_CHARS} characters.")
    return name


def _raise_if_wrong_size(mask: Bool[np.ndarray, "..."], hw: tuple[int, int]) -> None:
    if mask.shape != hw:
        raise BadCorrection(
            f"The mask has {' x '.join(map(str, mask.shape))} px, the scan has {hw[0]} x {hw[1]} px. "
            "Load the mask again and repeat the correction."
        )
