"""The editor wired up: a mask into it, drawn on, kept as a draft, reshaped, and out of it into the store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import numpy as np

from causalseg.annotations.records import KeptDraft
from causalseg.annotations.store import LabelStore
from causalseg.engine import Engine
from causalseg.errors import BadCorrection
from causalseg.ui.assets import script
from causalseg.ui.bind import EDITOR, Updates
from causalseg.ui.segment import draft_restore, editor, handlers, panels, text
from causalseg.ui.segment.editor import LateEditor
from causalseg.ui.segment.layout import START_ADJUSTED, START_OBSERVED, START_SCREEN, Page
from causalseg.ui.segment.mask_cleanup import Reshape, fill_holes, smooth_edge
from causalseg.ui.segment.session import Draft, SessionState
from causalseg.ui.segment.updates import mask_download

_READY_JS = script("editor-ready.js")

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
            self.listen("correct", stage.correct.click, self._start, asked, begun, queue=EDITOR),
            self.listen("correct_tab", stage.correct_tab.select, self._start_once, asked, begun, queue=EDITOR),
            self.listen(
                "start_from", stage.start_from.input, self._start_from, [*asked, stage.start_from], begun, queue=EDITOR
            ),
        )
        drawn = [page.draft, stage.editor, stage.person]
        kept = [page.draft, stage.kept, page.browser]
        signed = [page.draft, stage.person]
        taken_back = self.listen("take_back", stage.take_back.click, self._take_back, signed, kept, queue=EDITOR)
        filled = self.listen("fill", stage.fill.click, self._reshaping(fill_holes), drawn, kept, queue=EDITOR)
        smoothed = self.listen("smooth", stage.smooth.click, self._reshaping(smooth_edge), drawn, kept, queue=EDITOR)
        refined = self.listen("refine", stage.refine.click, self._refine, drawn, kept, queue=EDITOR, busy=stage.kept)
        self.listen("keep", stage.keep.click, self._keep, drawn, kept, queue=EDITOR, wipes=False)
        stored = [page.draft, stage.saved, stage.download_saved, *kept[1:]]
        saved = self.listen("save", stage.save.click, self._save, drawn, stored, queue=EDITOR)
        for before in (*started, taken_back, filled, smoothed, refined, saved):
            self._load_after(before)

    def restore_after(self, reopened: Any) -> None:
        """Give the editor the draft that was offered, once its scan is on screen."""
        page, stage = self.page, self.page.stage

        def restore(state: SessionState, kept: KeptDraft | None, draft: Draft | None) -> Updates:
            if kept is None or not draft_restore.is_of(kept, state):
                return {}  # reopening it failed, and said why
            return {
                page.draft: draft_restore.restored(self.engine, state, kept, draft),
                page.offer: None,
                page.recovery.row: gr.Row(visible=False),
                stage.tabs: gr.Tabs(selected="correct"),
                page.comparing: False,
                stage.kept: panels.note(text.draft_kept(kept.kept_at)),
            }

        shown = [page.draft, page.offer, page.recovery.row, stage.tabs, page.comparing, stage.kept]
        asked = [page.session, page.offer, page.draft]
        self._load_after(self.listen("restored", reopened.then, restore, asked, shown, queue=EDITOR, wipes=False))

    def _load_after(self, before: Any) -> None:
        stage = self.page.stage
        loaded = [self.page.draft, stage.editor, stage.bare, stage.saved]
        asked, queue = [self.page.draft], EDITOR
        self.listen("load_editor", before.then, self._load, asked, loaded, queue=queue, js=_READY_JS, wipes=False)

    def _start(self, state: SessionState, draft: Draft | None, value: Value, offer: KeptDraft | None) -> Updates:
        return self._begin(state, state, draft, value, offer)

    def _start_once(self, state: SessionState, draft: Draft | None, value: Value, offer: KeptDraft | None) -> Updates:
        """The tab was opened: what is in the editor already stays there."""
        page = self.page
        if draft is not None and (editor.is_of(draft, state) or not state.encoded):
            return {page.comparing: False}
        if draft is not None and editor.unsaved(draft, value) is not None:
            return {page.comparing: False, page.message: panels.message(text.unsaved(draft.scan.place))}
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
        if draft_restore.is_of(offer, state):
            raise BadCorrection(text.DRAFT_FIRST)
        fresh, mask = editor.start(self.engine, chosen, draft), editor.unsaved(draft, value)
        if draft is None or mask is None or (draft.doomed is not None and np.array_equal(mask, draft.doomed)):
            return {page.draft: fresh, page.stage.tabs: gr.Tabs(selected="correct"), page.comparing: False}
        told = panels.message(text.unsaved(draft.scan.place))
        return {page.draft: replace(draft, doomed=mask), page.message: told}

    def _load(self, draft: Draft | None) -> Updates:
        page, stage = self.page, self.page.stage
        if draft is None or draft.is_loaded:
            return {}
        return {
            page.draft: replace(draft, is_loaded=True),
            stage.editor: editor.editor_value(draft),
            stage.bare: panels.picture(draft.canvas_u8, alt=text.BARE),
            stage.saved: panels.note(text.loaded(draft.mask_word, draft.scan.place)),
        }

    def _reshaping(self, how: Reshape) -> Callable[..., Updates]:
        def reshape(draft: Draft | None, value: Value, person: str) -> Updates:
            return self._kept(editor.reshaped(draft, value, how), person)

        return reshape

    def _refine(self, draft: Draft | None, value: Value, person: str) -> Updates:
        return self._kept(editor.refined(draft, value), person)

    def _take_back(self, draft: Draft | None, person: str) -> Updates:
        return self._kept(editor.taken_back(draft), person)

    def _kept(self, draft: Draft, person: str) -> Updates:
        """A draft whose mask was made by the server, kept before the editor has it."""
        kept = draft_restore.keep_mask(self.store, draft, draft.given, person)
        return {self.page.draft: draft} if kept is None else self._safe(kept, person)

    def _keep(self, draft: Draft | None, value: Value, person: str) -> Updates:
        """After a stroke; says nothing over what is being said."""
        kept = draft_restore.keep(self.store, draft, value, person)
        return {} if kept is None else self._safe(kept, person)

    def _safe(self, draft: Draft, person: str) -> Updates:
        """The draft, what is said of it, and where the browser finds it after a reload."""
        page, autosaved, scan = self.page, draft.autosaved, draft.scan
        said = text.ALL_UNDONE if autosaved is None else text.draft_kept(autosaved.kept_at)
        place = None if autosaved is None else (scan.sha256, scan.index, draft.description)
        return {
            page.draft: draft,
            page.stage.kept: panels.note(said),
            page.browser: draft_restore.Memory(person, place).to_browser(),
        }

    def _save(self, draft: Draft | None, value: Value, person: str) -> Updates:
        page, stage = self.page, self.page.stage
        try:
            kept, revision, mask = editor.save(self.store, draft, value, person)
        except LateEditor as error:
            late, told = editor.found_late(error.draft)
            return {page.draft: late, page.message: panels.message(told)}
        name = f"revision-{revision.number}"
        return {
            page.draft: kept,
            stage.saved: panels.note(text.saved(revision.number, person.strip())),
            stage.download_saved: mask_download(stage.download_saved, kept.scan, mask, name),
            stage.kept: "",
            page.browser: draft_restore.Memory(person).to_browser(),
        }
