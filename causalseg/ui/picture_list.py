"""Lists of pictures as cards, a page at a time, whose buttons are events."""

import base64
from typing import Any

import gradio as gr

from causalseg.annotations.queue import search
from causalseg.annotations.queue.search import Listed, Query
from causalseg.annotations.store import LabelStore
from causalseg.errors import InputError
from causalseg.ui import html, shared_text
from causalseg.ui.assets import script

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


def clickable(elem_id: str, *, min_width: int | None = None) -> gr.HTML:
    """HTML whose buttons are events, see assets/html-buttons.js."""
    return gr.HTML("", elem_id=elem_id, min_width=min_width, js_on_load=script("html-buttons.js"))


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


def _card(line: Listed, thumbnail_jpeg: bytes | None, is_open: Place | None) -> dict[str, Any]:
    """As the template takes it."""
    scan = line.scan
    picture = None if thumbnail_jpeg is None else base64.b64encode(thumbnail_jpeg).decode("ascii")
    return {
        "scan": scan.sha256,
        "index": line.index,
        "thumbnail": picture and f"data:image/jpeg;base64,{picture}",
        "title": line.description or shared_text.NO_DESCRIPTION,
        "detail": shared_text.kind_of(scan.modality, line.index, scan.count, scan.axis, line.labels),
        "states": dict.fromkeys(one.state for one in line.work) or ("not_started",),
        "is_open": is_open == (scan.sha256, line.index),
    }
