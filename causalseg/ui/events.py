"""One event of a page: bound in the same way on every page."""

from collections.abc import Callable
from typing import Any

from causalseg.ui.edge import guarded

Updates = dict[Any, object]


def bind(
    name: str,
    listener: Callable[..., Any],
    run: Callable[..., Updates],
    inputs: list[Any],
    outputs: list[Any],
    message: Any,
    *,
    place: str | None = None,
    at_once: int | None = 1,
    busy: Any = None,
    js: str | None = None,
    wipes: bool = True,
) -> Any:
    """Let `listener` call `run`, guarded, with the values of `inputs`.

    Args:
        name: of the event, for the log.
        listener: of a component.
        run: returns updates by component.
        inputs: whose values it takes.
        outputs: what it may change, beside `message`.
        message: the component that shows a sentence.
        place: a place in the queue, shared with the other events of that name; None: the event's own.
        at_once: how many events of a place run at the same time.
        busy: the component that shows that it runs, where it may take longer than a blink.
        js: runs before it, in the browser.
        wipes: whether it takes a sentence of before away; not where the page runs it by itself.
    """
    return listener(
        guarded(name, run, message, wipes=wipes),
        inputs=inputs,
        outputs=[message, *outputs],
        js=js,
        trigger_mode="always_last",
        show_progress="minimal" if busy else "hidden",
        show_progress_on=busy,
        concurrency_id=place,
        concurrency_limit=at_once if place else None,
        api_visibility="private",
    )
