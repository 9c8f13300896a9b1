import pytest

from causalseg.annotations import LabelStore, review
from causalseg.annotations.queue import flags
from causalseg.annotations.store import deletion, drafts
from causalseg.errors import BadCorrection, StoreError
from tests.annotations.samples import make_mask, make_scan, save


def state(store: LabelStore, person: str = "ana") -> str:
    return store.work_of(make_scan().sha256, person).state


def test_states_follow_what_was_done_last(store: LabelStore) -> None:
    """One long day, with the state after every step."""
    scan = make_scan()
    assert state(store) == "not_started"
    drafts.keep(store, scan, make_mask(1), person="ana", description="lung")
    assert state(store) == "in_progress"
    save(store, finished=False)
    assert state(store) == "in_progress"
    first = save(store)
    assert state(store) == "done"
    review.send_back(store, first, reviewer="ben", note="the edge")
    assert store.work_of(scan.sha256, "ana").note == "the edge" and state(store) == "sent_back"
    drafts.keep(store, scan, make_mask(2), person="ana", description="lung")
    assert state(store) == "sent_back"
    second = save(store, 2)
    assert state(store) == "done" and store.work_of(scan.sha256, "ana").note == ""
    review.approve(store, second, reviewer="ben")
    assert state(store) == "approved"
    flags.flag(store, scan.sha256, "ana", "two lesions?")
    assert store.work_of(scan.sha256, "ana").note == "two lesions?" and state(store) == "flagged"
    flags.unflag(store, scan.sha256, "ana")
    assert state(store) == "approved"
    flags.flag(store, scan.sha256, "ana")
    third = save(store, 3)
    assert state(store) == "done"
    deletion.delete_revision(store, third, person="ana")
    assert state(store) == "approved"
    assert state(store, "ben") == "not_started"


def test_time_of_the_last_change_moves_on(store: LabelStore) -> None:
    sha256 = make_scan().sha256
    assert store.work_of(sha256, "ana").changed_at is None
    revision = save(store)
    first = store.work_of(sha256, "ana").changed_at

    review.approve(store, revision, reviewer="ben")

    later = store.work_of(sha256, "ana").changed_at
    assert first is not None and later is not None and revision.saved_at <= first <= later


def test_flag_needs_a_picture_and_a_name(store: LabelStore) -> None:
    save(store)

    with pytest.raises(StoreError, match="does not have this scan"):
        flags.flag(store, make_scan(5).sha256, "ana")
    with pytest.raises(StoreError, match="does not have this scan"):
        flags.flag(store, make_scan().sha256, "ana", index=1)
    with pytest.raises(BadCorrection, match="Type your name"):
        flags.flag(store, make_scan().sha256, " ")


def test_flag_that_is_not_there_is_taken_away_without_a_trace(store: LabelStore) -> None:
    save(store)

    flags.unflag(store, make_scan().sha256, "ana")

    assert state(store) == "done" and [event.kind for event in store.events()] == ["added", "saved"]
