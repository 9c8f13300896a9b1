"""Tables, bars and buttons as HTML. Whatever came from a file or a person is escaped here."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from causalseg.annotations.records import State
from causalseg.ui import shared_text


class Raw(NamedTuple):
    """HTML of our own making, not to be escaped again."""

    html: str


Cell = str | Raw


@dataclass(frozen=True, slots=True)
class Card:
    """A picture in a list."""

    scan: str
    """Its SHA-256."""
    index: int
    thumbnail_jpeg: bytes | None
    title: str
    detail: str
    states: tuple[State, ...]
    is_open: bool = False


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]], *, name: str, marked: int | None = None) -> str:
    """A table that scrolls sideways where it must; row `marked` is the one that counts now."""
    heads = "".join(f'<th scope="col">{escape(word)}</th>' for word in head)
    body = "".join(_row(row, is_marked=number == marked) for number, row in enumerate(rows))
    return (
        f'<div class="sheet" tabindex="0" role="region" aria-label="{escape(name)}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def button(act: str, label: str, *, is_first: bool = False, **data: str | int) -> Raw:
    """A button whose click is an event with `act` and `data`; see assets/desk.js."""
    facts = "".join(f' data-{escape(key)}="{escape(str(value))}"' for key, value in data.items())
    kind = "act first" if is_first else "act"
    return Raw(f'<button type="button" class="{kind}" data-act="{escape(act)}"{facts}>{escape(label)}</button>')


def choice(field: str, label: str, options: Mapping[str, str]) -> str:
    """A list to choose from; what is chosen goes along, as `field`, with every click on a button beside it."""
    chosen = "".join(f'<option value="{escape(value)}">{escape(word)}</option>' for value, word in options.items())
    return f'<label class="choice">{escape(label)} <select data-field="{escape(field)}">{chosen}</select></label>'


def cards(shown: Iterable[Card]) -> str:
    """Pictures to click: an event with `act` "open", `scan` and `index`."""
    return f'<div class="cards">{"".join(_card(card) for card in shown)}</div>'


def pager(first: int, last: int, total: int, step: int) -> str:
    """Which lines are on screen, and buttons to the others: events with `act` "page" and `offset`."""
    back = button("page", shared_text.BACK, offset=max(0, first - 1 - step)).html if first > 1 else ""
    forward = button("page", shared_text.FORWARD, offset=last).html if last < total else ""
    return (
        f'<div class="pager">{back}<span role="status">{shared_text.of_total(first, last, total)}</span>{forward}</div>'
    )


def figure(source: str, alt: str, caption: str) -> str:
    """A picture by its data URI; `caption` is HTML of our own making."""
    return f'<figure class="view"><img src="{source}" alt="{escape(alt)}"><figcaption>{caption}</figcaption></figure>'


def pill(state: State) -> str:
    """A state as a small mark with its word."""
    return f'<span class="pill {state}">{shared_text.STATES[state]}</span>'


def bar(share: float | None, sentence: str) -> str:
    """How far a long task is, in [0, 1]; None where that is not known yet."""
    width = 0 if share is None else round(100 * min(max(share, 0.0), 1.0))
    kind = "progress unknown" if share is None else "progress"
    value = "" if share is None else f' aria-valuenow="{width}"'
    return (
        f'<div class="{kind}" role="progressbar" aria-label="{escape(sentence)}" aria-valuemin="0" '
        f'aria-valuemax="100"{value}><i style="width:{width}%"></i></div>{note(sentence)}'
    )


def note(sentence: str, kind: str = "quiet") -> str:
    """A sentence."""
    return f'<p class="{kind}" role="status">{escape(sentence)}</p>' if sentence else ""


def alert(sentence: str) -> str:
    """A sentence over the page, as the edge of the page shows an error."""
    return f'<p role="alert">{escape(sentence)}</p>'


def sentences(lines: Iterable[str]) -> str:
    """A list of them."""
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def folded(summary: str, html: str, *, is_open: bool = False) -> str:
    """More, for who wants it."""
    return f"<details{' open' if is_open else ''}><summary>{escape(summary)}</summary>{html}</details>"


def heading(title: str, html: str = "") -> str:
    """A title of a part of the page."""
    return f"<h2>{escape(title)}</h2>{html}"


def _card(card: Card) -> str:
    picture = "<span class='no-picture'></span>"
    if card.thumbnail_jpeg is not None:
        source = "data:image/jpeg;base64," + base64.b64encode(card.thumbnail_jpeg).decode("ascii")
        picture = f'<img src="{source}" alt="" loading="lazy">'
    current = ' aria-current="true"' if card.is_open else ""
    marks = "".join(map(pill, card.states))
    return (
        f'<button type="button" class="card" data-act="open" data-scan="{escape(card.scan)}" '
        f'data-index="{card.index}"{current}>{picture}<span class="card-text"><b>{escape(card.title)}</b>'
        f"<span>{escape(card.detail)}</span><span>{marks}</span></span></button>"
    )


def _row(cells: Sequence[Cell], *, is_marked: bool) -> str:
    kind = ' class="marked"' if is_marked else ""
    return f"<tr{kind}>{''.join(f'<td>{_cell(cell)}</td>' for cell in cells)}</tr>"


def _cell(cell: Cell) -> str:
    return cell.html if isinstance(cell, Raw) else escape(cell)
