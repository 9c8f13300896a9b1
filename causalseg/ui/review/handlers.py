"""The Review page: the masks of a picture beside each other, how far readers agree, approve or send back.

Nothing here asks the model. Which picture is open stands in the buttons themselves; the store keeps the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
import numpy as np

from causalseg.annotations import review
from causalseg.annotations.label_records import STATES, Revision, State
from causalseg.annotations.queue.search import Query, find
from causalseg.annotations.review import confounder_statements
from causalseg.annotations.review.reader_agreement import Agreement, ReaderPair, between_readers
from causalseg.annotations.store import LabelStore
from causalseg.annotations.store.scans import NOT_HERE, signed
from causalseg.errors import InputError, StoreError
from causalseg.ui import html, pictures, shared_text
from causalseg.ui.bind import STORE, Updates, alert, bind
from causalseg.ui.picture_list import Place, listed, offset_of, place_of
from causalseg.ui.review import text
from causalseg.ui.review.layout import ReviewPage
from causalseg.ui.services import Services
from causalseg.ui.templates import macros

_OPENED = macros("review.html", text=text)("opened")
_SAYS: Mapping[str, bool | None] = {"present": True, "absent": False, "unsaid": None}
"""Button -> what it says of the confounder that is chosen."""


def bind_review_page(blocks: gr.Blocks, services: Services) -> None:
    """Lay the page out and wire it up; call it inside its route."""
    page = ReviewPage(blocks)
    handlers = _Handlers(services.store, page, {entry.id: entry.label for entry in services.engine.confounders})
    filters, both = [page.show, page.search], [page.pictures, page.detail]
    asked = [page.person, *filters]
    on = partial(bind, message=page.message, queue=STORE)
    on("review", page.named.then, handlers.show, filters, both, wipes=False)
    on("review_show", page.show.input, handlers.filter, filters, [page.pictures])
    on("review_search", page.search.change, handlers.filter, filters, [page.pictures])
    on("review_open", page.pictures.click, handlers.choose, asked, both)
    on("review_say", page.detail.click, handlers.say, [page.note, *asked], [*both, page.note])


@dataclass(frozen=True, slots=True)
class _Handlers:
    store: LabelStore
    page: ReviewPage
    labels: Mapping[str, str]
    """Of the confounders, by id."""

    def show(self, state: str, search: str) -> Updates:
        """The page as it is first seen."""
        return {**self.filter(state, search), self.page.detail: html.note(shared_text.CHOOSE_ONE)}

    def filter(self, state: str, search: str) -> Updates:
        """Other filters: the list from its beginning."""
        return {self.page.pictures: self._list(state, search)}

    def choose(self, person: str, state: str, search: str, click: gr.EventData) -> Updates:
        """A click in the list: another picture, or another page of it."""
        if click.act == "page":
            return {self.page.pictures: self._list(state, search, offset_of(click))}
        return self._opened(place_of(click), person, state, search)

    def say(self, note: str, person: str, state: str, search: str, click: gr.EventData) -> Updates:
        """A click on the open picture: a verdict, the next one, or where two readers differ."""
        place = place_of(click)
        if click.act == "next":
            return self._next(place, person, state, search)
        if click.act == "differ":
            pair = (str(click.first), str(click.second))
            return {self.page.detail: opened(self.store, place, person, self.labels, pair=pair)}
        if click.act in _SAYS:
            return self._stated(place, str(click.confounder), _SAYS[str(click.act)], person)
        revision = _revision(self.store, place, str(click.person), int(click.number))
        newest = self.store.latest(place[0], revision.person, place[1])
        if newest is not None and newest.number != revision.number:
            shown = self._opened(place, person, state, search)
            return {**shown, self.page.message: alert(text.newer(revision.person))}
        return self._said(str(click.act), revision, note, person, state, search)

    def _said(self, act: str, revision: Revision, note: str, person: str, state: str, search: str) -> Updates:
        if act == "approve":
            review.approve(self.store, revision, reviewer=person, note=note.strip())
        elif not note.strip():
            raise InputError(text.NOTE_FIRST)
        else:
            review.send_back(self.store, revision, reviewer=person, note=note.strip())
        told = text.reviewed(act, revision.person, revision.number)
        shown = self._opened((revision.scan_sha256, revision.index), person, state, search, told=told)
        return {**shown, self.page.note: ""}

    def _stated(self, place: Place, confounder: str, present: bool | None, person: str) -> Updates:
        """What this person says of a confounder in the picture; None takes it back."""
        if confounder not in self.labels:
            raise InputError(text.CHOOSE_CONFOUNDER)
        confounder_statements.say(self.store, place[0], {confounder: present}, person=person, index=place[1])
        told = html.note(text.stated(self.labels[confounder], present), "told")
        return {self.page.detail: told + opened(self.store, place, person, self.labels)}

    def _next(self, place: Place, person: str, state: str, search: str) -> Updates:
        query = _query(state or "done", search)
        others = [one for one in _places(self.store, query) if one != place]
        if not others:
            return {self.page.detail: html.note(text.NOTHING_TO_REVIEW)}
        return self._opened(others[0], person, state, search)

    def _opened(self, place: Place, person: str, state: str, search: str, told: str = "") -> Updates:
        return {
            self.page.pictures: self._list(state, search, is_open=place),
            self.page.detail: html.note(told, "told") + opened(self.store, place, person, self.labels),
        }

    def _list(self, state: str, search: str, offset: int = 0, is_open: Place | None = None) -> str:
        shown = listed(self.store, _query(state, search), offset, is_open)
        return shown if "card" in shown or state != "done" else shown + html.note(text.NOTHING_TO_REVIEW)


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
    pairs, difference = between_readers(store, *place), None
    if pairs:
        first, second = pair or (pairs[0].first.person, pairs[0].second.person)
        drawn = pictures.difference(scan.image_u8, masks[first], masks[second])
        difference = {"picture": pictures.png_uri(drawn), "told": text.differ(first, second)}
    return _OPENED(
        pictures.png_uri(pictures.plain(scan.image_u8)),
        [_label(store, one, pictures.labelled(scan.image_u8, masks[name]), person) for name, one in newest.items()],
        difference,
        [_pair_row(one, place) for one in pairs],
        {"scan": place[0], "index": place[1]},
        _said(store, place, labels),
        {"": text.CHOOSE, **labels},
    )


def _label(store: LabelStore, revision: Revision, picture: pictures.Picture, person: str) -> dict[str, Any]:
    """A mask as the template takes it."""
    here = store.work_of(revision.scan_sha256, revision.person, revision.index)
    facts = (revision.description, len(revision.removed), revision.model)
    lines = [text.provenance(*facts, revision.dice_to_proposed, revision.seconds_spent)]
    lines += [text.YOUR_OWN] if revision.person == person.strip() else []
    lines += [f"{one.reviewer}: {one.note}" for one in review.of(store, revision) if one.note]
    place = {"scan": revision.scan_sha256, "index": revision.index}
    return {
        "picture": pictures.png_uri(picture),
        "alt": text.label_of(revision.person, revision.number, ""),
        "title": text.label_of(revision.person, revision.number, shared_text.STATES[here.state]),
        "lines": lines,
        "data": {**place, "person": revision.person, "number": revision.number},
    }


def _said(store: LabelStore, place: Place, labels: Mapping[str, str]) -> list[str]:
    """What people say of confounders in this picture."""
    newest = {
        (one.person, one.confounder): one.present for one in confounder_statements.of(store, place[0], index=place[1])
    }
    return [
        text.says(person, labels.get(confounder, confounder), present=present)
        for (person, confounder), present in newest.items()
        if present is not None
    ]


def _pair_row(pair: ReaderPair, place: Place) -> tuple[html.Cell, ...]:
    first, second, agreed = pair.first.person, pair.second.person, pair.agreement
    who = f"{first} and {second}" + ("" if pair.same_description else f" ({text.OTHER_WORDS})")
    show = html.button("differ", text.SHOW_DIFFERENCE, scan=place[0], index=place[1], first=first, second=second)
    distances = (agreed.surface_distance, agreed.hausdorff95)
    return who, f"{agreed.dice:.3f}", *(_distance(value, agreed) for value in distances), show


def _distance(value: float | None, agreed: Agreement) -> str:
    return text.ONE_IS_EMPTY if value is None or not np.isfinite(value) else f"{value:.2f} {agreed.unit}"


def _revision(store: LabelStore, place: Place, person: str, number: int) -> Revision:
    for one in store.revisions(place[0], signed(person), index=place[1]):
        if one.number == number:
            return one
    raise StoreError(NOT_HERE)


def _query(state: str, search: str) -> Query:
    known: State | None = next((one for one in STATES if one == state), None)
    return Query(state=known, text=search)


def _places(store: LabelStore, query: Query) -> list[Place]:
    return [(line.scan.sha256, line.index) for line in find(store, query, limit=2).lines]
