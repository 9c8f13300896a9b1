"""One event of these pages: what goes wrong is a sentence, the log has one line, and nothing else of the page moves."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from causalseg.errors import CheckpointError, InputError
from causalseg.ui.events import Updates, bind

PAGES_AT_ONCE = 8
"""Events of these pages that run at the same time; each waits for the disk and not for the model."""
PLACE = "desk"


def listen(
    name: str,
    listener: Callable[..., Any],
    run: Callable[..., Updates],
    inputs: list[Any],
    outputs: list[Any],
    message: Any,
    *,
    busy: Any = None,
    js: str | None = None,
    wipes: bool = True,
) -> Any:
    """Bind `run` to `listener`, as `bind` does."""
    shared: dict[str, Any] = {"place": PLACE, "at_once": PAGES_AT_ONCE}
    return bind(name, listener, in_words(run), inputs, outputs, message, busy=busy, js=js, wipes=wipes, **shared)


def in_words(run: Callable[..., Updates]) -> Callable[..., Updates]:
    """What a checkpoint says of itself is a sentence with what to do, so it is shown as it is."""

    @wraps(run)
    def told(*values: object) -> Updates:
        try:
            return run(*values)
        except CheckpointError as error:
            raise InputError(str(error)) from error

    return told
