"""One event of these pages: what goes wrong is a sentence, the log has one line, and nothing else of the page moves."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from causalseg.errors import CheckpointError, InputError, StoreError
from causalseg.ui.edge import guarded

Updates = dict[Any, object]

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
) -> Any:
    """Bind `run` to `listener`; `busy` shows that it runs, where it may take longer than a blink."""
    return listener(
        guarded(name, in_words(run), message),
        inputs=inputs,
        outputs=[message, *outputs],
        js=js,
        trigger_mode="always_last",
        show_progress="minimal" if busy else "hidden",
        show_progress_on=busy,
        concurrency_id=PLACE,
        concurrency_limit=PAGES_AT_ONCE,
        api_visibility="private",
    )


def in_words(run: Callable[..., Updates]) -> Callable[..., Updates]:
    """What the store or a version says of itself is a sentence with what to do, so it is shown as it is."""

    @wraps(run)
    def told(*values: object) -> Updates:
        try:
            return run(*values)
        except (StoreError, CheckpointError) as error:
            raise InputError(str(error)) from error

    return told
