"""The Segment page wired up: which event runs which handler.

Events that call the model share one queue place (`MODEL`), so the network answers one question at a time and the
events of one tab run in the order they were made. A state holds the encoded scan, so a switch never reads the file
nor encodes again. Switching does not write the switches: a tick made while an answer is on its way is not lost.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from causalseg.annotations.label_records import KeptDraft
from causalseg.annotations.store import drafts
from causalseg.engine import Engine
from causalseg.errors import InputError
from causalseg.settings import Settings
from causalseg.ui import pictures
from causalseg.ui.bind import MODEL, PICTURE, VOLUME, Updates, bind
from causalseg.ui.browser_memory import remembered, renamed
from causalseg.ui.gpu import on_gpu
from causalseg.ui.long_tasks import LongTasks
from causalseg.ui.segment import draft_restore, handlers, panels, text
from causalseg.ui.segment.correct_tab import CorrectTab
from causalseg.ui.segment.examples import Example, examples, read_example
from causalseg.ui.segment.layout import OPACITY, Page
from causalseg.ui.segment.mask_export import Choice, exports
from causalseg.ui.segment.presence_votes import PresenceVotes
from causalseg.ui.segment.session import EditorMask, SessionState, VolumeMask
from causalseg.ui.segment.updates import PageUpdates
from causalseg.ui.services import Services

_THUMBNAIL_SIDE_PX = 64


def bind_segment_page(demo: gr.Blocks, services: Services, examples_dir: Path, metrics: Mapping[str, Any]) -> None:
    """Lay the page out and wire it up, inside its `gr.Blocks`. `metrics` are those of the checkpoint's entry."""
    engine, samples = services.engine, examples(examples_dir)
    page = Page(engine, samples, [_thumbnail(sample, services.settings) for sample in samples])
    bindings = Bindings(services, page, PageUpdates(engine, page, metrics), CorrectTab(engine, services.store, page))
    bindings.scan_panel(samples)
    bindings.slices_and_windows()
    bindings.switch_panel()
    bindings.stage_panel()
    bindings.correct_tab.bind()
    PresenceVotes(engine, services.store, page).bind()
    bindings.restore_panel(demo)
    bindings.export_panel()
    bindings.address(demo)


@dataclass(frozen=True, slots=True)
class Bindings:
    """Binds the events of one page to the handlers."""

    services: Services
    page: Page
    updates: PageUpdates
    correct_tab: CorrectTab
    tasks: LongTasks = field(default_factory=LongTasks)

    @property
    def engine(self) -> Engine:
        """What answers."""
        return self.services.engine

    def scan_panel(self, samples: tuple[Example, ...]) -> None:
        """Opening a scan, asking for something in it."""
        panel, updates, engine, settings = self.page.scan, self.updates, self.engine, self.services.settings

        def example(state: SessionState, index: int) -> SessionState:
            return handlers.open_example(engine, settings, samples[index])

        def suggested(state: SessionState, sample: list[str]) -> SessionState:
            return handlers.ask(engine, state, sample[0])

        def drop_task(request: gr.Request) -> Updates:
            self.tasks.drop(str(request.session_hash))
            return {}

        for opening in (panel.file.upload, panel.examples.click):
            self._on("drop", opening, drop_task, [], [])
        busy, upload = self.page.stage.scan, partial(handlers.open_upload, engine, settings)
        opened = self._model("open", panel.file.upload, upload, [panel.file, panel.description], updates.opened, busy)
        # At once and not when the scan is open, or the next file would be added to this one.
        panel.file.upload(
            lambda: None, outputs=panel.file, show_progress="hidden", concurrency_limit=None, api_visibility="private"
        )
        shown = self._model("example", panel.examples.click, example, [panel.examples], updates.example, busy)
        for done in (opened, shown):
            self._offers("offer", done.then)
        self._model("ask", panel.description.submit, partial(handlers.ask, engine), [panel.description])
        # `.input` is fired by key presses only: it misses a paste and a deletion.
        self._model("type", panel.description.change, partial(handlers.look_again, engine), [panel.description])
        self._model("suggest", panel.suggestions.click, suggested, [panel.suggestions], updates.asked)
        self._model("anyway", panel.anyway.input, handlers.show_anyway, [panel.anyway])

    def slices_and_windows(self) -> None:
        """Other slices and windows of the same file; and the question asked of all slices."""
        page, scan, stage, updates, engine = self.page, self.page.scan, self.page.stage, self.updates, self.engine
        self._model("slice", stage.place.input, partial(handlers.look_at, engine), [stage.place], updates.picture)
        named = partial(handlers.look_through_named, engine)
        self._model("preset", scan.window.input, named, [scan.window], updates.picture)
        through, numbers = partial(handlers.look_through, engine), [scan.center, scan.width]
        for number in numbers:
            self._model("window", number.submit, through, numbers, updates.windowed)
            self._model("window", number.blur, through, numbers, updates.windowed)

        def stop(request: gr.Request) -> Updates:
            self.tasks.stop(str(request.session_hash))
            return {stage.stop: gr.update(interactive=False)}

        shown, how = [page.volume, stage.volume, stage.stop, stage.segment_all], {"at_rest": self._at_rest()}
        self._on("segment_all", stage.segment_all.click, self._segment_all, [page.session], shown, queue=VOLUME, **how)
        self._on("stop", stage.stop.click, stop, [], [stage.stop])

    def _at_rest(self) -> Updates:
        stage = self.page.stage
        return {stage.stop: gr.update(visible=False, interactive=True), stage.segment_all: gr.update(interactive=True)}

    def _segment_all(self, state: SessionState, request: gr.Request) -> Iterator[Updates]:
        stage, tab = self.page.stage, str(request.session_hash)
        task, started_s, volume = self.tasks.begin(tab), time.monotonic(), None
        try:
            yield {stage.stop: gr.Button(visible=True), stage.segment_all: gr.Button(interactive=False)}
            for volume in handlers.segment_slices(self.engine, state, is_stopped=lambda: task.is_stopped):
                yield {stage.volume: panels.volume_progress(volume, time.monotonic() - started_s)}
        finally:
            self.tasks.end(tab, task)
        told = {} if task.is_dropped else {self.page.volume: volume, stage.volume: self.updates.volume(volume, state)}
        yield {**self._at_rest(), **told}

    def switch_panel(self) -> None:
        """The confounders: switched, tried, added."""
        page, panel, engine, updates = self.page, self.page.switches, self.engine, self.updates

        def switched(state: SessionState, present: list[str], absent: list[str]) -> SessionState:
            return handlers.switch(engine, state, (*present, *absent))

        both = [panel.present.ticks, panel.absent.ticks]
        for ticks in both:
            self._model("switch", ticks.input, switched, both)
        self._model("observed", panel.observed.click, partial(handlers.show_observed, engine), [], updates.switched)
        self._model("adjusted", panel.adjusted.click, partial(handlers.show_adjusted, engine), [], updates.switched)
        self._model("look_for", panel.typed.submit, partial(handlers.look_for, engine), [panel.typed], updates.typed)
        adding, add = [panel.which, panel.strength, panel.seed], partial(handlers.add, engine)
        self._model("add", panel.add.click, add, adding, updates.picture, page.stage.scan)
        self._model("original", panel.original.click, partial(handlers.back_to_original, engine), [], updates.picture)

        rank = on_gpu(updates.ranking)

        def ranked(state: SessionState) -> Updates:
            return {panel.ranking: rank(state)}

        shown = panel.ranking
        self._on("try_all", panel.try_all.click, ranked, [page.session], [shown], queue=MODEL, busy=shown)

        def where(state: SessionState, shown: str | None, click: gr.EventData) -> Updates:
            known = {} if state.encoded is None else state.encoded.strength
            wanted = click.confounder
            return updates.where(state, wanted if wanted in known and wanted != shown else None)

        bars = [panel.present.bars, panel.absent.bars]
        for html in (*bars, page.stage.where):
            self._on("where", html.click, where, [page.session, page.where], [page.where, page.stage.where, *bars])

    def stage_panel(self) -> None:
        """Looking at the mask: its opacity, and the comparison, drawn only while its tab is open."""
        page, stage = self.page, self.page.stage

        def compared(state: SessionState) -> Updates:
            return {page.comparing: True, stage.slider: self.updates.pair(state)}

        def outlined(state: SessionState, only: bool) -> Updates:
            opacity = 0.0 if only else OPACITY
            return {stage.opacity: opacity, stage.mask: self.updates.overlay(state, opacity)}

        def tinted(state: SessionState, opacity: int | float) -> Updates:
            return {stage.mask: self.updates.overlay(state, float(opacity)), stage.outline: opacity == 0}

        shown = [stage.mask, stage.opacity, stage.outline]
        self._on("opacity", stage.opacity.input, tinted, [page.session, stage.opacity], shown)
        self._on("outline", stage.outline.input, outlined, [page.session, stage.outline], shown)
        self._on("compare", stage.compare_tab.select, compared, [page.session], [page.comparing, stage.slider])
        self._on("mask", stage.mask_tab.select, lambda: {page.comparing: False}, [], [page.comparing], wipes=False)

    def restore_panel(self, demo: gr.Blocks) -> None:
        """Strokes that were not saved: offered when the page is loaded or their scan is opened, restored, discarded."""
        page, panel, store = self.page, self.page.restoring, self.services.store

        def load(browser: dict[str, Any] | None) -> Updates:
            memory = remembered(browser)
            name = {} if memory is None else {page.stage.person: memory.person}
            return {**name, **self._offered(draft_restore.drawn_here(store, memory))}

        def discard(kept: KeptDraft | None) -> Updates:
            if kept is not None:
                drafts.discard(store, kept)
            return self._offered(None)

        def reopen(state: SessionState, kept: KeptDraft | None) -> SessionState:
            if kept is None:
                raise InputError(text.NO_DRAFT)
            return draft_restore.reopened(self.engine, store, state, kept)

        def signed(person: str, browser: dict[str, Any] | None) -> Updates:
            return {page.browser: renamed(person, browser)}

        self._on("load", demo.load, load, [page.browser], [page.stage.person, *self._offering()], wipes=False)
        self._offers("sign", page.stage.person.blur)
        known = [page.stage.person, page.browser]
        self._on("signed", page.stage.person.change, signed, known, [page.browser], wipes=False)
        self._on("discard", panel.discard.click, discard, [page.offer], self._offering())
        self.correct_tab.restore_after(
            self._model("restore", panel.restore.click, reopen, [page.offer], self.updates.example, page.stage.scan)
        )

    def _offers(self, name: str, event: Callable[..., Any]) -> None:
        """Offer what was drawn and not saved on the scan on screen; where there is none, an older offer stays."""

        def offer(state: SessionState, editing: EditorMask | None, person: str) -> Updates:
            kept = draft_restore.on_screen(self.services.store, state, editing, person)
            return {} if kept is None else self._offered(kept)

        asked = [self.page.session, self.page.editor_mask, self.page.stage.person]
        self._on(name, event, offer, asked, self._offering(), wipes=False)

    def _offering(self) -> list[Any]:
        return [self.page.offer, self.page.restoring.row, self.page.restoring.note]

    def _offered(self, kept: KeptDraft | None) -> Updates:
        panel = self.page.restoring
        note = "" if kept is None else panels.note(text.unsaved_strokes(kept.kept_at, kept.description))
        return {self.page.offer: kept, panel.row: gr.Row(visible=kept is not None), panel.note: note}

    def export_panel(self) -> None:
        """Masks out, in every format."""
        page, panel = self.page, self.page.export

        def export(
            state: SessionState,
            volume: VolumeMask | None,
            editing: EditorMask | None,
            which: Choice,
            with_identity: bool,
            person: str,
            edited: Mapping[str, Any] | None,
        ) -> Updates:
            known = {"store": self.services.store, "person": person, "edited": edited}
            made = exports(self.engine, which, state, volume, editing, with_identity=with_identity, **known)
            paths = [
                save_bytes_to_cache(one.content, one.name, panel.files.GRADIO_CACHE)
                for one in made
                if one.content is not None
            ]
            return {panel.problems: panels.problems(made), panel.files: gr.File(value=paths, visible=True)}

        asked = [page.session, page.volume, page.editor_mask, panel.which, panel.with_identity]
        asked += [page.stage.person, page.stage.editor]
        self._on("export", panel.make.click, export, asked, [panel.problems, panel.files], busy=panel.problems)

    def address(self, demo: gr.Blocks) -> None:
        """A picture of the label store that the page's address names, as Work links: `/?scan=SHA256&index=N`."""
        page, open_there = self.page, on_gpu(partial(handlers.open_stored, self.engine, self.services.store))

        def opened(state: SessionState, comparing: bool, opacity: int | float, request: gr.Request) -> Updates:
            named = request.query_params
            answered = open_there(state, str(named.get("scan", "")), str(named.get("index", "0")))
            return {} if answered is state else self.updates.example(answered, comparing, float(opacity))

        seen = [page.session, page.comparing, page.stage.opacity]
        # Not veiled while it runs: nearly always there is nothing to open.
        done = self._on("address", demo.load, opened, seen, self.updates.outputs(), queue=MODEL, wipes=False)
        self._shows_without(done.then)
        self._offers("offer", done.then)

    def _model(
        self,
        name: str,
        event: Callable[..., Any],
        act: Callable[..., SessionState],
        inputs: list[Any],
        show: Callable[..., Updates] | None = None,
        busy: Any = None,
    ) -> Any:
        """On `event`, show the state that `act` makes of the one on screen and the values of `inputs`."""
        page, show_state, act_there = self.page, show or self.updates.mask, on_gpu(act)

        def run(state: SessionState, comparing: bool, opacity: int | float, *values: object) -> Updates:
            answered = act_there(state, *values)
            return {} if answered is state else show_state(answered, comparing, float(opacity))

        seen = [page.session, page.comparing, page.stage.opacity, *inputs]
        done = self._on(name, event, run, seen, self.updates.outputs(), queue=MODEL, busy=busy)
        self._shows_without(done.then)
        return done

    def _shows_without(self, event: Callable[..., Any]) -> None:
        """After the mask, the scan without what is switched off; not made again where it is on screen already."""
        page, make = self.page, on_gpu(partial(handlers.without, self.engine))

        def show(state: SessionState, shown: object) -> Updates:
            asked = (state.encoded, state.removed)
            return {} if asked == shown else {page.without: asked, **self.updates.without(state, make(state))}

        if self.engine.removes_named:
            outputs = [page.without, page.stage.without, page.switches.without]
            self._on("without", event, show, [page.session, page.without], outputs, queue=PICTURE, wipes=False)

    @property
    def _on(self) -> Callable[..., Any]:
        return partial(bind, message=self.page.message)


def _thumbnail(sample: Example, settings: Settings) -> str:
    picture_u8 = pictures.on_square(read_example(sample, settings), _THUMBNAIL_SIDE_PX)
    return panels.picture(picture_u8, alt=f"{sample.modality}, {sample.description}")
