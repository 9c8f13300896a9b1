"""A store of version 1, built by the text of its own schema, opened by this version."""

import hashlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from causalseg.annotations import LabelStore, mask_to_png
from causalseg.annotations.queue import flags
from causalseg.annotations.store.encoded_picture import Picture
from causalseg.annotations.store.patient_split import draw, patient_key
from tests.annotations.samples import HW, make_mask, make_scan, save

SCHEMA_V1 = Path(__file__).with_name("schema_v1.sql").read_text()


def put_file(folder: Path, content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    path = folder / sha256[:2] / f"{sha256}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return sha256


@pytest.fixture
def old(store: LabelStore) -> LabelStore:
    """Two scans: ana drew twice on the first and ben once, ana once on the second."""
    store.folder.mkdir()
    with closing(sqlite3.connect(store.database.path)) as database:
        database.executescript(f"PRAGMA journal_mode = WAL; BEGIN;\n{SCHEMA_V1}\nPRAGMA user_version = 1; COMMIT;")
        for place, (seed, person, number) in enumerate([(0, "ana", 1), (0, "ben", 1), (0, "ana", 2), (1, "ana", 1)]):
            scan = make_scan(seed)
            database.execute(
                "INSERT OR IGNORE INTO scans VALUES (?, ?, ?, ?, ?, ?, ?)", (scan.sha256, *HW, "DICOM", "ct", 0.5, 0.25)
            )
            image = put_file(store.images, Picture(scan.image_u8).png)
            mask = put_file(store.masks, mask_to_png(make_mask(place)))
            saved_at = f"2026-11-2{place}T12:00:00.5+00:00"
            row = (scan.sha256, person, number, "lung", '["hair"]', "m", image, mask, None, 0.5, 7.0, saved_at)
            database.execute(f"INSERT INTO revisions VALUES ({', '.join('?' * 12)})", row)
        database.commit()
    return store


def test_nothing_is_lost(old: LabelStore) -> None:
    first, second = make_scan(0), make_scan(1)

    revisions = [*old.revisions(first.sha256), *old.revisions(second.sha256)]

    assert [(one.person, one.number) for one in revisions] == [("ana", 1), ("ben", 1), ("ana", 2), ("ana", 1)]
    assert {(one.index, one.description, one.removed, one.finished) for one in revisions} == {
        (0, "lung", ("hair",), True)
    }
    assert [one.saved_at.day for one in revisions] == [20, 21, 22, 23]
    for place, revision in enumerate(revisions):
        np.testing.assert_array_equal(old.mask(revision), make_mask(place))
    np.testing.assert_array_equal(old.reopened(first.sha256).image_u8, first.image_u8)
    assert [(scan.sha256, scan.spacing_mm, scan.count) for scan in old.scans()] == [
        (first.sha256, (0.5, 0.25), 1),
        (second.sha256, (0.5, 0.25), 1),
    ]


def test_everything_of_this_version_works_on_it(old: LabelStore) -> None:
    scan = make_scan(0)

    assert old.work_of(scan.sha256, "ana").state == "done"
    assert save(old, 9, scan=scan).number == 3
    assert [event.kind for event in old.events(scan.sha256)] == ["saved"] * 4
    tables = {name for (name,) in old.database.rows("SELECT name FROM sqlite_master")}
    assert not [name for name in tables if "v1" in name]
    assert old.database.rows("PRAGMA foreign_key_check") == []


def test_each_scan_is_a_patient_of_its_own_with_a_part_of_the_split(old: LabelStore) -> None:
    ((salt,),) = old.database.rows("SELECT value FROM facts")

    for scan in old.scans():
        assert scan.patient_key == patient_key(salt, patient=None, scan_sha256=scan.sha256)
        assert scan.split == draw(scan.patient_key)


def test_many_at_once_bring_it_up_to_date_once(old: LabelStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: old.scans(), range(16)))

    assert all(scans == found[0] for scans in found) and len(found[0]) == 2


def test_migrated_tables_are_those_of_a_new_store(old: LabelStore, tmp_path: Path) -> None:
    new = LabelStore(tmp_path / "new")
    save(new)
    query = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"

    assert old.database.rows(query) == new.database.rows(query)
