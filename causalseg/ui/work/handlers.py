"""The Work page: what is in the store and how far it is; import, the next scan with its reason, skip, flag, delete.

Which picture is open stands in the buttons themselves; the store keeps the rest. A scan is opened on the main page,
which finds it by its address: `/?scan=SHA256&index=N`.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import gradio as gr

from causalseg.annotations import queue
from causalseg.annotations.imports.folder import Imported
from causalseg.annotations.label_records import STATES, State
from causalseg.annotations.queue import flags
from causalseg.annotations.queue.search import Query
from causalseg.annotations.store import LabelStore, deletion
from causalseg.annotations.store.scans import signed
from causalseg.errors import InputError, StoreError
from causalseg.ui import html, pictures, shared_text
from causalseg.ui.bind import STORE, Queue, Updates, bind
from causalseg.ui.long_tasks import LongTasks
from causalseg.ui.picture_list import Place, listed, offset_of, place_of
from causalseg.ui.services import Services
from causalseg.ui.templates import macros
from causalseg.ui.work import import_files, model_signals, text
from causalseg.ui.work.layout import ImportPanel, SignalsPanel, WorkPage

_MOST_REFUSED = 20
"""Refused files that are named; the rest are counted."""
_IMPORTS, _LOOKS = Queue("import", 2), Queue("look")
_macro = macros("work.html", text=text)


def bind_work_page(blocks: gr.Blocks, services: Services) -> None:
    """Lay the page out and wire it up; call it inside its route."""
    page = WorkPage(blocks)
    handlers = _Handlers(services, page)
    filters, importing, signals = page.filters, page.importing, page.signals
    asked, both = [page.person, *filters.all()], [page.pictures, page.detail]
    on = partial(bind, message=page.message, queue=STORE)
    on("work", page.named.then, handlers.show, asked, [*both, page.purge, signals.told], wipes=False)
    on("work_state", filters.state.input, handlers.filter, asked, [page.pictures])
    on("work_mine", filters.mine.input, handlers.filter, asked, [page.pictures])
    on("work_modality", filters.modality.input, handlers.filter, asked, [page.pictures])
    on("work_search", filters.search.change, handlers.filter, asked, [page.pictures])
    on("work_list", page.pictures.click, handlers.choose, asked, both)
    on("work_next", page.next.click, handlers.next, asked, both, busy=page.next)
    on("work_do", page.detail.click, handlers.do, [page.reason, *asked], [*both, page.reason, page.purge])
    on("work_purge", page.purge.click, handlers.purge, [page.person], [page.purge], busy=page.purge)
    files = [importing.files, importing.folder, importing.description, importing.checked]
    shown = [importing.files, importing.folder, importing.told, importing.start, importing.stop, page.pictures]
    long = {"queue": _IMPORTS, "at_rest": _at_rest(importing)}
    on("import", importing.start.click, handlers.import_, [page.person, *files, *filters.all()], shown, **long)
    on("import_stop", importing.stop.click, handlers.stop_import, [], [importing.stop])
    long = {"queue": _LOOKS, "at_rest": _at_rest(signals)}
    on("look", signals.start.click, handlers.look, [], [signals.told, signals.start, signals.stop], **long)
    on("look_stop", signals.stop.click, handlers.stop_looking, [], [signals.stop])


class _Asked(NamedTuple):
    """Who is at the page, and what narrows its list."""

    person: str
    state: str
    mine: bool
    modality: str
    search: str


@dataclass(frozen=True, slots=True)
class _Handlers:
    services: Services
    page: WorkPage
    tasks: LongTasks = field(default_factory=LongTasks)

    @property
    def store(self) -> LabelStore:
        return self.services.store

    def show(self, *asked: str | bool) -> Updates:
        """The page as it is first seen."""
        return {
            **self.filter(*asked),
            self.page.detail: html.note(text.CHOOSE_OR_NEXT),
            self.page.purge: waiting(self.store),
            self.page.signals.told: self._unseen(),
        }

    def filter(self, *asked: Any) -> Updates:
        """Other filters: the list from its beginning."""
        return {self.page.pictures: self._list(_Asked(*asked))}

    def choose(self, person: str, state: str, mine: bool, modality: str, search: str, click: gr.EventData) -> Updates:
        """A click in the list: a picture, or another page of the list."""
        asked = _Asked(person, state, mine, modality, search)
        if click.act == "page":
            return {self.page.pictures: self._list(asked, offset=offset_of(click))}
        return self._open(place_of(click), asked)

    def next(self, *asked: Any) -> Updates:
        """The next scan of the queue for this person, of the modality that the list shows."""
        return self._next(_Asked(*asked))

    def do(
        self, reason: str, person: str, state: str, mine: bool, modality: str, search: str, click: gr.EventData
    ) -> Updates:
        """A click on the open picture: skip, flag, delete."""
        store, place, asked = self.store, place_of(click), _Asked(person, state, mine, modality, search)
        match str(click.act):
            case "skip":
                queue.skip(store, place[0], person, place[1])
                return self._next(asked, after=place, told=text.SKIPPED)
            case "flag":
                if not reason.strip():
                    raise InputError(text.REASON_FIRST)
                flags.flag(store, place[0], person, reason.strip(), place[1])
                return {**self._open(place, asked, text.FLAGGED), self.page.reason: ""}
            case "unflag":
                flags.unflag(store, place[0], person, place[1])
                return self._open(place, asked, text.UNFLAGGED)
            case "ask-delete":
                return self._open(place, asked, question=text.goes(deletion.goes_with(store, place[0])))
            case "delete":
                deletion.delete_scan(store, place[0], person=person)
                told = {self.page.detail: html.note(text.DELETED, "told"), self.page.purge: waiting(store)}
                return {**told, self.page.pictures: self._list(asked)}
            case _:
                return self._open(place, asked)

    def purge(self, person: str, click: gr.EventData) -> Updates:
        """Remove for ever what is deleted; asked once more before."""
        if click.act != "purge":
            return {self.page.purge: waiting(self.store, is_asked=click.act == "ask-purge")}
        gone = deletion.purge(self.store, person=person)
        told = html.note(text.purged(gone.scans, gone.labels, gone.files), "told")
        return {self.page.purge: told + waiting(self.store)}

    def _next(self, asked: _Asked, after: Place | None = None, told: str = "") -> Updates:
        policy = replace(queue.STANDARD, modality=asked.modality or None)
        turn = queue.next_scan(self.store, asked.person, policy, after=after)
        if turn is None:
            return {self.page.detail: html.note(told, "told") + html.note(text.NOTHING_LEFT)}
        return self._open((turn.scan.sha256, turn.index), asked, told, turn=turn)

    def _open(self, place: Place, asked: _Asked, told: str = "", **how: Any) -> Updates:
        shown = opened(self.store, place, asked.person, **how)
        return {
            self.page.detail: html.note(told, "told") + shown,
            self.page.pictures: self._list(asked, is_open=place),
        }

    def _list(self, asked: _Asked, offset: int = 0, is_open: Place | None = None) -> str:
        known: State | None = next((one for one in STATES if one == asked.state), None)
        person = asked.person if asked.mine else None
        query = Query(state=known, person=person, modality=asked.modality or None, text=asked.search)
        shown = listed(self.store, query, offset, is_open)
        is_bare = query == Query() and "card" not in shown.replace("cards", "")
        return shown + (html.note(text.EMPTY_STORE) if is_bare else "")

    def look(self, request: gr.Request) -> Iterator[Updates]:
        """The model looks at the pictures one by one, taking turns with people's own questions."""
        panel, tab = self.page.signals, f"look-{request.session_hash}"
        task, started_s = self.tasks.begin(tab), time.monotonic()
        try:
            yield _at_work(panel)
            for done, left in model_signals.look(self.store, self.services.engine, lambda: task.is_stopped):
                seconds_left = (time.monotonic() - started_s) / done * left if done else None
                told = text.looked_at(done, done + left, seconds_left)
                yield {panel.told: html.bar(done / max(done + left, 1), told)}
        finally:
            self.tasks.end(tab, task)
        yield {**_at_rest(panel), panel.told: self._unseen()}

    def stop_looking(self, request: gr.Request) -> Updates:
        """The button beside it."""
        self.tasks.stop(f"look-{request.session_hash}")
        return {self.page.signals.stop: gr.Button(interactive=False)}

    def _unseen(self) -> str:
        return html.note(text.unseen(model_signals.unseen(self.store, self.services.engine)))

    def import_(
        self,
        person: str,
        uploads: list[str] | None,
        typed: str,
        description: str,
        checked: bool,
        state: str,
        mine: bool,
        modality: str,
        search: str,
        request: gr.Request,
    ) -> Iterator[Updates]:
        """Import, and show how far it is; the list is shown anew at its end."""
        panel, tab, store, settings = self.page.importing, str(request.session_hash), self.store, self.services.settings
        wanted = import_files.Request(signed(person), description, checked)
        task, step = self.tasks.begin(tab), import_files.Step(0, 0)
        folder, leave = self._folder(uploads, typed)
        try:
            yield _at_work(panel)
            for step in import_files.importing(store, folder, wanted, settings, lambda: task.is_stopped):
                yield {panel.told: html.bar(step.done / max(step.total, 1), text.files_read(step.done, step.total))}
        finally:
            self.tasks.end(tab, task)
            leave()
        told = imported(step.imported) if step.imported else html.note(text.IMPORT_STOPPED, "warning")
        shown = {self.page.pictures: self._list(_Asked(person, state, mine, modality, search))}
        yield {**_at_rest(panel), panel.told: told, panel.files: None, **shown}

    def stop_import(self, request: gr.Request) -> Updates:
        """The button beside it."""
        self.tasks.stop(str(request.session_hash))
        return {self.page.importing.stop: gr.Button(interactive=False)}

    def _folder(self, uploads: list[str] | None, typed: str) -> tuple[Path, Callable[[], None]]:
        """The folder to read, and what to do with it afterwards: ours is removed, theirs is left alone."""
        if uploads:
            folder = import_files.gathered(uploads)
            return folder, lambda: shutil.rmtree(folder, ignore_errors=True)
        if not typed.strip():
            raise InputError(text.FILES_FIRST)
        return import_files.typed_folder(self.services.settings, typed), lambda: None


def _at_work(panel: ImportPanel | SignalsPanel) -> Updates:
    return {panel.start: gr.Button(interactive=False), panel.stop: gr.Button(interactive=True)}


def _at_rest(panel: ImportPanel | SignalsPanel) -> Updates:
    # `gr.update`, for this is called while the page is built, where a Button would stand on it.
    return {panel.start: gr.update(interactive=True), panel.stop: gr.update(interactive=False)}


def opened(store: LabelStore, place: Place, person: str, *, turn: queue.Turn | None = None, question: str = "") -> str:
    """A picture, who is how far with it, and what can be done; with its reason where the queue gave it.

    Raises:
        StoreError: the picture is not there any more, or a file is damaged.
    """
    scan, stored = store.reopened(*place), store.scan(place[0])
    if stored is None:
        raise StoreError(text.NO_SCAN_ANY_MORE)
    newest = {one.person: one for one in store.revisions(place[0], index=place[1])}
    description = next(reversed(newest.values())).description if newest else shared_text.NO_DESCRIPTION
    facts = shared_text.kind_of(stored.modality, place[1], stored.count, stored.axis, len(newest))
    is_flagged = bool(person.strip()) and store.work_of(place[0], person, place[1]).state == "flagged"
    acts = [("skip", text.SKIP)] if turn else []
    acts += [("unflag", text.UNFLAG) if is_flagged else ("flag", text.FLAG), ("ask-delete", text.DELETE_ASK)]
    people = store.database.rows(
        'SELECT person, state, note FROM work WHERE scan_sha256 = ? AND "index" = ? ORDER BY person', place
    )
    data: Mapping[str, str | int] = {"scan": place[0], "index": place[1]}
    picture, address = pictures.png_uri(pictures.plain(scan.image_u8)), "./?" + urlencode(data)
    facts = f"{facts} · {stored.split}"
    return _macro("opened")(picture, description, facts, people, turn, address, acts, question, data)


def waiting(store: LabelStore, *, is_asked: bool = False) -> str:
    """What is deleted and still on the disk, with the button that removes it; asked once more where `is_asked`."""
    hidden = deletion.waiting(store)
    return _macro("waiting")(text.waiting(hidden.scans, hidden.labels), is_asked)


def imported(done: Imported) -> str:
    """What became of an import: counts, and each refused file with its reason."""
    lines = [f"{one.file}: {one.reason}" for one in done.refused[:_MOST_REFUSED]]
    more = len(done.refused) - len(lines)
    lines += [text.and_more(more)] if more else []
    refused = text.refused(len(done.refused)) if done.refused else ""
    return _macro("imported")(text.imported(done.scans, done.labels), refused, lines)
