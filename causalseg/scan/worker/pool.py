"""Decoders in a process of their own: it can be killed, it has a memory limit, and when it dies it dies alone.

    parent   job + contents ──►  worker: serve ── decode
    parent  ◄── ready | progress | refusal | failure | scan

GDCM aborts the whole process on some damaged codestreams (one flipped bit of a JPEG table is enough), which no `except`
can catch; other decoders may loop or ask for all memory. A worker is started once and kept, so that opening a second
file costs milliseconds. Two visitors are served at a time, a third one waits.
"""

import atexit
import json
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from causalseg.errors import ScanTooLarge, UnreadableScan
from causalseg.scan.request import Request
from causalseg.scan.scan import Scan
from causalseg.scan.worker.messages import STEP, Kind, load_scan, read_message, write_message
from causalseg.settings import Settings

_START_SECONDS = 120.0
"""For importing numpy and pydicom on a busy machine."""
_MOST_WORKERS = 2
_COMMAND = "from causalseg.scan.worker.process import serve; serve()"
_DIED = (
    "The pixels of this file cannot be decoded: they are damaged, or made to break decoders. "
    "Export it again from where it came, then open it again."
)
_REFUSALS = {refusal.__name__: refusal for refusal in (UnreadableScan, ScanTooLarge)}


class WorkerFailure(RuntimeError):
    """A fault of ours inside a worker; the message says where."""


def decode_apart(contents: Sequence[bytes], request: Request, *, is_folder: bool = False) -> Scan:
    """`decode` in a worker.

    Raises:
        UnreadableScan: as `decode` does; or a decoder died of the file, or took too long over it.
        ScanTooLarge: as `decode` does.
    """
    job = {"is_folder": is_folder, "sha256": request.sha256, "settings": request.settings}
    with _WORKERS.borrow() as worker:
        return worker.run([pickle.dumps(job), *contents], request)


class _Worker:
    """The parent's side of one process."""

    def __init__(self) -> None:
        paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # libraries quote the file there
            env=os.environ | paths | threads,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise WorkerFailure("a process without pipes")
        self._questions, self._answers = self._process.stdin, self._process.stdout
        self._is_late = False
        try:
            with self._killed_after(_START_SECONDS):
                read_message(self._answers)
        except (EOFError, ValueError):
            self.close()
            raise WorkerFailure("the process that decodes files did not start") from None

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._answers.close()
        with suppress(BrokenPipeError):
            self._questions.close()

    def run(self, job: Sequence[bytes], request: Request) -> Scan:
        """One file; a worker that did not come to its end with it is closed."""
        settings, is_done = request.settings, False
        ends, still_seconds = time.monotonic() + settings.max_open_seconds, float(settings.max_still_seconds)
        try:
            kind, blocks = self._hear(still_seconds, settings, say=job)
            while kind is Kind.PROGRESS:
                request.on_progress(*STEP.unpack(blocks[0]))
                kind, blocks = self._hear(min(still_seconds, ends - time.monotonic()), settings)
            scan = load_scan(blocks) if kind is Kind.SCAN else None
            is_done = True
        finally:
            if not is_done:
                self.close()
        if scan is None:
            raise _refusal(kind, blocks)
        return scan

    def _hear(
        self, seconds: float, settings: Settings, *, say: Sequence[bytes] = ()
    ) -> tuple[Kind, Sequence[bytes | bytearray]]:
        """The next message, after saying what is to be said; both within `seconds`."""
        try:
            with self._killed_after(max(seconds, 0.0)):
                if say:
                    write_message(self._questions, Kind.JOB, say)
                if seconds > 0:
                    return read_message(self._answers)
        except (OSError, EOFError, ValueError):
            raise UnreadableScan(_late(settings) if self._is_late else _DIED) from None
        raise UnreadableScan(_late(settings))

    @contextmanager
    def _killed_after(self, seconds: float) -> Iterator[None]:
        timer = threading.Timer(seconds, self._kill_late)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _kill_late(self) -> None:
        self._is_late = True
        self._process.kill()


def _refusal(kind: Kind, blocks: Sequence[bytes | bytearray]) -> Exception:
    if kind is Kind.REFUSAL:
        name, sentence = json.loads(blocks[0])
        return _REFUSALS[name](sentence)
    return WorkerFailure(blocks[0].decode(errors="replace"))


def _late(settings: Settings) -> str:
    return (
        f"This file was given up: a slice took more than {settings.max_still_seconds} s to decode, or all of it more "
        f"than {settings.max_open_seconds} s. Export it uncompressed, or open a part of it."
    )


class _Workers:
    """Those that wait for a file; each is borrowed by one thread at a time."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """In a forked process: the workers are the parent's."""
        self._free = threading.BoundedSemaphore(_MOST_WORKERS)
        self._idle: list[_Worker] = []

    @contextmanager
    def borrow(self) -> Iterator[_Worker]:
        with self._free:
            worker = self._idle.pop() if self._idle else None
            if worker is None or not worker.is_alive:
                worker = _Worker()
            try:
                yield worker
            finally:
                if worker.is_alive:
                    self._idle.append(worker)

    def close(self) -> None:
        """End those that wait."""
        while self._idle:
            self._idle.pop().close()


_WORKERS = _Workers()


def close_workers() -> None:
    """End the workers that wait; the next file starts another."""
    _WORKERS.close()


atexit.register(close_workers)
if sys.platform != "win32":
    os.register_at_fork(after_in_child=_WORKERS.forget)
