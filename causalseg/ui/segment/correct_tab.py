"""The editor wired up: a mask into it, drawn on, kept as a draft, reshaped, and out of it into the store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr
import numpy as np

from causalseg.annotations.label_records import KeptDraft
from causalseg.annotations.store import LabelStore
from causalseg.engine import Engine
from causalseg.errors import BadCorrection
from causalseg.ui.assets import script
from causalseg.ui.bind import EDITOR, Updates, alert, bind
from causalseg.ui.browser_memory import Memory
from causalseg.ui.segment import draft_restore, editor, handlers, panels, text
from causalseg.ui.segment.editor import LateEditor
from causalseg.ui.segment.layout import START_ADJUSTED, START_OBSERVED, START_SCREEN, Page
from causalseg.ui.segment.mask_cleanup import Reshape, fill_holes, smooth_edge
from causalseg.ui.segment.session import EditorMask, SessionState
from causalseg.ui.segment.updates import mask_download

Value = Mapping[str, Any] | None
"""What the editor sends."""


@dataclass(frozen=True, slots=True)
class CorrectTab:
    """Binds the events of the editor to the handlers."""

    engine: Engine
    store: LabelStore
    page: Page

    def bind(self) -> None:
        """All events of the tab "Correct" and of the button that leads there."""
        page, stage, on = self.page, self.page.stage, self._on
        begun = [page.editor_mask, stage.tabs, page.comparing]
        asked = [page.session, page.editor_mask, stage.editor, page.offer]
        started = (
            on("correct", stage.correct.click, self._start, asked, begun),
            on("correct_tab", stage.correct_tab.select, self._start_once, asked, begun),
            on("start_from", stage.start_from.input, self._start_from, [*asked, stage.start_from], begun),
        )
        drawn = [page.editor_mask, stage.editor, stage.person]
        kept = [page.editor_mask, stage.kept, page.browser]
        signed = [page.editor_mask, stage.person]
        taken_back = on("take_back", stage.take_back.click, self._take_back, signed, kept)
        filled = on("fill", stage.fill.click, self._reshaping(fill_holes), drawn, kept)
        smoothed = on("smooth", stage.smooth.click, self._reshaping(smooth_edge), drawn, kept)
        refined = on("refine", stage.refine.click, self._refine, drawn, kept, busy=stage.kept)
        on("keep", stage.keep.click, self._keep, drawn, kept, wipes=False)
        stored = [page.editor_mask, stage.saved, stage.download_saved, *kept[1:]]
        saved = on("save", stage.save.click, self._save, drawn, stored)
        for before in (*started, taken_back, filled, smoothed, refined, saved):
            self._load_after(before)

    def restore_after(self, reopened: Any) -> None:
        """Give the editor the draft that was offered, once its scan is on screen."""
        page, stage = self.page, self.page.stage

        def restore(state: SessionState, kept: KeptDraft | None, editing: EditorMask | None) -> Updates:
            if kept is None or not draft_restore.is_of(kept, state):
                return {}  # reopening it failed, and said why
            return {
                page.editor_mask: draft_restore.restored(self.engine, state, kept, editing),
                page.offer: None,
                page.restoring.row: gr.Row(visible=False),
                stage.tabs: gr.Tabs(selected="correct"),
                page.comparing: False,
                stage.kept: panels.note(text.draft_kept(kept.kept_at)),
            }

        shown = [page.editor_mask, page.offer, page.restoring.row, stage.tabs, page.comparing, stage.kept]
        asked = [page.session, page.offer, page.editor_mask]
        self._load_after(self._on("restored", reopened.then, restore, asked, shown, wipes=False))

    def _load_after(self, before: Any) -> None:
        stage = self.page.stage
        loaded = [self.page.editor_mask, stage.editor, stage.bare, stage.saved]
        asked, js = [self.page.editor_mask], script("editor-ready.js")
        self._on("load_editor", before.then, self._load, asked, loaded, js=js, wipes=False)

    @property
    def _on(self) -> Callable[..., Any]:
        return partial(bind, message=self.page.message, queue=EDITOR)

    def _start(self, state: SessionState, editing: EditorMask | None, value: Value, offer: KeptDraft | None) -> Updates:
        return self._begin(state, state, editing, value, offer)

    def _start_once(
        self, state: SessionState, editing: EditorMask | None, value: Value, offer: KeptDraft | None
    ) -> Updates:
        """The tab was opened: what is in the editor already stays there."""
        page = self.page
        if editing is not None and (editor.is_of(editing, state) or not state.encoded):
            return {page.comparing: False}
        if editing is not None and editor.unsaved(editing, value) is not None:
            return {page.comparing: False, page.message: alert(text.unsaved(editing.scan.place))}
        return self._begin(state, state, editing, value, offer)

    def _start_from(
        self, state: SessionState, editing: EditorMask | None, value: Value, offer: KeptDraft | None, which: str
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
        return self._begin(chosen, state, editing, value, offer)

    def _begin(
        self,
        chosen: SessionState,
        state: SessionState,
        editing: EditorMask | None,
        value: Value,
        offer: KeptDraft | None,
    ) -> Updates:
        """Start from the mask of `chosen`, unless strokes would be lost that the person was not warned of."""
        page = self.page
        if draft_restore.is_of(offer, state):
            raise BadCorrection(text.DRAFT_FIRST)
        fresh, mask = editor.start(self.engine, chosen, editing), editor.unsaved(editing, value)
        if editing is None or mask is None or (editing.doomed is not None and np.array_equal(mask, editing.doomed)):
            return {page.editor_mask: fresh, page.stage.tabs: gr.Tabs(selected="correct"), page.comparing: False}
        told = alert(text.unsaved(editing.scan.place))
        return {page.editor_mask: replace(editing, doomed=mask), page.message: told}

    def _load(self, editing: EditorMask | None) -> Updates:
        page, stage = self.page, self.page.stage
        if editing is None or editing.is_loaded:
            return {}
        return {
            page.editor_mask: replace(editing, is_loaded=True),
            stage.editor: editor.editor_value(editing),
            stage.bare: panels.picture(editing.canvas_u8, alt=text.BARE),
            stage.saved: panels.note(text.loaded(editing.mask_word, editing.scan.place)),
        }

    def _reshaping(self, how: Reshape) -> Callable[..., Updates]:
        def reshape(editing: EditorMask | None, value: Value, person: str) -> Updates:
            return self._kept(editor.reshaped(editing, value, how), person)

        return reshape

    def _refine(self, editing: EditorMask | None, value: Value, person: str) -> Updates:
        return self._kept(editor.refined(editing, value), person)

    def _take_back(self, editing: EditorMask | None, person: str) -> Updates:
        return self._kept(editor.taken_back(editing), person)

    def _kept(self, editing: EditorMask, person: str) -> Updates:
        """A draft whose mask was made by the server, kept before the editor has it."""
        kept = draft_restore.keep_mask(self.store, editing, editing.given, person)
        return {self.page.editor_mask: editing} if kept is None else self._safe(kept, person)

    def _keep(self, editing: EditorMask | None, value: Value, person: str) -> Updates:
        """After a stroke; says nothing over what is being said."""
        kept = draft_restore.keep(self.store, editing, value, person)
        return {} if kept is None else self._safe(kept, person)

    def _safe(self, editing: EditorMask, person: str) -> Updates:
        """The draft, what is said of it, and where the browser finds it after a reload."""
        page, autosaved, scan = self.page, editing.autosaved, editing.scan
        said = text.ALL_UNDONE if autosaved is None else text.draft_kept(autosaved.kept_at)
        place = None if autosaved is None else (scan.sha256, scan.index, editing.description)
        return {
            page.editor_mask: editing,
            page.stage.kept: panels.note(said),
            page.browser: Memory(person, place).to_browser(),
        }

    def _save(self, editing: EditorMask | None, value: Value, person: str) -> Updates:
        page, stage = self.page, self.page.stage
        try:
            kept, revision, mask = editor.save(self.store, editing, value, person)
        except LateEditor as error:
            late, told = editor.found_late(error.editing)
            return {page.editor_mask: late, page.message: alert(told)}
        name = f"revision-{revision.number}"
        return {
            page.editor_mask: kept,
            stage.saved: panels.note(text.saved(revision.number, person.strip())),
            stage.download_saved: mask_download(stage.download_saved, kept.scan, mask, name),
            stage.kept: "",
            page.browser: Memory(person).to_browser(),
        }
