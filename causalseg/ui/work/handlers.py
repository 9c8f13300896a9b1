"""The Work page: what is in the store and how far it is; import, the next scan with its reason, skip, flag, delete.

Which picture is open stands in the buttons themselves; the store keeps the rest. A scan is opened on the main page,
which finds it by its address: `/?scan=SHA256&index=N`.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import gradio as gr

from causalseg.annotations import queue
from causalseg.annotations.imports.folder import Imported
from causalseg.annotations.queue import flags
from causalseg.annotations.queue.search import Query
from causalseg.annotations.records import STATES, State
from causalseg.annotations.store import LabelStore, deletion
from causalseg.annotations.store.scans import signed
from causalseg.errors import InputError, StoreError
from causalseg.scan import MODALITIES
from causalseg.ui import html, pictures, shared_text
from causalseg.ui.bind import STORE, Queue, Updates, bind
from causalseg.ui.long_tasks import LongTasks
from causalseg.ui.picture_list import Place, clickable, listed, name_box, offset_of, place_of
from causalseg.ui.services import Services
from causalseg.ui.work import import_files, model_signals, text

_MOST_REFUSED = 20
"""Refused files that are named; the rest are counted."""
_IMPORTS, _LOOKS = Queue("import", 2), Queue("look")


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows the list."""

    state: gr.Dropdown
    mine: gr.Checkbox
    modality: gr.Dropdown
    search: gr.Textbox

    def all(self) -> list[Any]:
        """In the order in which handlers take them."""
        return [self.state, self.mine, self.modality, self.search]


@dataclass(frozen=True, slots=True)
class Intake:
    """Importing."""

    files: gr.File
    folder: gr.Textbox
    description: gr.Textbox
    checked: gr.Checkbox
    start: gr.Button
    stop: gr.Button
    told: gr.HTML


@dataclass(frozen=True, slots=True)
class Looking:
    """The model looks at what is new, for the queue."""

    start: gr.Button
    stop: gr.Button
    told: gr.HTML


@dataclass(frozen=True, slots=True)
class WorkPage:
    """Every component that an event reads or writes."""

    message: gr.HTML
    person: gr.Textbox
    next: gr.Button
    filters: Filters
    intake: Intake
    looking: Looking
    pictures: gr.HTML
    detail: gr.HTML
    reason: gr.Textbox
    purge: gr.HTML


def build(page: gr.Blocks, desk: Services) -> None:
    """Lay the page out and wire it up; call it inside its route."""
    parts, named = _layout(page)
    events = _Events(desk, parts)
    message, asked = parts.message, [parts.person, *parts.filters.all()]
    first = [parts.pictures, parts.detail, parts.purge, parts.looking.told]
    bind("work", named.then, events.show, asked, first, message, wipes=False, queue=STORE)
    for name, event in (
        ("work_state", parts.filters.state.input),
        ("work_mine", parts.filters.mine.input),
        ("work_modality", parts.filters.modality.input),
        ("work_search", parts.filters.search.change),
    ):
        bind(name, event, events.filter, asked, [parts.pictures], message, queue=STORE)
    both = [parts.pictures, parts.detail]
    bind("work_list", parts.pictures.click, events.choose, asked, both, message, queue=STORE)
    bind("work_next", parts.next.click, events.next, asked, both, message, busy=parts.next, queue=STORE)
    spoken = [parts.reason, *asked]
    bind("work_do", parts.detail.click, events.do, spoken, [*both, parts.reason, parts.purge], message, queue=STORE)
    bind(
        "work_purge",
        parts.purge.click,
        events.purge,
        [parts.person],
        [parts.purge],
        message,
        busy=parts.purge,
        queue=STORE,
    )
    events.wire_intake()
    events.wire_looking()


def _layout(page: gr.Blocks) -> tuple[WorkPage, Any]:
    message = gr.HTML("", elem_id="message")
    gr.HTML(f"<h1>{text.WORK_TITLE}</h1><p class='quiet'>{text.WORK_WHAT}</p>", elem_classes="desk-head")
    with gr.Row(elem_classes="desk-row", equal_height=False):
        with gr.Column(scale=2, min_width=250, elem_classes="desk-side"):
            person, named = name_box(page)
            following = gr.Button(text.NEXT_SCAN, variant="primary", elem_id="next-scan")
            filters = _filters()
            with gr.Accordion(text.IMPORT, open=False, elem_id="import-fold"):
                coming = _intake()
            with gr.Accordion(text.LOOK, open=False, elem_id="look-fold"):
                seen = _looking()
            with gr.Accordion(text.PURGE, open=False, elem_id="purge-fold"):
                purge = clickable("purge")
        with gr.Column(scale=4, min_width=300, elem_id="work-middle"):
            pictures = clickable("work-list")
        with gr.Column(scale=3, min_width=300, elem_classes="desk-side"):
            detail = clickable("work-detail")
            reason = gr.Textbox(label=text.REASON, placeholder=text.REASON_HINT, max_lines=2, elem_id="flag-reason")
    return WorkPage(message, person, following, filters, coming, seen, pictures, detail, reason, purge), named


def _filters() -> Filters:
    every = [(text.ANY, "")]
    return Filters(
        gr.Dropdown([*every, *((shared_text.STATES[one], one) for one in STATES)], value="", label=text.STATE),
        gr.Checkbox(label=text.MINE, container=False),
        gr.Dropdown([*every, *((one, one) for one in MODALITIES)], value="", label=text.MODALITY),
        gr.Textbox(label=shared_text.SEARCH, max_lines=1, elem_id="work-text"),
    )


def _looking() -> Looking:
    told = gr.HTML("", elem_id="look-told")
    with gr.Row():
        start = gr.Button(text.LOOK_START, size="sm", elem_id="look", min_width=80)
        stop = gr.Button(shared_text.STOP, size="sm", interactive=False, elem_id="look-stop", min_width=60)
    return Looking(start, stop, told)


def _intake() -> Intake:
    files = gr.File(label=text.FILES, file_count="multiple", type="filepath", height=110, elem_id="import-files")
    folder = gr.Textbox(label=text.FOLDER, placeholder=text.FOLDER_HINT, max_lines=1, elem_id="import-folder")
    description = gr.Textbox(label=text.MASKS_SHOW, placeholder=text.MASKS_SHOW_HINT, max_lines=1)
    checked = gr.Checkbox(label=text.CHECKED, container=False)
    with gr.Row():
        start = gr.Button(text.IMPORT_START, size="sm", elem_id="import", min_width=80)
        stop = gr.Button(shared_text.STOP, size="sm", interactive=False, elem_id="import-stop", min_width=60)
    told = gr.HTML(html.note(text.IMPORT_HINT), elem_id="import-told")
    return Intake(files, folder, description, checked, start, stop, told)


@dataclass(frozen=True, slots=True)
class _Events:
    desk: Services
    page: WorkPage
    tasks: LongTasks = field(default_factory=LongTasks)

    @property
    def store(self) -> LabelStore:
        return self.desk.store

    def show(self, *asked: str | bool) -> Updates:
        """The page as it is first seen."""
        return {
            **self.filter(*asked),
            self.page.detail: html.note(text.CHOOSE_OR_NEXT),
            self.page.purge: waiting(self.store),
            self.page.looking.told: self._unseen(),
        }

    def filter(self, *asked: str | bool) -> Updates:
        """Other filters: the list from its beginning."""
        return {self.page.pictures: self._list(asked)}

    def choose(self, person: str, state: str, mine: bool, modality: str, search: str, click: gr.EventData) -> Updates:
        """A click in the list: a picture, or another page of the list."""
        asked = (person, state, mine, modality, search)
        if click.act == "page":
            return {self.page.pictures: self._list(asked, offset=offset_of(click))}
        place = place_of(click)
        return {
            self.page.detail: opened(self.store, place, person),
            self.page.pictures: self._list(asked, is_open=place),
        }

    def next(self, person: str, state: str, mine: bool, modality: str, search: str) -> Updates:
        """The next scan of the queue for this person, of the modality that the list shows."""
        return self._next((person, state, mine, modality, search))

    def do(
        self, reason: str, person: str, state: str, mine: bool, modality: str, search: str, click: gr.EventData
    ) -> Updates:
        """A click on the open picture: skip, flag, delete."""
        place, asked = place_of(click), (person, state, mine, modality, search)
        done = {
            "skip": self._skip,
            "flag": self._flag,
            "unflag": self._unflag,
            "ask-delete": self._ask_delete,
            "keep": self._keep,
            "delete": self._delete,
        }[str(click.act)]
        return done(place, reason.strip(), asked)

    def purge(self, person: str, click: gr.EventData) -> Updates:
        """Remove for ever what is deleted; asked once more before."""
        if click.act != "purge":
            return {self.page.purge: waiting(self.store, is_asked=click.act == "ask-purge")}
        gone = deletion.purge(self.store, person=person)
        told = html.note(text.purged(gone.scans, gone.labels, gone.files), "told")
        return {self.page.purge: told + waiting(self.store)}

    def _next(self, asked: Sequence[str | bool], after: Place | None = None, told: str = "") -> Updates:
        person, modality = str(asked[0]), str(asked[3])
        policy = replace(queue.STANDARD, modality=modality or None)
        turn = queue.next_scan(self.store, person, policy, after=after)
        if turn is None:
            return {self.page.detail: html.note(told, "told") + html.note(text.NOTHING_LEFT)}
        place = (turn.scan.sha256, turn.index)
        shown = html.note(told, "told") + opened(self.store, place, person, turn=turn)
        return {self.page.detail: shown, self.page.pictures: self._list(asked, is_open=place)}

    def _skip(self, place: Place, reason: str, asked: Sequence[str | bool]) -> Updates:
        del reason
        queue.skip(self.store, place[0], str(asked[0]), place[1])
        return self._next(asked, after=place, told=text.SKIPPED)

    def _flag(self, place: Place, reason: str, asked: Sequence[str | bool]) -> Updates:
        if not reason:
            raise InputError(text.REASON_FIRST)
        flags.flag(self.store, place[0], str(asked[0]), reason, place[1])
        return {**self._again(place, asked, text.FLAGGED), self.page.reason: ""}

    def _unflag(self, place: Place, reason: str, asked: Sequence[str | bool]) -> Updates:
        del reason
        flags.unflag(self.store, place[0], str(asked[0]), place[1])
        return self._again(place, asked, text.UNFLAGGED)

    def _ask_delete(self, place: Place, reason: str, asked: Sequence[str | bool]) -> Updates:
        del reason
        return self._again(place, asked, question=_question(self.store, place))

    def _keep(self, place: Place, reason: str, asked: Sequence[str | bool]) -> Updates:
        del reason
        return self._again(place, asked)

    def _delete(self, place: Place, reason: str, asked: Sequence[str | bool]) -> Updates:
        del reason
        deletion.delete_scan(self.store, place[0], person=str(asked[0]))
        return {
            self.page.detail: html.note(text.DELETED, "told"),
            self.page.pictures: self._list(asked),
            self.page.purge: waiting(self.store),
        }

    def _again(self, place: Place, asked: Sequence[str | bool], told: str = "", question: str = "") -> Updates:
        return {
            self.page.detail: html.note(told, "told") + opened(self.store, place, str(asked[0]), question=question),
            self.page.pictures: self._list(asked, is_open=place),
        }

    def _list(self, asked: Sequence[str | bool], offset: int = 0, is_open: Place | None = None) -> str:
        person, state, mine, modality, search = asked
        known: State | None = next((one for one in STATES if one == state), None)
        query = Query(
            state=known, person=str(person) if mine else None, modality=str(modality) or None, text=str(search)
        )
        shown = listed(self.store, query, offset, is_open)
        is_bare = query == Query() and "card" not in shown.replace("cards", "")
        return shown + (html.note(text.EMPTY_STORE) if is_bare else "")

    def wire_intake(self) -> None:
        """Importing shows itself at work, and can be stopped."""
        page, coming = self.page, self.page.intake
        rest = self._at_rest()
        files = [coming.files, coming.folder, coming.description, coming.checked]
        asked, shown = [page.person, *files, *page.filters.all()], [coming.files, coming.folder, coming.told]
        shown += [coming.start, coming.stop, page.pictures]
        bind("import", coming.start.click, self._import, asked, shown, page.message, queue=_IMPORTS, at_rest=rest)
        bind("import_stop", coming.stop.click, self._stop_import, [], [coming.stop], page.message, queue=STORE)

    def wire_looking(self) -> None:
        """The model looks at the pictures one by one, taking turns with people's own questions."""
        page, panel = self.page, self.page.looking
        shown, rest = [panel.told, panel.start, panel.stop], self._looking_at_rest()
        bind("look", panel.start.click, self._look, [], shown, page.message, queue=_LOOKS, at_rest=rest)
        bind("look_stop", panel.stop.click, self._stop_looking, [], [panel.stop], page.message, queue=STORE)

    def _look(self, request: gr.Request) -> Iterator[Updates]:
        panel, tab = self.page.looking, f"look-{request.session_hash}"
        task, started_s = self.tasks.begin(tab), time.monotonic()
        try:
            yield {panel.start: gr.Button(interactive=False), panel.stop: gr.Button(interactive=True)}
            for done, left in model_signals.look(self.store, self.desk.engine, lambda: task.is_stopped):
                pace_s = (time.monotonic() - started_s) / done if done else None
                told = text.looked_at(done, done + left, None if pace_s is None else pace_s * left)
                yield {panel.told: html.bar(done / max(done + left, 1), told)}
        except StoreError as error:
            raise InputError(str(error)) from error
        finally:
            self.tasks.end(tab, task)
        yield {**self._looking_at_rest(), panel.told: self._unseen()}

    def _looking_at_rest(self) -> Updates:
        panel = self.page.looking
        return {panel.start: gr.update(interactive=True), panel.stop: gr.update(interactive=False)}

    def _stop_looking(self, request: gr.Request) -> Updates:
        self.tasks.stop(f"look-{request.session_hash}")
        return {self.page.looking.stop: gr.Button(interactive=False)}

    def _unseen(self) -> str:
        return html.note(text.unseen(model_signals.unseen(self.store, self.desk.engine)))

    def _import(
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
        coming, tab = self.page.intake, str(request.session_hash)
        wanted, step, task = (
            import_files.Request(signed(person), description, checked),
            import_files.Step(0, 0),
            self.tasks.begin(tab),
        )
        folder, leave = self._folder(uploads, typed)
        try:
            yield {coming.start: gr.Button(interactive=False), coming.stop: gr.Button(interactive=True)}
            for step in import_files.importing(self.store, folder, wanted, self.desk.settings, lambda: task.is_stopped):
                yield {coming.told: html.bar(step.done / max(step.total, 1), text.files_read(step.done, step.total))}
        finally:
            self.tasks.end(tab, task)
            leave()
        listed_now = self._list((person, state, mine, modality, search))
        told = imported(step.imported) if step.imported else html.note(text.IMPORT_STOPPED, "warning")
        yield {**self._at_rest(), coming.told: told, coming.files: None, self.page.pictures: listed_now}

    def _folder(self, uploads: list[str] | None, typed: str) -> tuple[Path, Callable[[], None]]:
        """The folder to read, and what to do with it afterwards: ours is removed, theirs is left alone."""
        if uploads:
            folder = import_files.gathered(uploads)
            return folder, lambda: shutil.rmtree(folder, ignore_errors=True)
        if not typed.strip():
            raise InputError(text.FILES_FIRST)
        return import_files.typed_folder(self.desk.settings, typed), lambda: None

    def _at_rest(self) -> Updates:
        coming = self.page.intake  # `gr.update`, for this is called while the page is built, where a Button would stand
        return {coming.start: gr.update(interactive=True), coming.stop: gr.update(interactive=False)}

    def _stop_import(self, request: gr.Request) -> Updates:
        self.tasks.stop(str(request.session_hash))
        return {self.page.intake.stop: gr.Button(interactive=False)}


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
    caption = f"<b>{escape(description)}</b><br>{escape(facts)} · {stored.split}{_people(store, place)}"
    why = "" if turn is None else f'<p class="why {turn.why}"><b>{text.WHY[turn.why]}</b> {escape(turn.reason)}</p>'
    picture = html.figure(pictures.png_uri(pictures.plain(scan.image_u8)), shared_text.SCAN_ALONE, caption)
    is_flagged = bool(person.strip()) and store.work_of(place[0], person, place[1]).state == "flagged"
    actions = _actions(place, is_turn=turn is not None, is_flagged=is_flagged)
    return f"{why}{picture}{question or actions}"


def waiting(store: LabelStore, *, is_asked: bool = False) -> str:
    """What is deleted and still on the disk, with the button that removes it; asked once more where `is_asked`."""
    hidden = deletion.waiting(store)
    if hidden.scans == hidden.labels == 0:
        return html.note(text.NOTHING_DELETED)
    if not is_asked:
        return html.note(text.waiting(hidden.scans, hidden.labels)) + html.button("ask-purge", text.PURGE_ASK).html
    yes, no = html.button("purge", text.PURGE_YES), html.button("keep", text.KEEP)
    return f'{html.note(text.PURGE_SURE, "warning")}<p class="acts">{yes.html}{no.html}</p>'


def imported(done: Imported) -> str:
    """What became of an import: counts, and each refused file with its reason."""
    told = html.note(text.imported(done.scans, done.labels), "told")
    if not done.refused:
        return told
    lines = [f"{one.file}: {one.reason}" for one in done.refused[:_MOST_REFUSED]]
    more = len(done.refused) - len(lines)
    lines += [text.and_more(more)] if more else []
    return told + html.folded(text.refused(len(done.refused)), html.sentences(lines), is_open=True)


def _people(store: LabelStore, place: Place) -> str:
    rows = store.database.rows(
        'SELECT person, state, note FROM work WHERE scan_sha256 = ? AND "index" = ? ORDER BY person', place
    )
    return "".join(
        f"<br>{html.pill(state)} {escape(person)}{escape(f': {note}' if note else '')}" for person, state, note in rows
    )


def _actions(place: Place, *, is_turn: bool, is_flagged: bool) -> str:
    data = {"scan": place[0], "index": place[1]}
    address = "./?" + urlencode(data)
    parts = [f'<a class="act first" href="{escape(address)}">{text.OPEN_IT}</a>']
    parts += [html.button("skip", text.SKIP, **data).html] if is_turn else []
    flag = ("unflag", text.UNFLAG) if is_flagged else ("flag", text.FLAG)
    parts.append(html.button(*flag, **data).html)
    parts.append(html.button("ask-delete", text.DELETE_ASK, **data).html)
    return f'<p class="acts">{"".join(parts)}</p>'


def _question(store: LabelStore, place: Place) -> str:
    goes = deletion.goes_with(store, place[0])
    data = {"scan": place[0], "index": place[1]}
    yes, no = html.button("delete", text.DELETE_YES, **data), html.button("keep", text.KEEP, **data)
    told = text.goes(goes.pictures, goes.labels, goes.people, goes.drafts)
    return f'<div class="question">{html.note(told, "warning")}<p class="acts">{yes.html}{no.html}</p></div>'
