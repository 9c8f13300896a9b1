"""Fine-tuning in a process of its own: told by the line how far it is, stopped by ending it.

Why a process: this package does not know `training`; a process can be ended at any moment and leaves no trace (its
version is written under another name and renamed when it is whole); and the server answers meanwhile.

Concurrency contract. One `Tuner` is shared by all tabs and guarded by its lock; it runs one fine-tuning at a time. A
thread reads the process's lines and replaces `now`, a frozen value that anybody may look at. When the server ends, the
process is told to end; when the server is killed, the pipe is gone and the process ends at its next line.
"""

import atexit
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from causalseg.checkpoints import PROJECT_DIR
from causalseg.errors import InputError
from causalseg.ui.desk import words

logger = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "training", "finetune")
REFUSED = 2
"""Exit code of a refusal, whose sentence is on standard error."""
_PATIENCE_SECONDS = 5.0
"""How long a process that is told to end may take before it is made to."""

State = Literal["running", "made", "refused", "stopped", "broken"]


@dataclass(frozen=True, slots=True)
class Order:
    """What a person wants fine-tuned."""

    store: Path
    versions: Path
    checkpoint: str
    parent: str
    """The checkpoint, or a version of it."""
    name: str
    """Of the version to be made."""
    seed: int = 0

    def arguments(self) -> list[str]:
        """As the command takes them."""
        return [
            *("--store", str(self.store.resolve())),
            *("--versions", str(self.versions.resolve())),
            *("--checkpoint", self.checkpoint),
            *("--from", self.parent),
            f"--out={self.name}",
            *("--seed", str(self.seed)),
            *("--progress", "json"),
        ]


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
    counted_s: float | None = None
    """When `done` was first more than 0."""
    told_s: float = 0.0
    """When the last line came."""
    points: tuple[Point, ...] = ()
    sentence: str = ""
    """Why it was refused, or broke."""

    @property
    def is_running(self) -> bool:
        """Whether the process is at work."""
        return self.state == "running"

    @property
    def seconds_left(self) -> float | None:
        """By the pace since work could be counted; None before there is one."""
        if self.counted_s is None or self.done < 2 or self.told_s <= self.counted_s:
            return None
        return (self.told_s - self.counted_s) / (self.done - 1) * (self.total - self.done)


class Tuner:
    """Runs one fine-tuning at a time."""

    def __init__(self, command: Sequence[str] = COMMAND, folder: Path = PROJECT_DIR) -> None:
        """`command` takes the arguments of `Order`; it is run in `folder`, without a shell."""
        self._command, self._folder = tuple(command), folder
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
            InputError: another one is running.
        """
        with self._lock:
            if self._now is not None and self._now.is_running:
                raise InputError(words.already_running(self._now.version))
            process = subprocess.Popen(
                [*self._command, *order.arguments()],
                cwd=self._folder,
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
        done = int(heard["done"])
        counted_s = at_s if tuning.counted_s is None and done > 0 else tuning.counted_s
        return replace(tuning, done=done, total=int(heard["total"]), counted_s=counted_s, told_s=at_s)
    if heard["kind"] == "step":
        point = Point(int(heard["member"]), int(heard["step"]), float(heard["loss"]))
        return replace(tuning, points=(*tuning.points, point))
    return replace(tuning, state="made", done=tuning.total) if heard["kind"] == "made" else tuning


def _ended(tuning: Tuning, code: int, complaint: str, *, is_stopped: bool) -> Tuning:
    if tuning.state == "made":
        return tuning
    if is_stopped:
        return replace(tuning, state="stopped")
    if code == REFUSED and complaint.strip():
        return replace(tuning, state="refused", sentence=complaint.strip().splitlines()[-1])
    return replace(tuning, state="broken", sentence=words.broke_off(code))
