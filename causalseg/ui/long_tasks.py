"""Long tasks, one a tab, and how to stop them: Gradio's own `cancels` does not reach into a running handler.

Concurrency contract. One `LongTasks` is shared by all tabs and guarded by its lock; a `Task` belongs to the handler
that runs it, which asks `is_stopped` between two steps.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Task:
    """What a running handler asks, and another tells it."""

    _stop: threading.Event = field(default_factory=threading.Event)
    _drop: threading.Event = field(default_factory=threading.Event)

    @property
    def is_stopped(self) -> bool:
        """Whether to end after this step; what is made so far is good."""
        return self._stop.is_set()

    @property
    def is_dropped(self) -> bool:
        """Whether nobody wants to see what was made."""
        return self._drop.is_set()

    def stop(self) -> None:
        """End after this step."""
        self._stop.set()

    def drop(self) -> None:
        """End after this step, and show nothing of it."""
        self._drop.set()
        self._stop.set()


class LongTasks:
    """The running task of each tab."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, Task] = {}

    def begin(self, tab: str) -> Task:
        """A new task of `tab`; the one before is dropped."""
        task = Task()
        with self._lock:
            former = self._running.get(tab)
            self._running[tab] = task
        if former is not None:
            former.drop()
        return task

    def end(self, tab: str, task: Task) -> None:
        """Forget a task that ran to its end."""
        with self._lock:
            if self._running.get(tab) is task:
                del self._running[tab]

    def stop(self, tab: str) -> None:
        """Stop what `tab` runs, if anything."""
        self._tell(tab, Task.stop)

    def drop(self, tab: str) -> None:
        """Drop what `tab` runs, if anything."""
        self._tell(tab, Task.drop)

    def _tell(self, tab: str, what: Callable[[Task], None]) -> None:
        with self._lock:
            task = self._running.get(tab)
        if task is not None:
            what(task)
