"""The process that fine-tunes: followed by the line, stopped at any moment, its refusals and breaks told in words."""

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from causalseg.errors import InputError
from causalseg.ui.train.process import Point, Tuner, Tuning, _told
from causalseg.ui.train.training_entry import Order, command_of, missing
from training.__main__ import main

ORDER = Order(Path("store"), Path("versions"), "tiny", "tiny", "one", seed=3)
LONGEST_WAIT_SECONDS = 300


def tuner(how: str) -> Tuner:
    return Tuner(lambda order: (sys.executable, "-m", "tests.ui.pages.trainer", how))


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
    [("refuse", "refused", "There are 2 approved corrections."), ("break", "broken", "broke off: ZeroDivisionError")],
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


def test_time_left_follows_the_pace_of_late() -> None:
    heard = [(2.0, 1), (4.0, 2), (4.0, 2)]
    slow = Tuning("one", 0.0)
    assert slow.seconds_left is None
    for at_s, done in heard:
        slow = _told(slow, {"kind": "progress", "done": done, "total": 102}, at_s)
    assert slow.seconds_left == pytest.approx(200.0)

    fast = slow
    for step in range(3, 53):
        fast = _told(fast, {"kind": "progress", "done": step, "total": 102}, 4.0 + 0.1 * (step - 2))
    assert fast.seconds_left == pytest.approx(5.0)


def test_the_command_takes_what_is_ordered(capsys: pytest.CaptureFixture[str]) -> None:
    command = command_of(ORDER)
    assert command[:4] == (sys.executable, "-m", "training", "finetune")
    given = dict(zip(command[4::2], command[5::2], strict=False))
    assert (given["--from"], given["--checkpoint"], Path(given["--store"]).is_absolute()) == ("tiny", "tiny", True)
    assert "--out=one" in command
    assert main([*command[3:], "--steps", "5"]) == 2
    assert "There is no checkpoint 'tiny'" in capsys.readouterr().err


def test_a_server_without_the_package_that_fine_tunes_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing() == ""
    monkeypatch.setitem(sys.modules, "training.finetune.order", None)

    assert "cannot fine-tune" in missing() and "requirements.txt" in missing()
    runs = Tuner()
    with pytest.raises(InputError, match="cannot fine-tune"):
        runs.start(ORDER)
    assert runs.now is None
