"""Strokes that were not saved: kept in the store as a draft while they are drawn, offered again after a reload.

What a browser is offered by itself is what was drawn in it; a scan that is opened brings the drafts of the person on
that scan. So on a machine that several people use nobody is shown another one's scan.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool

from causalseg.annotations.records import KeptDraft
from causalseg.annotations.store import LabelStore, drafts
from causalseg.engine import Engine
from causalseg.errors import InputError
from causalseg.ui.segment import editor, handlers
from causalseg.ui.segment.session import Draft, SessionState


@dataclass(frozen=True, slots=True)
class Memory:
    """What the browser keeps between two visits."""

    person: str
    place: tuple[str, int, str] | None = None
    """Scan, index and description of the last draft."""

    def to_browser(self) -> dict[str, object]:
        """As JSON can hold it."""
        return {"person": self.person, "place": self.place and list(self.place)}


def remembered(value: Any) -> Memory | None:
    """What a browser kept; None where it kept nothing, or nothing of ours."""
    if not isinstance(value, dict) or not isinstance(value.get("person"), str):
        return None
    match value.get("place"):
        case [str() as scan_sha256, int() as index, str() as description]:
            return Memory(value["person"], (scan_sha256, index, description))
        case _:
            return Memory(value["person"])


def keep(store: LabelStore, draft: Draft | None, value: Mapping[str, Any] | None, person: str) -> Draft | None:
    """Keep what is drawn and not saved; the draft with what is kept now, None where nothing changed.

    Raises:
        BadCorrection: nobody signed.
        StoreError: the disk refuses; the strokes are still in the editor.
    """
    if draft is None or not draft.is_loaded:
        return None
    try:
        mask = editor.corrected(draft, value)
    except InputError:  # what cannot be saved either, and says so there
        return None
    return keep_mask(store, draft, mask, person)


def keep_mask(store: LabelStore, draft: Draft, mask: Bool[np.ndarray, "height width"], person: str) -> Draft | None:
    """`keep` of a mask that needs not be read from the editor."""
    before = draft.autosaved
    if np.array_equal(mask, draft.saved):
        return _forgotten(store, draft)
    if before is not None and before.person == person.strip() and np.array_equal(before.mask, mask):
        return None
    kept = drafts.keep(store, draft.scan, mask, person=person, **editor.recorded(draft))
    return replace(draft, autosaved=kept)


def drawn_here(store: LabelStore, memory: Memory | None) -> KeptDraft | None:
    """The draft that was last drawn in this browser, if it is still there."""
    if memory is None or memory.place is None or not memory.person.strip():
        return None
    scan_sha256, index, description = memory.place
    found = drafts.find(store, memory.person, scan_sha256, index)
    return next((kept for kept in found if kept.description == description), None)


def on_screen(store: LabelStore, state: SessionState, draft: Draft | None, person: str) -> KeptDraft | None:
    """The newest draft of a person on any slice of the scan on screen that is not in the editor already."""
    if state.opened is None or not person.strip():
        return None
    in_editor = None if draft is None else (draft.scan.sha256, draft.scan.index)
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


def restored(engine: Engine, state: SessionState, kept: KeptDraft, former: Draft | None = None) -> Draft:
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


def _forgotten(store: LabelStore, draft: Draft) -> Draft | None:
    """All strokes were undone: what was kept of them is no longer wanted."""
    if draft.autosaved is None:
        return None
    drafts.discard(store, draft.autosaved)
    return replace(draft, autosaved=None)
