"""The editor wired up: a mask into it, drawn on, kept as a draft, reshaped, and out of it into the store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import numpy as np

from causalseg.annotations.store import LabelStore
from causalseg.annotations.types import Draft as KeptDraft
from causalseg.engine import Engine
from causalseg.errors import BadCorrection
from causalseg.ui import copy, correction, handlers, panels, recovery
from causalseg.ui.correction import LateEditor
from causalseg.ui.events import Updates
from causalseg.ui.examples import ASSETS_DIR
from causalseg.ui.page import START_ADJUSTED, START_OBSERVED, START_SCREEN, Page
from causalseg.ui.reshape import Reshape, fill_holes, smooth_edge
from causalseg.ui.show import mask_download
from causalseg.ui.state import Draft, SessionState

EDITOR = "editor"
"""Queue place of the events that write the draft; one at a time."""
_READY_JS = (ASSETS_DIR / "editor-ready.js").read_text(encoding="utf-8")

Value = Mapping[str, Any] | None
"""What the editor sends."""


@dataclass(frozen=True, slots=True)
class Editing:
    """Binds the events of the editor to the handlers."""

    engine: Engine
    store: LabelStore
    page: Page
    listen: Callable[..., Any]
    """`Wiring.listen`."""

    def bind(self) -> None:
        """All events of the tab "Correct" and of the button that leads there."""
        page, stage = self.page, self.page.stage
        begun = [page.draft, stage.tabs, page.comparing]
        asked = [page.session, page.draft, stage.editor, page.offer]
        started = (
            self.listen("correct", stage.correct.click, self._start, asked, begun, place=EDITOR),
            self.listen("correct_tab", stage.correct_tab.select, self._start_once, asked, begun, place=EDITOR),
            self.listen(
                "start_from", stage.start_from.input, self._start_from, [*asked, stage.start_from], begun, place=EDITOR
            ),
        )
        drawn = [page.draft, stage.editor, stage.person]
        kept = [page.draft, stage.kept, page.browser]
        signed = [page.draft, stage.person]
        taken_back = self.listen("take_back", stage.take_back.click, self._take_back, signed, kept, place=EDITOR)
        filled = self.listen("fill", stage.fill.click, self._reshaping(fill_holes), drawn, kept, place=EDITOR)
        smoothed = self.listen("smooth", stage.smooth.click, self._reshaping(smooth_edge), drawn, kept, place=EDITOR)
        refined = self.listen("refine", stage.refine.click, self._refine, drawn, kept, place=EDITOR, busy=stage.kept)
        self.listen("keep", stage.keep.click, self._keep, drawn, kept, place=EDITOR, wipes=False)
        stored = [page.draft, stage.saved, stage.download_saved, *kept[1:]]
        saved = self.listen("save", stage.save.click, self._save, drawn, stored, place=EDITOR)
        for before in (*started, taken_back, filled, smoothed, refined, saved):
            self._load_after(before)

    def restore_after(self, reopened: Any) -> None:
        """Give the editor the draft that was offered, once its scan is on screen."""
        page, stage = self.page, self.page.stage

        def restore(state: SessionState, kept: KeptDraft | None, draft: Draft | None) -> Updates:
            if kept is None or not recovery.is_of(kept, state):
                return {}  # reopening it failed, and said why
            return {
                page.draft: recovery.restored(self.engine, state, kept, draft),
                page.offer: None,
                page.recovery.row: gr.Row(visible=False),
                stage.tabs: gr.Tabs(selected="correct"),
                page.comparing: False,
                stage.kept: panels.note(copy.draft_kept(kept.kept_at)),
            }

        shown = [page.draft, page.offer, page.recovery.row, stage.tabs, page.comparing, stage.kept]
        asked = [page.session, page.offer, page.draft]
        self._load_after(self.listen("restored", reopened.then, restore, asked, shown, place=EDITOR, wipes=False))

    def _load_after(self, before: Any) -> None:
        stage = self.page.stage
        loaded = [self.page.draft, stage.editor, stage.bare, stage.saved]
        asked, place = [self.page.draft], EDITOR
        self.listen("load_editor", before.then, self._load, asked, loaded, place=place, js=_READY_JS, wipes=False)

    def _start(self, state: SessionState, draft: Draft | None, value: Value, offer: KeptDraft | None) -> Updates:
        return self._begin(state, state, draft, value, offer)

    def _start_once(self, state: SessionState, draft: Draft | None, value: Value, offer: KeptDraft | None) -> Updates:
        """The tab was opened: what is in the editor already stays there."""
        page = self.page
        if draft is not None and (correction.is_of(draft, state) or not state.encoded):
            return {page.comparing: False}
        if draft is not None and correction.unsaved(draft, value) is not None:
            return {page.comparing: False, page.message: panels.message(copy.unsaved(draft.scan.place))}
        return self._begin(state, state, draft, value, offer)

    def _start_from(
        self, state: SessionState, draft: Draft | None, value: Value, offer: KeptDraft | None, which: str
    ) -> Updates:
        """Another mask than the one on screen, which stays there."""
        if state.observed is None or which == START_SCREEN:
            chosen = state
        elif which == START_OBSERVED:
            chosen = handlers.show_observed(self.engine, state)
        elif which == START_ADJUSTED:
            chosen = handlers.show_adjusted(self.engine, state)
        else:
            chosen = handlers.switch(self.engine, state, (which,))
        return self._begin(chosen, state, draft, value, offer)

    def _begin(
        self, chosen: SessionState, state: SessionState, draft: Draft | None, value: Value, offer: KeptDraft | None
    ) -> Updates:
        """Start from the mask of `chosen`, unless strokes would be lost that the person was not warned of."""
        page = self.page
        if recovery.is_of(offer, state):
            raise BadCorrection(copy.DRAFT_FIRST)
        fresh, mask = correction.start(self.engine, chosen, draft), correction.unsaved(draft, value)
        if draft is None or mask is None or (draft.doomed is not None and np.array_equal(mask, draft.doomed)):
            return {page.draft: fresh, page.stage.tabs: gr.Tabs(selected="correct"), page.comparing: False}
        told = panels.message(copy.unsaved(draft.scan.place))
        return {page.draft: replace(draft, doomed=mask), page.message: told}

    def _load(self, draft: Draft | None) -> Updates:
        page, stage = self.page, self.page.stage
        if draft is None or draft.is_loaded:
            return {}
        return {
            page.draft: replace(draft, is_loaded=True),
            stage.editor: correction.editor_value(draft),
            stage.bare: panels.picture(draft.canvas_u8, alt=copy.BARE),
            stage.saved: panels.note(copy.loaded(draft.mask_word, draft.scan.place)),
        }

    def _reshaping(self, how: Reshape) -> Callable[..., Updates]:
        def reshape(draft: Draft | None, value: Value, person: str) -> Updates:
            return self._kept(correction.reshaped(draft, value, how), person)

        return reshape

    def _refine(self, draft: Draft | None, value: Value, person: str) -> Updates:
        return self._kept(correction.refined(draft, value), person)

    def _take_back(self, draft: Draft | None, person: str) -> Updates:
        return self._kept(correction.taken_back(draft), person)

    def _kept(self, draft: Draft, person: str) -> Updates:
        """A draft whose mask was made by the server, kept before the editor has it."""
        kept = recovery.keep_mask(self.store, draft, draft.given, person)
        return {self.page.draft: draft} if kept is None else self._safe(kept, person)

    def _keep(self, draft: Draft | None, value: Value, person: str) -> Updates:
        """After a stroke; says nothing over what is being said."""
        kept = recovery.keep(self.store, draft, value, person)
        return {} if kept is None else self._safe(kept, person)

    def _safe(self, draft: Draft, person: str) -> Updates:
        """The draft, what is said of it, and where the browser finds it after a reload."""
        page, autosaved, scan = self.page, draft.autosaved, draft.scan
        said = copy.ALL_UNDONE if autosaved is None else copy.draft_kept(autosaved.kept_at)
        place = None if autosaved is None else (scan.sha256, scan.index, draft.description)
        return {
            page.draft: draft,
            page.stage.kept: panels.note(said),
            page.browser: recovery.Memory(person, place).to_browser(),
        }

    def _save(self, draft: Draft | None, value: Value, person: str) -> Updates:
        page, stage = self.page, self.page.stage
        try:
            kept, revision, mask = correction.save(self.store, draft, value, person)
        except LateEditor as error:
            late, told = correction.found_late(error.draft)
            return {page.draft: late, page.message: panels.message(told)}
        name = f"revision-{revision.number}"
        return {
            page.draft: kept,
            stage.saved: panels.note(copy.saved(revision.number, person.strip())),
            stage.download_saved: mask_download(stage.download_saved, kept.scan, mask, name),
            stage.kept: "",
            page.browser: recovery.Memory(person).to_browser(),
        }
