"""The worker's side: one file after another from standard input, decoded, to standard output."""

import json
import os
import pickle
import signal
import sys
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import IO

from causalseg.errors import ScanTooLarge, UnreadableScan
from causalseg.scan.file_kinds import decode
from causalseg.scan.refusals import TOO_MUCH_MEMORY
from causalseg.scan.request import Request
from causalseg.scan.worker.messages import STEP, Kind, dump_scan, read_message, write_message
from causalseg.settings import Settings

_GRACE_SECONDS = 5
"""Past the longest time for a file: then the parent, which would have ended this process, is gone."""


def serve() -> None:
    """Answer until the parent closes the door."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())  # libraries write there too
    warnings.simplefilter("ignore")
    write_message(answers, Kind.READY, [])
    with suppress(EOFError, BrokenPipeError):
        while True:
            _, (job, *contents) = read_message(sys.stdin.buffer)
            _answer(answers, pickle.loads(job), [bytes(content) for content in contents])


def _answer(answers: IO[bytes], job: dict, contents: list[bytes]) -> None:
    settings: Settings = job["settings"]
    _limit(settings.max_open_seconds + _GRACE_SECONDS, settings.max_decoder_bytes)

    def on_progress(done: int, total: int) -> None:
        write_message(answers, Kind.PROGRESS, [STEP.pack(done, total)])

    try:
        request = Request(job["sha256"], settings, on_progress)
        scan = decode(contents, request, is_folder=job["is_folder"])
    except (UnreadableScan, ScanTooLarge) as refusal:
        write_message(answers, Kind.REFUSAL, [json.dumps([type(refusal).__name__, str(refusal)]).encode()])
    except MemoryError:
        write_message(answers, Kind.REFUSAL, [json.dumps([ScanTooLarge.__name__, TOO_MUCH_MEMORY]).encode()])
    except Exception as error:  # a fault of ours, for the parent's log: where, not the words, which may quote the file
        frames = [f"{frame.name} line {frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
        write_message(answers, Kind.FAILURE, [f"{type(error).__name__} in {', '.join(frames)}".encode()])
    else:
        write_message(answers, Kind.SCAN, dump_scan(scan))
    finally:
        _limit(0, None)  # the next file has yet to be taken in


def _limit(seconds: int, data_bytes: int | None) -> None:
    """End this process after `seconds` (0: never), and let it have at most `data_bytes` of memory (None: any)."""
    if sys.platform == "win32":
        return
    import resource

    signal.alarm(seconds)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = hard if data_bytes is None else data_bytes if hard == resource.RLIM_INFINITY else min(data_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
