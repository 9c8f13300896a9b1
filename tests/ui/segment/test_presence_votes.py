"""What is said beside a switch is a statement of the store."""

from pathlib import Path

import pytest

from causalseg.annotations.review import confounder_statements
from causalseg.annotations.store import LabelStore
from causalseg.errors import BadCorrection
from causalseg.scan import Scan
from causalseg.ui.segment import panels
from causalseg.ui.segment.presence_votes import said, say
from causalseg.ui.segment.switch_reliability import NEVER_TESTED, NOT_MEASURED
from tests.annotations.samples import make_scan


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    return LabelStore(tmp_path / "store")


@pytest.fixture
def scan() -> Scan:
    return make_scan()


def test_a_word_stands_until_it_is_turned_or_said_again(store: LabelStore, scan: Scan) -> None:
    said_after = []
    for present in (True, False, False):
        say(store, scan, "hair", present, "ana")
        said_after.append(said(store, scan, "ana"))
    assert said_after == [{"hair": True}, {"hair": False}, {"hair": None}]
    assert confounder_statements.current(store) == []


def test_a_word_is_of_one_person(store: LabelStore, scan: Scan) -> None:
    say(store, scan, "hair", True, "ana")
    assert said(store, scan, "ben") == {} and said(store, scan, "") == {}


def test_a_word_that_nobody_signs_is_refused_and_leaves_no_scan(store: LabelStore, scan: Scan) -> None:
    with pytest.raises(BadCorrection, match="Type your name"):
        say(store, scan, "hair", True, "  ")
    assert store.scans() == []


def test_what_was_typed_in_has_an_empty_place_and_its_words_are_no_html() -> None:
    row = panels.votes([panels.Vote("a cable", None, None)], "ab", 0)
    assert row == '<div class="says"></div>'
    quoted = panels.bars([panels.Bar('"><b>', '"><b>', 0.5, NEVER_TESTED, NOT_MEASURED)], "scan 0")
    assert '"><b>"' not in quoted and "&#34;&gt;&lt;b&gt;" in quoted
