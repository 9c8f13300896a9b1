import pytest

from causalseg.annotations import Facts, LabelStore
from causalseg.annotations.review import confounder_statements
from causalseg.annotations.store import deletion
from causalseg.errors import BadCorrection, StoreError
from tests.annotations.samples import make_scan, save

SHA256 = make_scan().sha256


def test_newest_word_counts_and_older_ones_stay(store: LabelStore) -> None:
    store.add(make_scan(), person="ana")

    confounder_statements.say(store, SHA256, {"hair": True, "calipers": False}, person="ana")
    confounder_statements.say(store, SHA256, {"hair": False}, person="ana")

    said = confounder_statements.of(store, SHA256)
    assert [(one.confounder, one.number, one.present) for one in said] == [
        ("hair", 1, True),
        ("calipers", 1, False),
        ("hair", 2, False),
    ]
    assert {(one.confounder, one.present) for one in confounder_statements.current(store)} == {
        ("calipers", False),
        ("hair", False),
    }


def test_people_may_differ(store: LabelStore) -> None:
    store.add(make_scan(), person="ana")
    confounder_statements.say(store, SHA256, {"hair": True}, person="ana")
    confounder_statements.say(store, SHA256, {"hair": False}, person="ben")

    assert {(one.person, one.present) for one in confounder_statements.current(store)} == {
        ("ana", True),
        ("ben", False),
    }
    assert [one.person for one in confounder_statements.of(store, SHA256, person="ben")] == ["ben"]


def test_what_is_taken_back_no_longer_stands(store: LabelStore) -> None:
    store.add(make_scan(), person="ana")
    confounder_statements.say(store, SHA256, {"hair": True}, person="ana")

    (back,) = confounder_statements.say(store, SHA256, {"hair": None}, person="ana")

    assert back.present is None and confounder_statements.current(store) == []
    assert len(confounder_statements.of(store, SHA256)) == 2


def test_saying_the_same_again_adds_nothing(store: LabelStore) -> None:
    store.add(make_scan(), person="ana")
    confounder_statements.say(store, SHA256, {"hair": True}, person="ana")

    assert confounder_statements.say(store, SHA256, {"hair": True, "ruler": None}, person="ana") == []
    assert len(confounder_statements.of(store, SHA256)) == 1


def test_statement_belongs_to_the_mask_that_was_the_newest(store: LabelStore) -> None:
    store.add(make_scan(), person="ana")
    before = confounder_statements.say(store, SHA256, {"hair": True}, person="ana")
    save(store, 1)
    save(store, 2)

    after = confounder_statements.say(store, SHA256, {"blur": True}, person="ana")

    assert (before[0].revision, after[0].revision) == (0, 2)


def test_statements_of_one_part_of_the_split_and_not_of_deleted_scans(store: LabelStore) -> None:
    for seed, split in enumerate(("train", "test", "train")):
        store.add(make_scan(seed), person="ana", facts=Facts(patient=f"P{seed}", split=split))
        confounder_statements.say(store, make_scan(seed).sha256, {"hair": True}, person="ana")
    deletion.delete_scan(store, make_scan(2).sha256, person="ana")

    assert [one.scan_sha256 for one in confounder_statements.current(store, "train")] == [make_scan(0).sha256]
    assert len(confounder_statements.current(store)) == 2


def test_statement_needs_a_picture_and_a_name(store: LabelStore) -> None:
    with pytest.raises(StoreError, match="does not have this scan"):
        confounder_statements.say(store, SHA256, {"hair": True}, person="ana")
    with pytest.raises(BadCorrection, match="Type your name"):
        confounder_statements.say(store, SHA256, {"hair": True}, person="")
