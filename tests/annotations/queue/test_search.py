from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from causalseg.annotations import Facts, LabelStore, review
from causalseg.annotations.queue import flags, search
from causalseg.annotations.queue.search import Query
from causalseg.annotations.store import deletion, drafts
from causalseg.errors import BadCorrection
from tests.annotations.samples import make_mask, make_scan, save

SHA256S = [make_scan(seed).sha256 for seed in range(20)]


@pytest.fixture
def filled(store: LabelStore) -> LabelStore:
    """0 untouched; 1 done by ana; 2 drafted by ana, approved of ben; 3 flagged by ben; 4 deleted."""
    known = [
        Facts("P0", "ct", "train"),
        Facts("P1", "ct", "val"),
        Facts("P2", "mri", "train"),
        Facts("P3", "mri", "test"),
        Facts("P4", "ct", "train"),
    ]
    for seed, facts in enumerate(known):
        store.add(replace(make_scan(seed), modality=None), person="importer", facts=facts)
    save(store, scan=make_scan(1), description="Left LUNG, größer")
    drafts.keep(store, make_scan(2), make_mask(1), person="ana", description="left kidney")
    review.approve(store, save(store, scan=make_scan(2), person="ben", description="heart"), reviewer="cleo")
    flags.flag(store, SHA256S[3], "ben", "blurred")
    deletion.delete_scan(store, SHA256S[4], person="ana")
    return store


def found(store: LabelStore, query: Query) -> list[int]:
    return sorted(SHA256S.index(line.scan.sha256) for line in search.find(store, query).lines)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), [0, 1, 2, 3]),
        (Query(state="not_started"), [0]),
        (Query(state="not_started", person="ana"), [0, 3]),
        (Query(state="done"), [1]),
        (Query(state="done", person="ben"), []),
        (Query(state="in_progress", person=" ana "), [2]),
        (Query(state="approved"), [2]),
        (Query(state="flagged"), [3]),
        (Query(state="sent_back"), []),
        (Query(person="ben"), [2, 3]),
        (Query(modality="ct"), [0, 1]),
        (Query(split="train"), [0, 2]),
        (Query(modality="ct", split="train"), [0]),
        (Query(text="left"), [1, 2]),
        (Query(text="lung"), [1]),
        (Query(text="GRÖSSER"), [1]),
        (Query(text=" left ", person="ben"), []),
        (Query(text="%"), []),
        (Query(text="  "), [0, 1, 2, 3]),
    ],
)
def test_list_shows_what_was_asked_for(filled: LabelStore, query: Query, expected: list[int]) -> None:
    assert found(filled, query) == expected


def test_date_is_that_of_the_last_change(filled: LabelStore) -> None:
    moments = {line.scan.sha256: line.changed_at for line in search.find(filled).lines}
    at = moments[SHA256S[1]]

    assert found(filled, Query(since=at)) == [1, 2, 3]
    assert found(filled, Query(until=at)) == [0]
    assert found(filled, Query(since=at, until=at + timedelta(microseconds=1))) == [1]
    assert found(filled, Query(since=datetime.now(UTC))) == []


def test_line_says_who_is_how_far(filled: LabelStore) -> None:
    flagged, seconds, _, first = search.find(filled).lines

    assert [(one.person, one.state, one.note) for one in flagged.work] == [("ben", "flagged", "blurred")]
    assert [(one.person, one.state) for one in seconds.work] == [("ana", "in_progress"), ("ben", "approved")]
    assert (seconds.description, seconds.labels) == ("heart", 1)
    assert (first.work, first.description, first.labels) == ((), "", 0)
    assert filled.picture_u8(first.image_sha256).shape == (12, 17, 3)
    assert seconds.scan == filled.scan(SHA256S[2])


def test_pages_together_are_the_list(store: LabelStore) -> None:
    for seed in range(11):
        store.add(make_scan(seed), person="ana")
    whole = search.find(store)

    pages = [search.find(store, limit=4, offset=offset) for offset in (0, 4, 8, 12)]

    assert [len(page.lines) for page in pages] == [4, 4, 3, 0]
    assert {page.total for page in pages} == {11} and [page.offset for page in pages] == [0, 4, 8, 12]
    assert tuple(line for page in pages for line in page.lines) == whole.lines
    assert [line.scan.sha256 for line in whole.lines] == SHA256S[10::-1]


def test_last_changed_comes_first(filled: LabelStore) -> None:
    save(filled, scan=make_scan(0))

    assert search.find(filled).lines[0].scan.sha256 == SHA256S[0]


def test_empty_store_has_an_empty_list(store: LabelStore) -> None:
    assert search.find(store) == search.Page((), 0, 0)
    assert not store.folder.exists()


def test_wrong_questions_are_refused(store: LabelStore) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        search.find(store, limit=-1)
    with pytest.raises(BadCorrection, match="Type your name"):
        search.find(store, Query(person=" "))


def test_the_thumbnails_of_a_page_are_those_of_its_lines(store: LabelStore) -> None:
    for seed in range(4):
        store.add(make_scan(seed), person="ana")
    page = search.find(store, limit=2)

    found = search.thumbnails(store, page.lines)

    places = [(line.scan.sha256, line.index) for line in page.lines]
    assert found == {place: store.thumbnail_jpeg(*place) for place in places}
