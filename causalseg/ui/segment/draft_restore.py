"""Strokes that were not saved: kept in the store as a draft while they are drawn, offered again after a reload.

What a browser is offered by itself is what was drawn in it; a scan that is opened brings the drafts of the person on
that scan. So on a machine that several people use nobody is shown another one's scan.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool

from causalseg.annotations.label_records import KeptDraft
from causalseg.annotations.store import LabelStore, drafts
from causalseg.engine import Engine
from causalseg.errors import InputError
from causalseg.ui.browser_memory import Memory
from causalseg.ui.segment import editor, handlers
from causalseg.ui.segment.session import EditorMask, SessionState


def keep(
    store: LabelStore, editing: EditorMask | None, value: Mapping[str, Any] | None, person: str
) -> EditorMask | None:
    """Keep what is drawn and not saved; the editor's mask with what is kept now, None where nothing changed.

    Raises:
        BadCorrection: nobody signed.
        StoreError: the disk refuses; the strokes are still in the editor.
    """
    if editing is None or not editing.is_loaded:
        return None
    try:
        mask = editor.corrected(editing, value)
    except InputError:  # what cannot be saved either, and says so there
        return None
    return keep_mask(store, editing, mask, person)


def keep_mask(
    store: LabelStore, editing: EditorMask, mask: Bool[np.ndarray, "height width"], person: str
) -> EditorMask | None:
    """`keep` of a mask that needs not be read from the editor."""
    before = editing.autosaved
    if np.array_equal(mask, editing.saved):
        return _forgotten(store, editing)
    if before is not None and before.person == person.strip() and np.array_equal(before.mask, mask):
        return None
    kept = drafts.keep(store, editing.scan, mask, person=person, **editor.recorded(editing))
    return replace(editing, autosaved=kept)


def drawn_here(store: LabelStore, memory: Memory | None) -> KeptDraft | None:
    """The draft that was last drawn in this browser, if it is still there."""
    if memory is None or memory.place is None or not memory.person.strip():
        return None
    scan_sha256, index, description = memory.place
    found = drafts.find(store, memory.person, scan_sha256, index)
    return next((kept for kept in found if kept.description == description), None)


def on_screen(store: LabelStore, state: SessionState, editing: EditorMask | None, person: str) -> KeptDraft | None:
    """The newest draft of a person on any slice of the scan on screen that is not in the editor already."""
    if state.opened is None or not person.strip():
        return None
    in_editor = None if editing is None else (editing.scan.sha256, editing.scan.index)
    found = drafts.find(store, person, state.opened.scan.sha256)
    return next((kept for kept in found if (kept.scan_sha256, kept.index) != in_editor), None)


def is_of(kept: KeptDraft | None, state: SessionState) -> bool:
    """Whether a draft is of the scan, the slice and the description on screen."""
    if kept is None or state.opened is None:
        return False
    scan = state.opened.scan
    return (kept.scan_sha256, kept.index, kept.description) == (scan.sha256, scan.index, state.description)


def reopened(engine: Engine, store: LabelStore, state: SessionState, kept: KeptDraft) -> SessionState:
    """The scan of a draft on screen, from the store where it is not there yet, and asked as it was then.

    Raises:
        StoreError: the store has the picture no more, or the disk refuses.
    """
    if state.opened is not None and state.opened.scan.sha256 == kept.scan_sha256:
        there = handlers.back_to_original(engine, state) if state.original is not None else state
        there = handlers.look_at(engine, there, kept.index + 1)
    else:
        there = handlers.opened(engine, store.reopened(kept.scan_sha256, kept.index))
    return handlers.asked_again(engine, there, kept.description, kept.removed)


def restored(engine: Engine, state: SessionState, kept: KeptDraft, former: EditorMask | None = None) -> EditorMask:
    """A draft of the scan on screen, to give to the editor; `former` is what the editor holds now."""
    start = editor.start(engine, state, former)
    fresh = replace(editor.given(start, kept.mask), alpha=start.alpha)
    return replace(
        fresh,
        proposed=fresh.proposed if kept.proposed is None else kept.proposed,
        model=kept.model,
        seconds_before=kept.seconds_spent,
        autosaved=kept,
    )


def _forgotten(store: LabelStore, editing: EditorMask) -> EditorMask | None:
    """All strokes were undone: what was kept of them is no longer wanted."""
    if editing.autosaved is None:
        return None
    drafts.discard(store, editing.autosaved)
    return replace(editing, autosaved=None)
