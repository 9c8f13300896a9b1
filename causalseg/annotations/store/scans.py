"""Scans and their pictures entering the store: rows, files, and the part of the split, inside one transaction."""

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from causalseg.annotations.store import event_log, patient_split
from causalseg.annotations.store.database import OF_PICTURE, insert, now, records, salt
from causalseg.annotations.store.content_files import path_of, write_once
from causalseg.annotations.store.encoded_picture import Picture
from causalseg.annotations.label_records import Split, StoredScan
from causalseg.errors import BadCorrection, SplitConflict, StoreError, UnreadableScan
from causalseg.scan import Scan
from causalseg.scan.dicom.parse import parse_dicom
from causalseg.scan.original import SourceDicom
from causalseg.scan.refusals import refuse_malformed

NOT_HERE = "The label store does not have this scan (any more). Open its file again."
_MAX_PERSON_CHARS = 100


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a scan beside its pixels."""

    patient: str | None = None
    """Name or number of the patient; only its salted hash is written down. None: the DICOM header says it, if any."""
    modality: str | None = None
    """Where the file does not say it."""
    split: Split | None = None
    """The part that a published split puts this patient into; counts only where the patient is new to the store."""
    source: str | None = None
    """Path of the file on this machine, if it is to be kept."""


NO_FACTS = Facts()


def signed(person: str) -> str:
    """The person's name, trimmed.

    Raises:
        BadCorrection: nobody, or more than 100 characters.
    """
    name = person.strip()
    if not 0 < len(name) <= _MAX_PERSON_CHARS:
        raise BadCorrection(f"Type your name or initials first, at most {_MAX_PERSON_CHARS} characters.")
    return name


def enter(
    connection: sqlite3.Connection,
    images: Path,
    scan: Scan,
    picture: Picture,
    index: int,
    person: str,
    facts: Facts = NO_FACTS,
) -> StoredScan:
    """The rows of a scan and of one of its pictures, made where they are missing.

    `picture` is the scan's, so that whoever calls can encode it before the lock is taken.

    Raises:
        SplitConflict: the patient is in another part of the split than this scan already is.
        OSError: the disk refuses.
    """
    known = find(connection, scan.sha256)
    if known is None:
        _add_scan(connection, scan, facts)
    else:
        _learn(connection, known, facts)
    place = (scan.sha256, index)
    if connection.execute(f"SELECT 1 FROM items WHERE {OF_PICTURE}", place).fetchone() is None:
        where = {"scan_sha256": scan.sha256, "index": index}
        image_sha256 = keep_picture(connection, images, picture)
        insert(connection, "items", {**where, "image_sha256": image_sha256, "changed_at": now()})
        insert(connection, "thumbnails", {**where, "jpeg": picture.thumbnail_jpeg})
        event_log.record(connection, person, "added", *place)
    (found,) = records(StoredScan, connection.execute("SELECT * FROM scans WHERE sha256 = ?", (scan.sha256,)))
    return found


def keep_picture(connection: sqlite3.Connection, images: Path, picture: Picture) -> str:
    """Name of the picture's file, which is made unless it is there.

    Raises:
        OSError: the disk refuses.
    """
    row = connection.execute(
        "SELECT image_sha256 FROM pictures WHERE pixels_sha256 = ?", (picture.pixels_sha256,)
    ).fetchone()
    if row is not None and path_of(images, row[0], ".png").is_file():
        return row[0]
    image_sha256 = write_once(images, picture.png, suffix=".png")
    connection.execute("INSERT OR REPLACE INTO pictures VALUES (?, ?)", (picture.pixels_sha256, image_sha256))
    return image_sha256


def find(connection: sqlite3.Connection, sha256: str) -> StoredScan | None:
    """The scan, also a deleted one; None where the store does not have it."""
    found = records(StoredScan, connection.execute("SELECT * FROM scans WHERE sha256 = ?", (sha256,)))
    return found[0] if found else None


def raise_if_unknown(connection: sqlite3.Connection, scan_sha256: str, index: int) -> None:
    """Refuse to say something of a picture that is not there.

    Raises:
        StoreError: the store does not have it, or has it no more.
    """
    row = connection.execute(
        f"SELECT 1 FROM items JOIN scans ON sha256 = scan_sha256 WHERE {OF_PICTURE} AND deleted_at IS NULL",
        (scan_sha256, index),
    ).fetchone()
    if row is None:
        raise StoreError(NOT_HERE)


def _add_scan(connection: sqlite3.Connection, scan: Scan, facts: Facts) -> None:
    patient = facts.patient or _patient_in_header(scan)
    key = patient_split.patient_key(salt(connection), patient=patient, scan_sha256=scan.sha256)
    part = _part_of(connection, key) or facts.split or patient_split.draw(key)
    if facts.split not in (None, part):
        raise _conflict(part)
    connection.execute("INSERT OR IGNORE INTO patients VALUES (?, ?)", (key, part))
    row_mm, column_mm = scan.spacing_mm or (None, None)
    height_px, width_px = scan.hw
    insert(
        connection,
        "scans",
        {
            "sha256": scan.sha256,
            "height_px": height_px,
            "width_px": width_px,
            "format": scan.format,
            "modality": facts.modality or scan.modality,
            "row_spacing_mm": row_mm,
            "column_spacing_mm": column_mm,
            "count": scan.count,
            "axis": scan.axis,
            "patient_key": key,
            "split": part,
            "source": facts.source,
            "added_at": now(),
        },
    )


def _learn(connection: sqlite3.Connection, known: StoredScan, facts: Facts) -> None:
    """What a later arrival says of a scan that is there; its part of the split never moves."""
    if facts.split not in (None, known.split):
        raise _conflict(known.split)
    key = known.patient_key
    if facts.patient is not None and facts.patient.strip():
        key = patient_split.patient_key(salt(connection), patient=facts.patient, scan_sha256=known.sha256)
        part = _part_of(connection, key)
        if part not in (None, known.split):
            raise _conflict(known.split)
        connection.execute("INSERT OR IGNORE INTO patients VALUES (?, ?)", (key, known.split))
    connection.execute(
        "UPDATE scans SET patient_key = ?, modality = COALESCE(modality, ?), source = COALESCE(?, source), "
        "deleted_at = NULL WHERE sha256 = ?",
        (key, facts.modality, facts.source, known.sha256),
    )


def _patient_in_header(scan: Scan) -> str | None:
    """The patient's number in the file that a DICOM scan was read from; read as raw bytes, and kept by nobody."""
    source = None if scan.volume is None else scan.volume.source
    if not isinstance(source, SourceDicom):
        return None
    with suppress(UnreadableScan), refuse_malformed("unreadable header"):
        element = parse_dicom(source.headers[0]).get_item("PatientID")
        value = b"" if element is None else element.value
        return value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return None


def _part_of(connection: sqlite3.Connection, key: str) -> Split | None:
    row = connection.execute("SELECT split FROM patients WHERE patient_key = ?", (key,)).fetchone()
    return None if row is None else row[0]


def _conflict(part: Split) -> SplitConflict:
    return SplitConflict(
        f"This scan or another one of its patient is already in the part “{part}” of the split, which is fixed for "
        "ever. Add it without another part or patient; or delete and purge the scans of this patient first."
    )
