"""Fine-tuning in a process of its own, which reports progress line by line and is stopped by ending it.

Why a process: it can be ended at any moment and leaves no trace (its version is written under another name and renamed
when it is whole), and the server answers meanwhile.

Concurrency contract. One `Tuner` is shared by all tabs and guarded by its lock; it runs one fine-tuning at a time. A
thread reads the process's lines and replaces `now`, a frozen value that anybody may look at. When the server ends, the
process is told to end; when the server is killed, the pipe is gone and the process ends at its next line.
"""

import atexit
import json
import logging
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from causalseg.checkpoints import PROJECT_DIR
from causalseg.errors import InputError
from causalseg.ui.train import text
from causalseg.ui.train.training_entry import Order, command_of

logger = logging.getLogger(__name__)

REFUSED = 2
"""Exit code of a refusal, whose sentence is the last line on standard error."""
_PATIENCE_SECONDS = 5.0
"""How long a process that is told to end may take before it is made to."""
_MARKS = 20
"""Steps that the time left is reckoned from: pictures take longer than steps, and machines get busy."""

State = Literal["running", "made", "refused", "stopped", "broken"]


@dataclass(frozen=True, slots=True)
class Point:
    """A step of a member, and its loss."""

    member: int
    step: int
    """From 1."""
    loss: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """A fine-tuning, as far as it is."""

    version: str
    started_s: float
    """Monotonic clock, as the others."""
    state: State = "running"
    done: int = 0
    total: int = 0
    """0 while model and masks are read."""
    marks: tuple[tuple[float, int], ...] = ()
    """When how much was done, of late."""
    points: tuple[Point, ...] = ()
    sentence: str = ""
    """Why it was refused, or broke."""

    @property
    def is_running(self) -> bool:
        """Whether the process is at work."""
        return self.state == "running"

    @property
    def seconds_left(self) -> float | None:
        """By the pace of late; None before there is one."""
        if len(self.marks) < 2:
            return None
        (from_s, from_done), (to_s, to_done) = self.marks[0], self.marks[-1]
        return (to_s - from_s) / (to_done - from_done) * (self.total - self.done)


class Tuner:
    """Runs one fine-tuning at a time."""

    def __init__(self, command_of: Callable[[Order], Sequence[str]] = command_of) -> None:
        """`command_of` an order is run where the project is, without a shell."""
        self._command_of = command_of
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._now: Tuning | None = None
        self._is_stopping = False
        atexit.register(self.stop)

    @property
    def now(self) -> Tuning | None:
        """The one that runs, or the last one; None before the first."""
        return self._now

    def start(self, order: Order) -> Tuning:
        """Begin.

        Raises:
            InputError: another one is running, or what fine-tunes is not installed.
        """
        command = self._command_of(order)
        with self._lock:
            if self._now is not None and self._now.is_running:
                raise InputError(text.already_running(self._now.version))
            process = subprocess.Popen(
                command,
                cwd=PROJECT_DIR,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
            self._process, self._is_stopping = process, False
            self._now = tuning = Tuning(order.name, time.monotonic())
        threading.Thread(target=self._follow, args=(process,), name="fine-tuning", daemon=True).start()
        return tuning

    def stop(self) -> None:
        """End what runs, if anything; what is served stays, and nothing was written."""
        with self._lock:
            process = self._process
            if process is None:
                return
            self._is_stopping = True
        process.terminate()
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()

    def _follow(self, process: subprocess.Popen[str]) -> None:
        """Read what the process says until it ends."""
        complaints: list[str] = []
        listening = threading.Thread(target=lambda: complaints.extend(process.stderr or ()), daemon=True)
        listening.start()
        for line in process.stdout or ():
            if (heard := _heard(line)) is not None:
                self._now = _told(self._tuning(), heard, time.monotonic())
        code = process.wait()
        listening.join()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        with self._lock:
            self._process = None
            self._now = _ended(self._tuning(), code, "".join(complaints), is_stopped=self._is_stopping)
        seconds = time.monotonic() - self._now.started_s
        logger.info("finetune outcome=%s exit_code=%d seconds=%.1f", self._now.state, code, seconds)

    def _tuning(self) -> Tuning:
        if self._now is None:
            raise RuntimeError("a process is followed that nobody started")
        return self._now


def _heard(line: str) -> dict[str, Any] | None:
    """A line of the protocol of training/finetune/cli.py; None for anything else that is written there."""
    try:
        values = json.loads(line)
    except ValueError:
        return None
    return values if isinstance(values, dict) and "kind" in values else None


def _told(tuning: Tuning, heard: dict[str, Any], at_s: float) -> Tuning:
    if heard["kind"] == "progress":
        done, total = int(heard["done"]), int(heard["total"])
        is_further = done > (tuning.marks[-1][1] if tuning.marks else 0)
        marks = (*tuning.marks, (at_s, done))[-_MARKS:] if is_further else tuning.marks
        return replace(tuning, done=done, total=total, marks=marks)
    if heard["kind"] == "step":
        point = Point(int(heard["member"]), int(heard["step"]), float(heard["loss"]))
        return replace(tuning, points=(*tuning.points, point))
    return replace(tuning, state="made", done=tuning.total) if heard["kind"] == "made" else tuning


def _ended(tuning: Tuning, code: int, complaint: str, *, is_stopped: bool) -> Tuning:
    if tuning.state == "made":
        return tuning
    if is_stopped:
        return replace(tuning, state="stopped")
    cause = (complaint.strip().splitlines() or [""])[-1]
    if code == REFUSED and cause:
        return replace(tuning, state="refused", sentence=cause)
    return replace(tuning, state="broken", sentence=text.broke_off(code, cause))
