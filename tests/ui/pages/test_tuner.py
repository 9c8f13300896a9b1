"""The process that fine-tunes: followed by the line, stopped at any moment, its refusals and breaks told in words."""

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from causalseg.checkpoints import PROJECT_DIR
from causalseg.errors import InputError
from causalseg.ui.desk.tuner import Order, Point, Tuner, Tuning
from training.__main__ import _parser

ORDER = Order(Path("store"), Path("versions"), "tiny", "tiny", "one", seed=3)
LONGEST_WAIT_SECONDS = 300


def tuner(how: str) -> Tuner:
    return Tuner((sys.executable, "-m", "tests.ui.pages.trainer", how), PROJECT_DIR)


def once(runs: Tuner, is_true: Callable[[Tuning], bool]) -> Tuning:
    """What runs, when it has come so far."""
    ends = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < ends:
        if runs.now is not None and is_true(runs.now):
            return runs.now
        time.sleep(0.02)
    raise AssertionError(f"waited in vain; it is {runs.now}")


def test_lines_of_the_process_become_progress_and_curve() -> None:
    runs = tuner("make")
    assert runs.now is None

    runs.start(ORDER)

    made = once(runs, lambda tuning: not tuning.is_running)
    assert (made.state, made.done, made.total) == ("made", 12, 12)
    assert made.points == (Point(0, 1, 0.9), Point(0, 2, 0.7))


def test_only_one_runs_at_a_time_and_it_can_be_stopped() -> None:
    runs = tuner("wait")
    runs.start(ORDER)
    once(runs, lambda tuning: len(tuning.points) == 2)

    with pytest.raises(InputError, match="one is being made"):
        runs.start(ORDER)
    runs.stop()

    assert once(runs, lambda tuning: not tuning.is_running).state == "stopped"
    runs.start(ORDER)
    runs.stop()
    once(runs, lambda tuning: not tuning.is_running)


@pytest.mark.parametrize(
    ("how", "state", "sentence"),
    [("refuse", "refused", "There are 2 approved corrections."), ("break", "broken", "broke off (exit code 1)")],
)
def test_a_refusal_and_a_break_are_sentences_and_nothing_of_them_is_logged(
    how: str, state: str, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    runs = tuner(how)
    runs.start(ORDER)

    ended = once(runs, lambda tuning: not tuning.is_running)

    assert ended.state == state and sentence in ended.sentence
    assert "approved" not in caplog.text and "ZeroDivision" not in caplog.text


def test_time_left_follows_the_pace() -> None:
    running = Tuning("one", 0.0, done=5, total=13, counted_s=10.0, told_s=18.0)
    assert running.seconds_left == pytest.approx(16.0)
    assert Tuning("one", 0.0).seconds_left is None


def test_the_command_takes_what_is_ordered() -> None:
    options = _parser().parse_args(["finetune", *ORDER.arguments(), "--steps", "5"])

    assert (options.name, options.parent, options.checkpoint, options.seed) == ("one", "tiny", "tiny", 3)
    assert (options.store.name, options.versions.name, options.progress) == ("store", "versions", "json")
