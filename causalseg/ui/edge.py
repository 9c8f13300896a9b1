"""The edge of the page: what happens when a handler raises, and the one log line a request."""

import logging
import secrets
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr

from causalseg.errors import InputError, StoreError
from causalseg.ui import copy, panels

logger = logging.getLogger(__name__)

_SHORTEST_SECRET_CHARS = 3
"""Shorter words of the visitor's say nothing about a patient, and blanking them would blank the log."""


def guarded(
    name: str, handler: Callable[..., dict[Any, object]], message: Any, *, wipes: bool = True
) -> Callable[..., dict[Any, object]]:
    """Show an `InputError` or `StoreError` as it is, all else as a ticket; the rest of the page stays as it was.

    Args:
        name: of the event, for the log.
        handler: returns updates by component; components it leaves out keep their value.
        message: the component that shows a sentence.
        wipes: whether a sentence of before goes when all went well: of what a person did, and not of what the page
            does by itself, maybe after the sentence.
    """
    at_peace = "" if wipes else gr.skip()

    @wraps(handler)
    def run(*values: object) -> dict[Any, object]:
        started_s = time.perf_counter()
        outcome = "ok"
        try:
            updates = handler(*values)
            outcome = "told" if message in updates else "ok"
            return {message: at_peace, **updates}
        except Exception as error:
            outcome, sentence = _explained(error, values)
            return {message: panels.message(sentence)}
        finally:
            logger.info("event=%s outcome=%s seconds=%.3f", name, outcome, time.perf_counter() - started_s)

    return run


def guarded_steps(
    name: str, handler: Callable[..., Iterator[dict[Any, object]]], message: Any, undone: dict[Any, object]
) -> Callable[..., Iterator[dict[Any, object]]]:
    """`guarded` for a handler that shows itself at work; `undone` puts back what its first step changed."""

    def run(*values: object) -> Iterator[dict[Any, object]]:
        started_s = time.perf_counter()
        outcome = "ok"
        try:
            for updates in handler(*values):
                yield {message: "", **updates}
        except Exception as error:
            outcome, sentence = _explained(error, values)
            yield {message: panels.message(sentence), **undone}
        finally:
            logger.info("event=%s outcome=%s seconds=%.3f", name, outcome, time.perf_counter() - started_s)

    # Type checks under pytest make a plain function of a `def` with a `yield`, but not of a lambda; Gradio looks at it.
    return wraps(handler)(lambda *values: (yield from run(*values)))  # pyright: ignore[reportReturnType]


def redacted(error: Exception, values: Iterable[object]) -> str:
    """The whole traceback, with every word the visitor gave blanked out."""
    text = "".join(traceback.format_exception(error))
    for secret in sorted(_secrets(values), key=len, reverse=True):
        text = text.replace(secret, "[...]")
    return text


def _explained(error: Exception, values: Iterable[object]) -> tuple[str, str]:
    """The outcome for the log and the sentence for the person; what the person cannot mend is logged in full."""
    if isinstance(error, InputError | StoreError):
        return type(error).__name__, str(error)
    number = secrets.token_hex(4)
    logger.error("ticket=%s\n%s", number, redacted(error, values))
    return f"ticket_{number}", copy.ticket(number)


def _secrets(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield from (part for part in (value, Path(value).name, Path(value).stem) if _is_secret(part))


def _is_secret(word: str) -> bool:
    return len(word) >= _SHORTEST_SECRET_CHARS
