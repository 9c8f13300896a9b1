"""The page wired up: which event runs which handler.

Events that call the model share one queue place (`MODEL`), so the network answers one question at a time and the
events of one tab run in the order they were made. A state holds the encoded scan, so a switch never reads the file
nor encodes again. Switching does not write the switches: a tick made while an answer is on its way is not lost.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from causalseg.annotations.records import KeptDraft
from causalseg.annotations.store import LabelStore, drafts
from causalseg.engine import Engine
from causalseg.errors import InputError
from causalseg.settings import Settings
from causalseg.ui import pictures
from causalseg.ui.bind import MODEL, VOLUME, Queue, Updates, bind
from causalseg.ui.gpu import on_gpu
from causalseg.ui.long_tasks import LongTasks
from causalseg.ui.segment import draft_restore, handlers, panels, text
from causalseg.ui.segment.correct_tab import Editing
from causalseg.ui.segment.examples import Example, examples, read_example
from causalseg.ui.segment.layout import OPACITY, Page, build_page
from causalseg.ui.segment.mask_export import Choice, exports
from causalseg.ui.segment.presence_votes import Saying
from causalseg.ui.segment.session import Draft, SessionState, VolumeMask
from causalseg.ui.segment.updates import Shows
from causalseg.ui.services import Services

_THUMBNAIL_SIDE_PX = 64


def bind_segment_page(demo: gr.Blocks, services: Services, examples_dir: Path, metrics: Mapping[str, Any]) -> None:
    """Lay the page out and wire it up, inside its `gr.Blocks`. `metrics` are those of the checkpoint's entry."""
    engine, store, settings = services.engine, services.store, services.settings
    samples = examples(examples_dir)
    page = build_page(engine, samples, [_thumbnail(sample, settings) for sample in samples])
    wiring = Wiring(engine, store, settings, page, Shows(engine, page, metrics))
    wiring.scan_panel(samples)
    wiring.views()
    wiring.switch_panel()
    wiring.stage_panel()
    Editing(engine, store, page, wiring.listen).bind()
    Saying(engine, store, page, wiring.listen).bind()
    wiring.recovery(demo)
    wiring.export_panel()
    wiring.address(demo)


@dataclass(frozen=True, slots=True)
class Wiring:
    """Binds the events of one page to the handlers."""

    engine: Engine
    store: LabelStore
    settings: Settings
    page: Page
    shows: Shows
    tasks: LongTasks = field(default_factory=LongTasks)

    def scan_panel(self, samples: tuple[Example, ...]) -> None:
        """Opening a scan, asking for something in it."""
        panel, shows = self.page.scan, self.shows

        def example(state: SessionState, index: int) -> SessionState:
            return handlers.open_example(self.engine, self.settings, samples[index])

        def suggested(state: SessionState, sample: list[str]) -> SessionState:
            return handlers.ask(self.engine, state, sample[0])

        for opening in (panel.file.upload, panel.examples.click):
            self.listen("drop", opening, self._drop_task, [], [])
        busy = self.page.stage.scan
        upload = partial(handlers.open_upload, self.engine, self.settings)
        opened = self._model("open", panel.file.upload, upload, [panel.file, panel.description], shows.opened, busy)
        # At once and not when the scan is open, or the next file would be added to this one.
        panel.file.upload(
            lambda: None,
            outputs=panel.file,
            show_progress="hidden",
            concurrency_limit=None,
            api_visibility="private",
        )
        shown = self._model("example", panel.examples.click, example, [panel.examples], shows.example, busy)
        for done in (opened, shown):
            self._offers("offer", done.then)
        self._model("ask", panel.description.submit, partial(handlers.ask, self.engine), [panel.description])
        # `.input` is fired by key presses only: it misses a paste and a deletion.
        self._model("type", panel.description.change, partial(handlers.look_again, self.engine), [panel.description])
        self._model("suggest", panel.suggestions.click, suggested, [panel.suggestions], shows.asked)
        self._model("anyway", panel.anyway.input, handlers.show_anyway, [panel.anyway])

    def views(self) -> None:
        """Other looks at the same file: slice and window; and the question asked of all slices."""
        scan, stage, shows, engine = self.page.scan, self.page.stage, self.shows, self.engine
        self._model("slice", stage.place.input, partial(handlers.look_at, engine), [stage.place], shows.picture)
        named = partial(handlers.look_through_named, engine)
        self._model("preset", scan.window.input, named, [scan.window], shows.picture)
        through, numbers = partial(handlers.look_through, engine), [scan.center, scan.width]
        for number in numbers:
            self._model("window", number.submit, through, numbers, shows.windowed)
            self._model("window", number.blur, through, numbers, shows.windowed)
        shown = [self.page.volume, stage.volume, stage.stop, stage.segment_all]
        at_rest = self._at_rest()
        every = [self.page.session]
        run = self._segment_all
        bind(
            "segment_all", stage.segment_all.click, run, every, shown, self.page.message, queue=VOLUME, at_rest=at_rest
        )
        self.listen("stop", stage.stop.click, self._stop_task, [], [stage.stop])

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
        if task.is_dropped:
            yield self._at_rest()
        else:
            yield {**self._at_rest(), self.page.volume: volume, stage.volume: self.shows.volume(volume, state)}

    def _stop_task(self, request: gr.Request) -> Updates:
        self.tasks.stop(str(request.session_hash))
        return {self.page.stage.stop: gr.update(interactive=False)}

    def _drop_task(self, request: gr.Request) -> Updates:
        self.tasks.drop(str(request.session_hash))
        return {}

    def switch_panel(self) -> None:
        """The confounders: switched, tried, added."""
        panel, engine, shows = self.page.switches, self.engine, self.shows

        def switched(state: SessionState, present: list[str], absent: list[str]) -> SessionState:
            return handlers.switch(engine, state, (*present, *absent))

        def added(state: SessionState, which: str | None, strength: int | float, seed: int | None) -> SessionState:
            return handlers.add(engine, state, which, float(strength), seed)

        both = [panel.present, panel.absent]
        self._model("switch", panel.present.input, switched, both)
        self._model("switch", panel.absent.input, switched, both)
        self._model("observed", panel.observed.click, partial(handlers.show_observed, engine), [], shows.switched)
        self._model("adjusted", panel.adjusted.click, partial(handlers.show_adjusted, engine), [], shows.switched)
        look_for = partial(handlers.look_for, engine)
        self._model("look_for", panel.typed.submit, look_for, [panel.typed], shows.typed)
        adding = [panel.which, panel.strength, panel.seed]
        self._model("add", panel.add.click, added, adding, shows.picture, self.page.stage.scan)
        back = partial(handlers.back_to_original, engine)
        self._model("original", panel.original.click, back, [], shows.picture)

        rank = on_gpu(shows.ranking)

        def ranked(state: SessionState) -> Updates:
            return {panel.ranking: rank(state)}

        asked, answered = [self.page.session], [panel.ranking]
        self.listen("try_all", panel.try_all.click, ranked, asked, answered, MODEL, panel.ranking)

        def where(state: SessionState, shown: str | None, event: gr.EventData) -> Updates:
            known = {} if state.encoded is None else state.encoded.strength
            return shows.where(state, event.id if event.id in known and event.id != shown else None)

        mapped = [self.page.where, self.page.stage.where, panel.present_bars, panel.absent_bars]
        for html in (panel.present_bars, panel.absent_bars, self.page.stage.where):
            self.listen("where", html.click, where, [self.page.session, self.page.where], mapped)

    def stage_panel(self) -> None:
        """Looking at the mask: its opacity, and the comparison, drawn only while its tab is open."""
        page, stage = self.page, self.page.stage

        def dimmed(state: SessionState, opacity: int | float) -> Updates:
            return {stage.mask: self.shows.overlay(state, float(opacity))}

        def compared(state: SessionState) -> Updates:
            return {page.comparing: True, stage.slider: self.shows.pair(state)}

        def not_compared() -> Updates:
            return {page.comparing: False}

        def outlined(state: SessionState, only: bool) -> Updates:
            opacity = 0.0 if only else OPACITY
            return {stage.opacity: opacity, stage.mask: self.shows.overlay(state, opacity)}

        def tinted(state: SessionState, opacity: int | float) -> Updates:
            return {**dimmed(state, opacity), stage.outline: opacity == 0}

        tint = [page.session, stage.opacity]
        self.listen("opacity", stage.opacity.input, tinted, tint, [stage.mask, stage.outline])
        only = [page.session, stage.outline]
        self.listen("outline", stage.outline.input, outlined, only, [stage.opacity, stage.mask])
        self.listen("compare", stage.compare_tab.select, compared, [page.session], [page.comparing, stage.slider])
        self.listen("mask", stage.mask_tab.select, not_compared, [], [page.comparing], wipes=False)

    def recovery(self, demo: gr.Blocks) -> None:
        """Strokes that were not saved: offered when the page is loaded or their scan is opened, restored, discarded."""
        page, panel, engine = self.page, self.page.recovery, self.engine

        def load(browser: dict[str, Any] | None) -> Updates:
            memory = draft_restore.remembered(browser)
            kept = draft_restore.drawn_here(self.store, memory)
            name = {} if memory is None else {page.stage.person: memory.person}
            return {**name, **self._offered(kept)}

        def discard(kept: KeptDraft | None) -> Updates:
            if kept is not None:
                drafts.discard(self.store, kept)
            return self._offered(None)

        def reopen(state: SessionState, kept: KeptDraft | None) -> SessionState:
            if kept is None:
                raise InputError(text.NO_DRAFT)
            return draft_restore.reopened(engine, self.store, state, kept)

        def signed(person: str, browser: dict[str, Any] | None) -> Updates:
            memory = draft_restore.remembered(browser) or draft_restore.Memory(person)
            return {page.browser: replace(memory, person=person).to_browser()}

        self.listen("load", demo.load, load, [page.browser], [page.stage.person, *self._offering()], wipes=False)
        self._offers("sign", page.stage.person.blur)
        known = [page.stage.person, page.browser]
        self.listen("signed", page.stage.person.change, signed, known, [page.browser], wipes=False)
        self.listen("discard", panel.discard.click, discard, [page.offer], self._offering())
        Editing(engine, self.store, page, self.listen).restore_after(
            self._model("restore", panel.restore.click, reopen, [page.offer], self.shows.example, page.stage.scan)
        )

    def _offers(self, name: str, listener: Callable[..., Any]) -> None:
        """Offer what was drawn and not saved on the scan on screen; where there is none, an older offer stays."""

        def offer(state: SessionState, draft: Draft | None, person: str) -> Updates:
            kept = draft_restore.on_screen(self.store, state, draft, person)
            return {} if kept is None else self._offered(kept)

        asked = [self.page.session, self.page.draft, self.page.stage.person]
        self.listen(name, listener, offer, asked, self._offering(), wipes=False)

    def _offering(self) -> list[Any]:
        return [self.page.offer, self.page.recovery.row, self.page.recovery.note]

    def _offered(self, kept: KeptDraft | None) -> Updates:
        panel = self.page.recovery
        note = "" if kept is None else panels.note(text.unsaved_strokes(kept.kept_at, kept.description))
        return {self.page.offer: kept, panel.row: gr.Row(visible=kept is not None), panel.note: note}

    def export_panel(self) -> None:
        """Masks out, in every format."""
        page, panel = self.page, self.page.export

        def export(
            state: SessionState,
            volume: VolumeMask | None,
            draft: Draft | None,
            which: Choice,
            with_identity: bool,
            person: str,
            edited: Mapping[str, Any] | None,
        ) -> Updates:
            known = {"store": self.store, "person": person, "edited": edited}
            made = exports(self.engine, which, state, volume, draft, with_identity=with_identity, **known)
            paths = [_cached(panel.files, one.name, one.content) for one in made if one.content is not None]
            return {panel.problems: panels.problems(made), panel.files: gr.File(value=paths, visible=True)}

        corrected = [page.stage.person, page.stage.editor]
        asked = [page.session, page.volume, page.draft, panel.which, panel.with_identity, *corrected]
        shown = [panel.problems, panel.files]
        self.listen("export", panel.make.click, export, asked, shown, busy=panel.problems)

    def address(self, demo: gr.Blocks) -> None:
        """A picture of the label store that the page's address names, as Work links: `/?scan=SHA256&index=N`."""
        page, open_there = self.page, on_gpu(partial(handlers.open_stored, self.engine, self.store))

        def opened(state: SessionState, comparing: bool, opacity: int | float, request: gr.Request) -> Updates:
            named = request.query_params
            answered = open_there(state, str(named.get("scan", "")), str(named.get("index", "0")))
            return {} if answered is state else self.shows.example(answered, comparing, float(opacity))

        seen = [page.session, page.comparing, page.stage.opacity]
        # Not veiled while it runs: nearly always there is nothing to open.
        done = self.listen("address", demo.load, opened, seen, self.shows.outputs(), MODEL, wipes=False)
        self._offers("offer", done.then)

    def _model(
        self,
        name: str,
        listener: Callable[..., Any],
        act: Callable[..., SessionState],
        inputs: list[Any],
        show: Callable[..., Updates] | None = None,
        busy: Any = None,
    ) -> Any:
        """On `listener`, show the state that `act` makes of the one on screen and the values of `inputs`."""
        page, show_state, act_there = self.page, show or self.shows.mask, on_gpu(act)

        def run(state: SessionState, comparing: bool, opacity: int | float, *values: object) -> Updates:
            answered = act_there(state, *values)
            return {} if answered is state else show_state(answered, comparing, float(opacity))

        seen = [page.session, page.comparing, page.stage.opacity]
        return self.listen(name, listener, run, seen + inputs, self.shows.outputs(), MODEL, busy)

    def listen(
        self,
        name: str,
        listener: Callable[..., Any],
        run: Callable[..., Updates],
        inputs: list[Any],
        outputs: list[Any],
        queue: Queue | None = None,
        busy: Any = None,
        js: str | None = None,
        wipes: bool = True,
    ) -> Any:
        """Bind one event of this page, as `bind` does."""
        message = self.page.message
        return bind(name, listener, run, inputs, outputs, message, queue=queue, busy=busy, js=js, wipes=wipes)


def _cached(files: gr.File, name: str, content: bytes) -> str:
    return save_bytes_to_cache(content, name, files.GRADIO_CACHE)


def _thumbnail(sample: Example, settings: Settings) -> str:
    picture_u8 = pictures.on_square(read_example(sample, settings), _THUMBNAIL_SIDE_PX)
    return panels.picture(picture_u8, alt=f"{sample.modality}, {sample.description}")
