"""Long tasks, one a tab, and how to stop them: Gradio's own `cancels` does not reach into a running handler.

Concurrency contract. One `LongTasks` is shared by all tabs and guarded by its lock; a `Task` belongs to the handler
that runs it, which looks at it between two steps.
"""

import threading
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Task:
    """What a running handler looks at, and another handler sets."""

    is_stopped: bool = False
    """End after this step; what is made so far is good."""
    is_dropped: bool = False
    """Nobody wants to see what was made."""


class LongTasks:
    """The running task of each tab."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, Task] = {}

    def begin(self, tab: str) -> Task:
        """A new task of `tab`; the one before is dropped."""
        task = Task()
        with self._lock:
            former, self._running[tab] = self._running.get(tab), task
        if former is not None:
            former.is_stopped = former.is_dropped = True
        return task

    def end(self, tab: str, task: Task) -> None:
        """Forget a task that ran to its end."""
        with self._lock:
            if self._running.get(tab) is task:
                del self._running[tab]

    def stop(self, tab: str) -> None:
        """Let what `tab` runs, if anything, end after its step."""
        with self._lock:
            if task := self._running.get(tab):
                task.is_stopped = True

    def drop(self, tab: str) -> None:
        """Stop what `tab` runs, if anything, and show nothing of it."""
        with self._lock:
            if task := self._running.pop(tab, None):
                task.is_stopped = task.is_dropped = True
