"""The label store: an SQLite file of who drew what, and PNG files named by their sha256.

    store/labels.sqlite            scans, labels, drafts, reviews, events... (see schema.sql)
    store/images/ab/ab12....png    the picture that the person saw: pixels only, no header, never the uploaded file
    store/masks/cd/cd34....png     0 and 255, mode L, in the scan's own size

This file keeps labels; drafts, review, queue... are functions of a `LabelStore` in files of their own.

Concurrency contract. A `LabelStore` keeps nothing but the folder: every call opens its own connection, so threads
and processes may share the folder. Whatever is written, rows and files, is written under SQLite's write lock, files
before the row that names them: a crash in between leaves a file that nobody names, never a row without its file.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from causalseg.annotations.store import event_log, scans, work_state
from causalseg.annotations.store.database import OF_PERSON, OF_PICTURE, Database, Value, insert
from causalseg.annotations.exports import mask_from_png, mask_to_png
from causalseg.annotations.store.content_files import read_checked, write_once
from causalseg.annotations.store.encoded_picture import Picture, image_from_png
from causalseg.annotations.store.scans import NO_FACTS, Facts, signed
from causalseg.annotations.label_records import Event, Revision, Split, StoredScan, Work
from causalseg.errors import BadCorrection, StoreError
from causalseg.scan import Scan


@dataclass(frozen=True, slots=True)
class LabelStore:
    """The store in `folder`, which is made when the first thing is saved."""

    folder: Path

    def add(self, scan: Scan, *, person: str, index: int | None = None, facts: Facts = NO_FACTS) -> StoredScan:
        """Keep a picture without a mask, for lists and the queue; what is there already stays as it is.

        Args:
            scan: what a person would see.
            person: who adds it.
            index: which slice, frame or page is shown; None: the scan says it.
            facts: what is known beside the pixels.

        Raises:
            SplitConflict: the patient's scans would stand in two parts of the split.
        """
        name, picture = signed(person), self.prepared(scan)
        place = scan.index if index is None else index
        with self.database.writing() as connection:
            return scans.enter(connection, self.images, scan, picture, place, name, facts)

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
        index: int | None = None,
        finished: bool = True,
        facts: Facts = NO_FACTS,
    ) -> Revision:
        """Keep a mask as the next revision of this person on this picture; nothing is ever overwritten.

        The person's draft of the same description, and a flag, are over with it.

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
            index: which slice, frame or page of the file was drawn on; None: the one that the scan shows.
            finished: False where the person means to go on.
            facts: what is known of the scan beside its pixels.

        Raises:
            BadCorrection: the mask does not have the scan's size, or nobody signed it.
            SplitConflict: the patient's scans would stand in two parts of the split.
            StoreError: the disk refuses; the mask is still with the caller, who may try again.
        """
        raise_if_wrong_size(mask, scan.hw)
        name, place = signed(person), scan.index if index is None else index
        picture, mask_png = self.prepared(scan), mask_to_png(mask)
        overlap = None if proposed is None else dice(mask, proposed)
        with self.database.writing() as connection:
            scans.enter(connection, self.images, scan, picture, place, name, facts)
            revision = Revision(
                scan_sha256=scan.sha256,
                index=place,
                person=name,
                number=_next_number(connection, (scan.sha256, place, name)),
                description=description,
                removed=tuple(removed),
                model=model,
                image_sha256=scans.keep_picture(connection, self.images, picture),
                mask_sha256=write_once(self.masks, mask_png, suffix=".png"),
                parent_sha256=parent_sha256,
                dice_to_proposed=overlap,
                seconds_spent=float(seconds_spent),
                finished=finished,
                saved_at=datetime.now(UTC),
            )
            _append(connection, revision)
        return revision

    def revisions(self, scan_sha256: str, person: str | None = None, *, index: int | None = None) -> list[Revision]:
        """All revisions of a scan, or those of one person or one picture of it, oldest first."""
        wanted = {"scan_sha256": scan_sha256, "person": None if person is None else signed(person), "index": index}
        return self._labels({column: value for column, value in wanted.items() if value is not None})

    def latest(self, scan_sha256: str, person: str, index: int = 0) -> Revision | None:
        """The newest revision of a person on a picture; None where there is none."""
        revisions = self.revisions(scan_sha256, person, index=index)
        return revisions[-1] if revisions else None

    def scans(self) -> list[StoredScan]:
        """Every scan, in the order in which they came."""
        return self.database.records(StoredScan, "SELECT * FROM scans WHERE deleted_at IS NULL ORDER BY rowid")

    def scan(self, sha256: str) -> StoredScan | None:
        """One scan; None where the store does not have it, or has it no more."""
        query = "SELECT * FROM scans WHERE deleted_at IS NULL AND sha256 = ?"
        return next(iter(self.database.records(StoredScan, query, (sha256,))), None)

    def split_of(self, sha256: str) -> Split | None:
        """The part of the split that a scan is in, for ever; None where the store does not have it."""
        scan = self.scan(sha256)
        return None if scan is None else scan.split

    def events(self, scan_sha256: str | None = None) -> list[Event]:
        """The provenance log, or what it says of one scan, oldest first."""
        where, values = ("1", ()) if scan_sha256 is None else ("scan_sha256 = ?", (scan_sha256,))
        return self.database.records(Event, f"SELECT * FROM events WHERE {where} ORDER BY number", values)

    def work_of(self, scan_sha256: str, person: str, index: int = 0) -> Work:
        """How far `person` is with a picture."""
        place = (scan_sha256, index, signed(person))
        nothing = Work(*place, "not_started", "", None)
        return next(iter(self.database.records(Work, f"SELECT * FROM work WHERE {OF_PERSON}", place)), nothing)

    def mask(self, revision: Revision) -> Bool[np.ndarray, "height width"]:
        """The mask of a revision, as it was saved.

        Raises:
            StoreError: the file is gone or damaged.
        """
        with self.database.explained("read"):
            return mask_from_png(read_checked(self.masks, revision.mask_sha256, suffix=".png"))

    def image_u8(self, revision: Revision) -> UInt8[np.ndarray, "height width 3"]:
        """The picture that the person saw.

        Raises:
            StoreError: the file is gone or damaged.
        """
        return self.picture_u8(revision.image_sha256)

    def picture_u8(self, image_sha256: str) -> UInt8[np.ndarray, "height width 3"]:
        """A picture by the name that a list, a draft, a turn of the queue or a revision gives it.

        Raises:
            StoreError: the file is gone or damaged.
        """
        with self.database.explained("read"):
            return image_from_png(read_checked(self.images, image_sha256, suffix=".png"))

    def thumbnail_jpeg(self, scan_sha256: str, index: int = 0) -> bytes | None:
        """A small picture for lists; None where the store has none."""
        rows = self.database.rows(f"SELECT jpeg FROM thumbnails WHERE {OF_PICTURE}", (scan_sha256, index))
        return rows[0][0] if rows else None

    def reopened(self, scan_sha256: str, index: int = 0) -> Scan:
        """A scan to go on with, made of what the store keeps of it: the picture, its modality and its spacing."""
        stored = self.scan(scan_sha256)
        images = self.database.rows(f"SELECT image_sha256 FROM items WHERE {OF_PICTURE}", (scan_sha256, index))
        if stored is None or not images:
            raise StoreError(scans.NOT_HERE)
        return Scan(
            self.picture_u8(images[0][0]),
            stored.sha256,
            stored.format,
            stored.modality,
            stored.spacing_mm,
            index=index,
            axis=stored.axis,
        )

    def prepared(self, scan: Scan) -> Picture:
        """The scan's picture, encoded now unless the store has it: not later, while others wait for the lock."""
        picture = Picture(scan.image_u8)
        if not self.database.rows("SELECT 1 FROM pictures WHERE pixels_sha256 = ?", (picture.pixels_sha256,)):
            picture.encode()
        return picture

    @property
    def database(self) -> Database:
        """The SQLite file."""
        return Database(self.folder)

    @property
    def images(self) -> Path:
        """Folder of the pictures."""
        return self.folder / "images"

    @property
    def masks(self) -> Path:
        """Folder of the masks."""
        return self.folder / "masks"

    def _labels(self, wanted: Mapping[str, Value]) -> list[Revision]:
        where = " AND ".join(f'"{column}" = ?' for column in wanted)
        query = f"SELECT * FROM labels WHERE {where} ORDER BY arrival"
        return self.database.records(Revision, query, tuple(wanted.values()))


def dice(mask: Bool[np.ndarray, "height width"], other: Bool[np.ndarray, "height width"]) -> float:
    """Overlap 2 |A and B| / (|A| + |B|) in [0, 1]; 1 where both are empty."""
    total_px = int(mask.sum()) + int(other.sum())
    return 2 * int((mask & other).sum()) / total_px if total_px else 1.0


def raise_if_wrong_size(mask: Bool[np.ndarray, "..."], hw: tuple[int, int]) -> None:
    """A mask belongs to pixels.

    Raises:
        BadCorrection: the mask has another size than the scan.
    """
    if mask.shape != hw:
        raise BadCorrection(
            f"The mask has {' x '.join(map(str, mask.shape))} px, the scan has {hw[0]} x {hw[1]} px. "
            "Load the mask again and repeat the correction."
        )


def _next_number(connection: sqlite3.Connection, place: work_state.Place) -> int:
    """One more than any number that was ever given here, also to a revision that is deleted or purged."""
    last = connection.execute(
        f"SELECT MAX(number) FROM (SELECT number FROM revisions WHERE {OF_PERSON} "
        f"UNION ALL SELECT number FROM deletions WHERE {OF_PERSON})",
        (*place, *place),
    ).fetchone()[0]
    return (last or 0) + 1


def _append(connection: sqlite3.Connection, revision: Revision) -> None:
    saved_at = revision.saved_at.isoformat(timespec="microseconds")
    insert(
        connection,
        "revisions",
        {**asdict(revision), "removed": json.dumps(revision.removed), "saved_at": saved_at},
    )
    place = (revision.scan_sha256, revision.index, revision.person)
    connection.execute(f"DELETE FROM drafts WHERE {OF_PERSON} AND description = ?", (*place, revision.description))
    connection.execute(f"DELETE FROM flags WHERE {OF_PERSON}", place)
    work_state.settle(connection, place)
    event_log.record(connection, revision.person, "saved", *place[:2], number=revision.number)
