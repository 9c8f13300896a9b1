"""Lists of pictures as cards, a page at a time; and the person's name, which the browser keeps."""

from dataclasses import replace
from typing import Any

import gradio as gr

from causalseg.annotations.queue import search
from causalseg.annotations.queue.search import Listed, Query
from causalseg.annotations.records import State
from causalseg.annotations.store import LabelStore
from causalseg.errors import InputError
from causalseg.ui import html, shared_text
from causalseg.ui.assets import script
from causalseg.ui.segment.draft_restore import Memory, remembered
from causalseg.ui.segment.layout import BROWSER_KEY

LINES = 50
"""On a page of a list: no more thumbnails than these are read or sent."""
Place = tuple[str, int]
"""Scan, index."""


def listed(store: LabelStore, query: Query, offset: int = 0, is_open: Place | None = None) -> str:
    """The page of a list that begins at `offset`, with a pager below."""
    page = search.find(store, query, limit=LINES, offset=offset)
    if not page.lines and offset:
        page = search.find(store, query, limit=LINES)
    small = search.thumbnails(store, page.lines)
    shown = [_card(line, small.get((line.scan.sha256, line.index)), is_open) for line in page.lines]
    first, last = page.offset + 1, page.offset + len(page.lines)
    return html.cards(shown) + html.pager(first, last, page.total, LINES)


def clickable(elem_id: str) -> gr.HTML:
    """HTML whose buttons are events, see assets/desk.js."""
    return gr.HTML("", elem_id=elem_id, js_on_load=script("desk.js"))


def place_of(click: gr.EventData) -> Place:
    """The picture that a button is of.

    Raises:
        InputError: what came is no place; a browser of ours does not send that.
    """
    index = str(click.index)
    if not index.isdecimal():
        raise InputError(shared_text.CHOOSE_ONE)
    return str(click.scan), int(index)


def offset_of(click: gr.EventData) -> int:
    """Where the page of a list begins that a button leads to."""
    offset = str(click.offset)
    return int(offset) if offset.isdecimal() else 0


def name_box(page: gr.Blocks) -> tuple[gr.Textbox, Any]:
    """Who works here, as the main page asks it: kept in the browser, shared by all pages.

    Returns:
        The box, and the event that has brought the name into it: what needs the name listens to its `then`.
    """
    browser = gr.BrowserState(None, storage_key=BROWSER_KEY, secret=BROWSER_KEY)
    box = gr.Textbox(shared_text.PERSON_DEFAULT, label=shared_text.PERSON, max_lines=1, elem_id="person")
    quiet: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private"}
    box.blur(_named, [box, browser], browser, **quiet)
    return box, page.load(_name, browser, box, **quiet)


def _name(browser: dict[str, Any] | None) -> Any:
    """Nothing where nothing is remembered: a name may have been typed while this was asked."""
    memory = remembered(browser)
    return gr.skip() if memory is None else memory.person


def _named(person: str, browser: dict[str, Any] | None) -> dict[str, Any]:
    return replace(remembered(browser) or Memory(person), person=person).to_browser()


def _card(line: Listed, thumbnail_jpeg: bytes | None, is_open: Place | None) -> html.Card:
    scan, states = line.scan, list[State](dict.fromkeys(one.state for one in line.work))
    return html.Card(
        scan.sha256,
        line.index,
        thumbnail_jpeg,
        line.description or shared_text.NO_DESCRIPTION,
        shared_text.kind_of(scan.modality, line.index, scan.count, scan.axis, line.labels),
        tuple(states) or ("not_started",),
        is_open == (scan.sha256, line.index),
    )
