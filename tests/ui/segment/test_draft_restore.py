"""Strokes that were not saved, without a page: kept, forgotten, offered to whom they belong, given back whole."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causalseg.annotations.store import LabelStore, drafts
from causalseg.scan import Scan
from causalseg.ui import browser_memory
from causalseg.ui.segment import draft_restore, editor, handlers
from causalseg.ui.segment.draft_restore import Memory
from causalseg.ui.segment.session import EditorMask, SessionState
from tests.ui.fakes import disc
from tests.ui.segment.test_editor import ENGINE, erased, loaded, opened, painted, returned

STROKE = (slice(450, 480), slice(250, 290))


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    return LabelStore(tmp_path)


@pytest.fixture
def draft() -> EditorMask:
    return loaded(disc(700, 500))


def drawn(draft: EditorMask) -> dict[str, Any]:
    return painted(returned(draft), STROKE)


def test_a_stroke_is_kept_as_it_would_be_saved(store: LabelStore, draft: EditorMask) -> None:
    assert draft_restore.keep(store, draft, drawn(draft), "Anna") is not None
    (kept,) = drafts.find(store, "Anna")
    np.testing.assert_array_equal(kept.mask, editor.corrected(draft, drawn(draft)))
    assert (kept.description, kept.removed, kept.model) == (draft.description, draft.removed, "fake-engine")
    assert store.revisions(draft.scan.sha256) == []


def test_what_is_kept_already_is_not_written_again(store: LabelStore, draft: EditorMask) -> None:
    kept = draft_restore.keep(store, draft, drawn(draft), "Anna")
    assert draft_restore.keep(store, kept, drawn(draft), "Anna") is None


def test_undoing_all_strokes_forgets_them(store: LabelStore, draft: EditorMask) -> None:
    kept = draft_restore.keep(store, draft, drawn(draft), "Anna")
    forgotten = draft_restore.keep(store, kept, returned(draft), "Anna")
    assert forgotten is not None and forgotten.autosaved is None
    assert drafts.find(store, "Anna") == []


def test_saving_ends_the_draft_and_the_next_stroke_begins_another(store: LabelStore, draft: EditorMask) -> None:
    kept = draft_restore.keep(store, draft, drawn(draft), "Anna")
    saved, _, _ = editor.save(store, kept, drawn(draft), "Anna")
    assert draft_restore.keep(store, saved, drawn(draft), "Anna") is None
    again = draft_restore.keep(store, saved, erased(drawn(draft), STROKE), "Anna")
    assert again is not None and again.autosaved is not None
    assert again.autosaved.parent_sha256 == store.revisions(draft.scan.sha256)[0].mask_sha256


def test_a_layer_that_came_back_late_neither_replaces_nor_ends_a_draft(store: LabelStore, draft: EditorMask) -> None:
    kept = draft_restore.keep(store, draft, drawn(draft), "Anna")
    assert kept is not None
    next_mask = replace(editor.given(kept, np.roll(kept.given, 9, axis=0)), is_loaded=True)
    assert draft_restore.keep(store, next_mask, drawn(draft), "Anna") is None
    assert len(drafts.find(store, "Anna")) == 1


def test_a_restored_draft_is_the_mask_that_was_drawn_to_the_pixel(store: LabelStore, draft: EditorMask) -> None:
    draft_restore.keep(store, draft, drawn(draft), "Anna")
    (kept,) = drafts.find(store, "Anna")
    state = draft_restore.reopened(ENGINE, store, SessionState(), kept)
    assert state.mask_word == "observed" and state.description == "polyp"
    restored = replace(draft_restore.restored(ENGINE, state, kept), is_loaded=True)
    np.testing.assert_array_equal(editor.corrected(restored, returned(restored)), kept.mask)
    np.testing.assert_array_equal(restored.proposed, draft.proposed)
    assert restored.seconds_spent >= kept.seconds_spent


def test_a_draft_is_asked_as_it_was_then(store: LabelStore) -> None:
    state = handlers.switch(ENGINE, opened(disc(70, 50)), ["hair"])
    begun = replace(editor.start(ENGINE, state), is_loaded=True)
    draft_restore.keep(store, begun, drawn(begun), "Anna")
    (kept,) = drafts.find(store, "Anna")
    assert draft_restore.reopened(ENGINE, store, SessionState(), kept).removed == ("hair",)


def test_a_scan_that_is_opened_brings_its_drafts_and_no_other(store: LabelStore, draft: EditorMask) -> None:
    draft_restore.keep(store, draft, drawn(draft), "Anna")
    same, other = opened(disc(700, 500)), ENGINE.encode(Scan(image_u8=disc(9, 9), sha256="ef" * 32, format="PNG"))
    assert draft_restore.on_screen(store, same, None, "Anna") is not None
    assert draft_restore.on_screen(store, same, None, "Ben") is None
    assert draft_restore.on_screen(store, same, draft, "Anna") is None
    assert draft_restore.on_screen(store, SessionState(encoded=other), None, "Anna") is None
    assert draft_restore.on_screen(store, same, None, " ") is None


def test_a_browser_is_offered_what_was_drawn_in_it(store: LabelStore, draft: EditorMask) -> None:
    draft_restore.keep(store, draft, drawn(draft), "Anna")
    place = (draft.scan.sha256, 0, "polyp")
    assert draft_restore.drawn_here(store, Memory("Anna", place)) is not None
    for memory in (None, Memory("Anna"), Memory("Ben", place), Memory("Anna", (*place[:2], "lung"))):
        assert draft_restore.drawn_here(store, memory) is None


@pytest.mark.parametrize("memory", [Memory("Anna"), Memory("Anna", ("ab" * 32, 3, "polyp"))])
def test_what_a_browser_remembers_comes_back(memory: Memory) -> None:
    assert browser_memory.remembered(memory.to_browser()) == memory


@pytest.mark.parametrize("value", [None, "Anna", {}, {"person": 7}])
def test_what_is_not_ours_is_not_remembered(value: object) -> None:
    assert browser_memory.remembered(value) is None


def test_a_place_that_cannot_be_is_left_out() -> None:
    assert browser_memory.remembered({"person": "Anna", "place": [1, 2]}) == Memory("Anna")
