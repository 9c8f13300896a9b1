"""What the browser keeps between two visits, shared by all pages: the person's name, the place of the last draft."""

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from causalseg.ui import shared_text

_KEY = "causalseg"
"""Of the browser's storage, also as the secret of the encryption, for nothing of it leaves the machine."""


@dataclass(frozen=True, slots=True)
class Memory:
    """A name, and where its last draft is."""

    person: str
    place: tuple[str, int, str] | None = None
    """Scan, index and description of the last draft."""

    def to_browser(self) -> dict[str, object]:
        """As JSON can hold it."""
        return {"person": self.person, "place": self.place and list(self.place)}


def browser_memory() -> gr.BrowserState:
    """The component that holds a `Memory`."""
    return gr.BrowserState(None, storage_key=_KEY, secret=_KEY)


def remembered(value: Any) -> Memory | None:
    """What a browser kept; None where it kept nothing, or nothing of ours."""
    if not isinstance(value, dict) or not isinstance(value.get("person"), str):
        return None
    match value.get("place"):
        case [str() as scan_sha256, int() as index, str() as description]:
            return Memory(value["person"], (scan_sha256, index, description))
        case _:
            return Memory(value["person"])


def renamed(person: str, browser: dict[str, Any] | None) -> dict[str, object]:
    """What the browser keeps after another name was typed."""
    return replace(remembered(browser) or Memory(person), person=person).to_browser()


def name_box(page: gr.Blocks) -> tuple[gr.Textbox, Any]:
    """Who works here, as the main page asks it.

    Returns:
        The box, and the event that has brought the name into it: what needs the name listens to its `then`.
    """
    browser = browser_memory()
    box = gr.Textbox(shared_text.PERSON_DEFAULT, label=shared_text.PERSON, max_lines=1, elem_id="person")
    quiet: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private"}
    box.blur(renamed, [box, browser], browser, **quiet)
    return box, page.load(_name, browser, box, **quiet)


def _name(browser: dict[str, Any] | None) -> Any:
    """Nothing where nothing is remembered: a name may have been typed while this was asked."""
    memory = remembered(browser)
    return gr.skip() if memory is None else memory.person
