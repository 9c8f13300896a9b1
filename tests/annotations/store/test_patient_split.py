import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalseg.annotations import Facts, LabelStore
from causalseg.annotations.store import deletion
from causalseg.annotations.store.patient_split import draw, new_salt, patient_key
from causalseg.errors import SplitConflict
from causalseg.scan import read_scan
from tests.annotations.samples import all_bytes, make_scan, save
from tests.scan.sample_files import make_dicom

SALT = "ab" * 32


def drawn(patient: str) -> str:
    return draw(patient_key(SALT, patient=patient, scan_sha256=""))


def test_shares_are_eighty_ten_ten() -> None:
    counts = Counter(drawn(str(number)) for number in range(5000))

    assert counts["train"] / 5000 == pytest.approx(0.8, abs=0.02)
    assert counts["val"] / 5000 == pytest.approx(0.1, abs=0.015)
    assert counts["test"] / 5000 == pytest.approx(0.1, abs=0.015)


def test_draw_is_the_same_in_every_version() -> None:
    """Golden: whoever changes the hash sees it here, though rows that are written never move."""
    assert [drawn(f"patient {number}") for number in range(8)] == [
        "train",
        "test",
        "test",
        "val",
        "train",
        "train",
        "val",
        "train",
    ]


@given(patient=st.text(min_size=1).filter(str.strip), spaces=st.sampled_from(["", " ", "\t "]))
def test_key_depends_on_patient_and_salt_alone(patient: str, spaces: str) -> None:
    key = patient_key(SALT, patient=patient, scan_sha256="1")

    assert key == patient_key(SALT, patient=f"{spaces}{patient}{spaces}", scan_sha256="2")
    assert key != patient_key(new_salt(), patient=patient, scan_sha256="1")
    assert key != patient_key(SALT, patient=None, scan_sha256=patient.strip())
    assert patient.strip() not in key or len(patient.strip()) < 3


def test_all_scans_of_a_patient_stand_together_and_the_name_is_not_kept(store: LabelStore) -> None:
    for patient in range(12):
        added = [
            store.add(make_scan(3 * patient + which), person="ana", facts=Facts(patient=f"Jane Roe {patient}"))
            for which in range(3)
        ]
        assert len({(scan.split, scan.patient_key) for scan in added}) == 1

    assert b"Jane Roe" not in all_bytes(store)


def test_part_is_for_ever_whatever_the_hash_says_later(store: LabelStore) -> None:
    """Rows as another version may have drawn them: they count, and nobody draws again."""
    scan = make_scan()
    stored = store.add(scan, person="ana", facts=Facts(patient="P1"))
    other = "val" if stored.split == "test" else "test"
    with closing(sqlite3.connect(store.database.path)) as database:
        database.execute("DROP TRIGGER split_of_a_scan_is_for_ever")
        database.execute("DROP TRIGGER split_of_a_patient_is_for_ever")
        database.execute("UPDATE scans SET split = ?", (other,))
        database.execute("UPDATE patients SET split = ?", (other,))
        database.commit()

    save(store, scan=scan)
    later = store.add(make_scan(1), person="ben", facts=Facts(patient=" P1 "))

    assert {one.split for one in store.scans()} == {other} == {later.split}


@pytest.mark.parametrize(
    "command",
    ["UPDATE scans SET split = 'val'", "UPDATE patients SET split = 'val'", "UPDATE facts SET value = ''"],
)
def test_nobody_moves_it_by_hand(store: LabelStore, command: str) -> None:
    store.add(make_scan(), person="ana")

    with (
        closing(sqlite3.connect(store.database.path)) as database,
        pytest.raises(sqlite3.IntegrityError, match=r"for ever|never drawn again"),
    ):
        database.execute(command)


def test_patient_learnt_later_takes_the_part_of_the_scan_that_came_first(store: LabelStore) -> None:
    testing = store.add(make_scan(0), person="ana", facts=Facts(split="test"))

    named = store.add(make_scan(0), person="ana", facts=Facts(patient="late"))
    sibling = store.add(make_scan(99), person="ana", facts=Facts(patient="late"))

    assert named.split == sibling.split == testing.split
    assert named.patient_key == sibling.patient_key != testing.patient_key


def test_scan_is_refused_where_its_patient_would_stand_in_two_parts(store: LabelStore) -> None:
    training = store.add(make_scan(0), person="ana", facts=Facts(patient="P1", split="train"))

    with pytest.raises(SplitConflict, match="fixed for ever"):
        store.add(make_scan(1), person="ana", facts=Facts(patient="P1", split="test"))
    store.add(make_scan(2), person="ana", facts=Facts(split="val"))
    with pytest.raises(SplitConflict, match="delete and purge"):
        store.add(make_scan(2), person="ana", facts=Facts(patient="P1"))

    assert [scan.sha256 for scan in store.scans()] == [training.sha256, make_scan(2).sha256]
    assert not [path for path in store.images.rglob("*") if path.name.startswith(make_scan(1).sha256)]


def test_patient_of_a_published_split_stays_in_it_after_a_purge(store: LabelStore) -> None:
    for seed, split in enumerate(("train", "val", "test")):
        store.add(make_scan(seed), person="ana", facts=Facts(patient=f"P{seed}", split=split))
    for seed in range(3):
        deletion.delete_scan(store, make_scan(seed).sha256, person="ana")
    deletion.purge(store, person="ana")

    again = [store.add(make_scan(seed), person="ana", facts=Facts(patient=f"P{seed}")) for seed in range(3)]

    assert [scan.split for scan in again] == ["train", "val", "test"]


def test_patient_in_a_dicom_header_counts_where_nobody_says_another(store: LabelStore) -> None:
    pixels = np.zeros((4, 5), dtype=np.uint8)
    first, second, stranger, blank = (
        read_scan(make_dicom(pixels + number, PatientID=patient))
        for number, patient in enumerate(["Roe^Jane ", "Roe^Jane", "Doe^John", " "])
    )

    keys = [store.add(scan, person="ana").patient_key for scan in (first, second, stranger, blank)]

    assert keys[0] == keys[1] and len(set(keys)) == 3
    assert keys[0] == store.add(make_scan(), person="ana", facts=Facts(patient="Roe^Jane")).patient_key
    assert b"Roe" not in all_bytes(store) and b"Doe" not in all_bytes(store)
    save_again = store.save(first, np.ones((4, 5), dtype=bool), person="ana", description="", removed=(), model="fake")
    assert store.split_of(save_again.scan_sha256) == store.split_of(second.sha256)


def test_two_stores_draw_by_salts_of_their_own(tmp_path: Path) -> None:
    keys = {
        LabelStore(tmp_path / name).add(make_scan(), person="ana", facts=Facts(patient="P1")).patient_key
        for name in ("one", "two")
    }

    assert len(keys) == 2
