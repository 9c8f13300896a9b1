"""The one way from a click to a handler: errors become sentences, each request one log line, each event a queue place.

click -> bind -> handler(values) -> engine or store
"""

import logging
import secrets
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from causalseg.errors import CheckpointError, InputError, StoreError
from causalseg.ui import shared_text

logger = logging.getLogger(__name__)

Updates = dict[Any, object]
"""New values by component; a component that is left out keeps what it shows."""
_SHORTEST_SECRET_CHARS = 3
"""Shorter words of the visitor's say nothing about a patient, and blanking them would blank the log."""


class Queue(NamedTuple):
    """A place in the queue, shared by the events that name it."""

    name: str
    at_once: int = 1
    """How many of its events run at the same time."""


MODEL = Queue("model")
"""Of the events that call the model: the network answers one question at a time."""
PICTURE = Queue("picture")
"""Of the events that make a picture after the mask is there: no mask waits for one in the queue."""
EDITOR = Queue("editor")
"""Of the events that write the mask in the editor."""
VOLUME = Queue("volume", 2)
"""Of the events that segment whole volumes; slice by slice they take turns with the others."""
STORE = Queue("store", 8)
"""Of the events that wait for the disk and not for the model."""


def bind(
    name: str,
    event: Callable[..., Any],
    handler: Callable[..., Any],
    inputs: list[Any],
    outputs: list[Any],
    message: Any,
    *,
    queue: Queue | None = None,
    busy: Any = None,
    js: str | None = None,
    wipes: bool = True,
    at_rest: Updates | None = None,
) -> Any:
    """Let `event` call `handler` with the values of `inputs`.

    Args:
        name: of the event, for the log.
        event: of a component, such as `button.click`.
        handler: returns `Updates`; with `at_rest`, yields them.
        inputs: whose values it takes.
        outputs: what it may change, beside `message`.
        message: the component that shows a sentence.
        queue: None: a place of the event's own, without a limit.
        busy: the component that shows that it runs, where it may take longer than a blink.
        js: runs before it, in the browser.
        wipes: whether it takes a sentence of before away; not where the page runs it by itself.
        at_rest: only of a long task: puts back what its first step changed, also where it fails.
    """
    return event(
        guarded(name, handler, message, wipes=wipes)
        if at_rest is None
        else guarded_steps(name, handler, message, at_rest=at_rest),
        inputs=inputs,
        outputs=[message, *outputs],
        js=js,
        trigger_mode="always_last" if at_rest is None else "once",
        show_progress="minimal" if busy else "hidden",
        show_progress_on=busy,
        concurrency_id=queue and queue.name,
        concurrency_limit=queue and queue.at_once,
        api_visibility="private",
    )


def guarded(
    name: str, handler: Callable[..., Updates], message: Any, *, wipes: bool = True
) -> Callable[..., dict[Any, object]]:
    """Show an error that a person can mend as its sentence, any other as a ticket number; the page keeps its state."""
    steps = guarded_steps(name, lambda *values: iter([handler(*values)]), message, wipes=wipes)

    @wraps(handler)
    def run(*values: object) -> Updates:
        (updates,) = steps(*values)
        return updates

    return run


def guarded_steps(
    name: str,
    handler: Callable[..., Iterator[Updates]],
    message: Any,
    *,
    wipes: bool = True,
    at_rest: Mapping[Any, object] | None = None,
) -> Callable[..., Iterator[Updates]]:
    """`guarded` for a handler that shows itself at work."""

    def run(*values: object) -> Iterator[Updates]:
        started_s, outcome = time.perf_counter(), "ok"
        try:
            for updates in handler(*values):
                outcome = "told" if message in updates else "ok"
                yield {message: "" if wipes else gr.skip(), **updates}
        except Exception as error:
            outcome, sentence = _explained(error, values)
            yield {message: alert(sentence), **(at_rest or {})}
        finally:
            logger.info("event=%s outcome=%s seconds=%.3f", name, outcome, time.perf_counter() - started_s)

    # Type checks under pytest make a plain function of a `def` with a `yield`, but not of a lambda; Gradio looks at it.
    return wraps(handler)(lambda *values: (yield from run(*values)))  # pyright: ignore[reportReturnType]


def alert(sentence: str) -> str:
    """A sentence over the page."""
    return f'<p role="alert">{escape(sentence)}</p>' if sentence else ""


def redacted(error: Exception, values: Iterable[object]) -> str:
    """The whole traceback, with every word the visitor gave blanked out."""
    text = "".join(traceback.format_exception(error))
    for secret in sorted(_secrets(values), key=len, reverse=True):
        text = text.replace(secret, "[...]")
    return text


def _explained(error: Exception, values: Iterable[object]) -> tuple[str, str]:
    """The outcome for the log and the sentence for the person; what the person cannot mend is logged in full."""
    if isinstance(error, InputError | StoreError | CheckpointError):
        return type(error).__name__, str(error)
    number = secrets.token_hex(4)
    logger.error("ticket=%s\n%s", number, redacted(error, values))
    return f"ticket_{number}", shared_text.ticket(number)


def _secrets(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            parts = (value, Path(value).name, Path(value).stem)
            yield from (part for part in parts if len(part) >= _SHORTEST_SECRET_CHARS)
