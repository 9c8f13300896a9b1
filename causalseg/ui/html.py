"""Tables, bars and buttons as HTML, from templates/parts.html, which says what each is.

An argument named `html` or `caption` is HTML already; all else is escaped. Cells of a table are escaped, but for `Raw`.
"""

from markupsafe import Markup as Raw

from causalseg.ui.templates import macros

Cell = str | Raw
_macro = macros("parts.html")
table, choice, cards, pager, figure = map(_macro, ("table", "choice", "cards", "pager", "figure"))
bar, note, sentences = map(_macro, ("bar", "note", "sentences"))
buttons, folded, heading, page_head = map(_macro, ("buttons", "folded", "heading", "page_head"))


def button(act: str, label: str, *, is_first: bool = False, **data: str | int) -> Raw:
    """A button whose click is an event with `act` and `data`; see assets/html-buttons.js."""
    return Raw(_macro("button")(act, label, is_first, **data))
