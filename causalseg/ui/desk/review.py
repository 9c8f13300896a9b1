"""The Review page: the masks of a picture beside each other, how far readers agree, approve or send back.

Nothing here asks the model. Which picture is open stands in the buttons themselves; the store keeps the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
import numpy as np

from causalseg.annotations import review, statements, work
from causalseg.annotations.agreement import Agreement, ReaderPair, between_readers
from causalseg.annotations.registry import NOT_HERE, signed
from causalseg.annotations.search import Query, find
from causalseg.annotations.store import LabelStore
from causalseg.annotations.types import STATES, Revision, State
from causalseg.errors import InputError, StoreError
from causalseg.ui import render
from causalseg.ui.desk import html, views, words
from causalseg.ui.desk.desk import Desk
from causalseg.ui.desk.listen import listen
from causalseg.ui.desk.lists import Place, clickable, listed, name_box, offset_of, place_of
from causalseg.ui.events import Updates

_SAYS: Mapping[str, bool | None] = {"present": True, "absent": False, "unsaid": None}
"""Button -> what it says of the confounder that is chosen."""


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """Every component that an event reads or writes."""

    message: gr.HTML
    person: gr.Textbox
    show: gr.Dropdown
    text: gr.Textbox
    pictures: gr.HTML
    detail: gr.HTML
    note: gr.Textbox


def build(page: gr.Blocks, desk: Desk) -> None:
    """Lay the page out and wire it up; call it inside its route."""
    parts, named = _layout(page)
    labels = {entry.id: entry.label for entry in desk.engine.confounders}
    events = _Events(desk.store, parts, labels)
    filters, both = [parts.show, parts.text], [parts.pictures, parts.detail]
    listen("review", named.then, events.show, filters, both, parts.message, wipes=False)
    listen("review_show", parts.show.input, events.filter, filters, [parts.pictures], parts.message)
    listen("review_search", parts.text.change, events.filter, filters, [parts.pictures], parts.message)
    asked = [parts.person, *filters]
    listen("review_open", parts.pictures.click, events.choose, asked, both, parts.message)
    spoken = [parts.note, *asked]
    listen("review_say", parts.detail.click, events.say, spoken, [*both, parts.note], parts.message)


def _layout(page: gr.Blocks) -> tuple[ReviewPage, Any]:
    message = gr.HTML("", elem_id="message")
    gr.HTML(f"<h1>{words.REVIEW_TITLE}</h1><p class='quiet'>{words.REVIEW_WHAT}</p>", elem_classes="desk-head")
    choices = [(label, state) for state, label in words.SHOWN.items()]
    with gr.Row(elem_classes="desk-row", equal_height=False):
        with gr.Column(scale=1, min_width=270, elem_classes="desk-side"):
            person, named = name_box(page)
            show = gr.Dropdown(choices, value="done", label=words.SHOW, elem_id="review-show")
            text = gr.Textbox(label=words.SEARCH, max_lines=1, elem_id="review-text")
            pictures = clickable("review-list")
        with gr.Column(scale=3, min_width=480):
            note = gr.Textbox(
                label=words.NOTE, placeholder=words.NOTE_HINT, lines=1, max_lines=3, elem_id="review-note"
            )
            detail = clickable("review-detail")
    return ReviewPage(message, person, show, text, pictures, detail, note), named


@dataclass(frozen=True, slots=True)
class _Events:
    store: LabelStore
    page: ReviewPage
    labels: Mapping[str, str]
    """Of the confounders, by id."""

    def show(self, state: str, text: str) -> Updates:
        """The page as it is first seen."""
        return {**self.filter(state, text), self.page.detail: html.note(words.CHOOSE_ONE)}

    def filter(self, state: str, text: str) -> Updates:
        """Other filters: the list from its beginning."""
        return {self.page.pictures: self._list(state, text)}

    def choose(self, person: str, state: str, text: str, click: gr.EventData) -> Updates:
        """A click in the list: another picture, or another page of it."""
        if click.act == "page":
            return {self.page.pictures: self._list(state, text, offset_of(click))}
        return self._opened(place_of(click), person, state, text)

    def say(self, note: str, person: str, state: str, text: str, click: gr.EventData) -> Updates:
        """A click on the open picture: a verdict, the next one, or where two readers differ."""
        place = place_of(click)
        if click.act == "next":
            return self._next(place, person, state, text)
        if click.act == "differ":
            pair = (str(click.first), str(click.second))
            return {self.page.detail: opened(self.store, place, person, self.labels, pair=pair)}
        if click.act in _SAYS:
            return self._stated(place, str(click.confounder), _SAYS[str(click.act)], person)
        revision = _revision(self.store, place, str(click.person), int(click.number))
        newest = self.store.latest(place[0], revision.person, place[1])
        if newest is not None and newest.number != revision.number:
            shown = self._opened(place, person, state, text)
            return {**shown, self.page.message: html.alert(words.newer(revision.person))}
        return self._said(str(click.act), revision, note, person, state, text)

    def _said(self, act: str, revision: Revision, note: str, person: str, state: str, text: str) -> Updates:
        if act == "approve":
            review.approve(self.store, revision, reviewer=person, note=note.strip())
        elif not note.strip():
            raise InputError(words.NOTE_FIRST)
        else:
            review.send_back(self.store, revision, reviewer=person, note=note.strip())
        told = words.reviewed(act, revision.person, revision.number)
        shown = self._opened((revision.scan_sha256, revision.index), person, state, text, told=told)
        return {**shown, self.page.note: ""}

    def _stated(self, place: Place, confounder: str, present: bool | None, person: str) -> Updates:
        """What this person says of a confounder in the picture; None takes it back."""
        if confounder not in self.labels:
            raise InputError(words.CHOOSE_CONFOUNDER)
        statements.say(self.store, place[0], {confounder: present}, person=person, index=place[1])
        told = html.note(words.stated(self.labels[confounder], present), "told")
        return {self.page.detail: told + opened(self.store, place, person, self.labels)}

    def _next(self, place: Place, person: str, state: str, text: str) -> Updates:
        query = _query(state or "done", text)
        others = [one for one in _places(self.store, query) if one != place]
        if not others:
            return {self.page.detail: html.note(words.NOTHING_TO_REVIEW)}
        return self._opened(others[0], person, state, text)

    def _opened(self, place: Place, person: str, state: str, text: str, told: str = "") -> Updates:
        return {
            self.page.pictures: self._list(state, text, is_open=place),
            self.page.detail: html.note(told, "told") + opened(self.store, place, person, self.labels),
        }

    def _list(self, state: str, text: str, offset: int = 0, is_open: Place | None = None) -> str:
        shown = listed(self.store, _query(state, text), offset, is_open)
        return shown if "card" in shown or state != "done" else shown + html.note(words.NOTHING_TO_REVIEW)


def opened(
    store: LabelStore, place: Place, person: str, labels: Mapping[str, str], *, pair: tuple[str, str] | None = None
) -> str:
    """The scan, everybody's newest mask over it, where two of them differ, and the agreement of all.

    Args:
        store: where they are.
        place: of the picture.
        person: who looks; their own mask is marked.
        labels: of the confounders, by id.
        pair: whose masks are compared in the picture; None: the first two.

    Raises:
        StoreError: the picture is not there any more, or a file is damaged.
    """
    scan = store.reopened(*place)
    newest = {one.person: one for one in store.revisions(place[0], index=place[1])}
    masks = {name: store.mask(one) for name, one in newest.items()}
    figures = [html.figure(render.png_uri(views.plain(scan.image_u8)), words.SCAN_ALONE, words.SCAN_ALONE)]
    figures += [
        html.figure(
            render.png_uri(views.labelled(scan.image_u8, masks[name])),
            words.label_of(name, one.number, ""),
            _caption(store, one, person),
        )
        for name, one in newest.items()
    ]
    pairs = between_readers(store, *place)
    if pairs:
        first, second = pair or (pairs[0].first.person, pairs[0].second.person)
        told = words.differ(first, second)
        drawn = views.difference(scan.image_u8, masks[first], masks[second])
        figures.append(html.figure(render.png_uri(drawn), told, escape(told)))
    after = html.button("next", words.NEXT_ONE, scan=place[0], index=place[1]).html
    said = _said(store, place, labels)
    nobody = "" if newest else html.note(words.NO_LABELS)
    beside = f'<div class="view wide">{nobody}{_agreement(pairs, place)}<p class="acts">{after}</p>{said}</div>'
    return f'<div class="views">{"".join(figures)}{beside}</div>'


def _caption(store: LabelStore, revision: Revision, person: str) -> str:
    """Whose mask, how far it is, where it comes from, what was said of it, and the two buttons."""
    here = work.of(store, revision.scan_sha256, revision.person, revision.index)
    facts = (revision.description, len(revision.removed), revision.model)
    lines = [words.provenance(*facts, revision.dice_to_proposed, revision.seconds_spent)]
    if revision.person == person.strip():
        lines.append(words.YOUR_OWN)
    lines += [f"{one.reviewer}: {one.note}" for one in review.of(store, revision) if one.note]
    data = {
        "scan": revision.scan_sha256,
        "index": revision.index,
        "person": revision.person,
        "number": revision.number,
    }
    return (
        f"<b>{escape(words.label_of(revision.person, revision.number, words.STATES[here.state]))}</b>"
        + "".join(f"<br>{escape(line)}" for line in lines)
        + f'<span class="acts">{html.button("approve", words.APPROVE, is_first=True, **data).html}'
        + f"{html.button('send_back', words.SEND_BACK, **data).html}</span>"
    )


def _said(store: LabelStore, place: Place, labels: Mapping[str, str]) -> str:
    """What people say of confounders in this picture, and the buttons to say more."""
    newest = {(one.person, one.confounder): one.present for one in statements.of(store, place[0], index=place[1])}
    lines = [
        words.says(person, labels.get(confounder, confounder), present=present)
        for (person, confounder), present in newest.items()
        if present is not None
    ]
    buttons = "".join(html.button(act, words.SAYS[act], scan=place[0], index=place[1]).html for act in _SAYS)
    field = html.choice("confounder", words.CONFOUNDER, {"": words.CHOOSE, **labels})
    return html.heading(words.SAID, html.sentences(lines) + f'<div class="acts">{field}{buttons}</div>')


def _agreement(pairs: Sequence[ReaderPair], place: Place) -> str:
    if not pairs:
        return ""
    rows = [_pair_row(pair, place) for pair in pairs]
    return html.heading(words.AGREEMENT, html.table(words.AGREEMENT_HEAD, rows, name=words.AGREEMENT))


def _pair_row(pair: ReaderPair, place: Place) -> tuple[html.Cell, ...]:
    first, second, agreed = pair.first.person, pair.second.person, pair.agreement
    who = f"{first} and {second}" + ("" if pair.same_description else f" ({words.OTHER_WORDS})")
    show = html.button("differ", words.SHOW_DIFFERENCE, scan=place[0], index=place[1], first=first, second=second)
    distances = (agreed.surface_distance, agreed.hausdorff95)
    return who, f"{agreed.dice:.3f}", *(_distance(value, agreed) for value in distances), show


def _distance(value: float | None, agreed: Agreement) -> str:
    return words.ONE_IS_EMPTY if value is None or not np.isfinite(value) else f"{value:.2f} {agreed.unit}"


def _revision(store: LabelStore, place: Place, person: str, number: int) -> Revision:
    for one in store.revisions(place[0], signed(person), index=place[1]):
        if one.number == number:
            return one
    raise StoreError(NOT_HERE)


def _query(state: str, text: str) -> Query:
    known: State | None = next((one for one in STATES if one == state), None)
    return Query(state=known, text=text)


def _places(store: LabelStore, query: Query) -> list[Place]:
    return [(line.scan.sha256, line.index) for line in find(store, query, limit=2).lines]
