"""The model looks at the pictures of the store, and the queue then chooses by what it found."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from causalseg.acquisition import signal_of
from causalseg.annotations import LabelStore, queue
from causalseg.annotations.queue import CRITERIA, Policy, picture_signals
from causalseg.scan import Scan
from causalseg.ui.work import model_signals
from tests.ui.fakes import DETECTED, FakeEngine, disc

HEIGHT_PX, WIDTH_PX = 100, 120
SHIFTS = (0, 15, 30)


def scan_of(shift_px: int) -> Scan:
    image_u8 = np.roll(disc(HEIGHT_PX, WIDTH_PX), shift_px, axis=0)
    return Scan(image_u8, hashlib.sha256(image_u8.tobytes()).hexdigest(), "PNG", "endoscopy")


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    store = LabelStore(tmp_path / "labels")
    for shift_px in SHIFTS:
        store.add(scan_of(shift_px), person="ana")
    return store


def test_every_picture_is_looked_at_once_and_the_queue_gives_a_reason(store: LabelStore) -> None:
    engine = FakeEngine()
    assert model_signals.unseen(store, engine) == len(SHIFTS)

    steps = list(model_signals.look(store, engine, lambda: False))

    assert steps == [(0, 3), (1, 2), (2, 1), (3, 0)]
    assert model_signals.unseen(store, engine) == 0
    assert list(model_signals.look(store, engine, lambda: False)) == [(0, 0)]
    turn = queue.next_scan(store, "ben", Policy(control_share=0.0))
    assert turn is not None and turn.why in CRITERIA


def test_what_is_stopped_keeps_what_was_looked_at(store: LabelStore) -> None:
    answers = iter([False, False])

    list(model_signals.look(store, FakeEngine(), lambda: next(answers, True)))

    assert model_signals.unseen(store, FakeEngine()) == 1


def test_disagreement_is_how_far_removing_moves_the_mask() -> None:
    engine, scan = FakeEngine(), scan_of(0)
    encoded = engine.encode(scan)
    observed = engine.segment(encoded, "polyp", None).mask
    moved = [
        1 - _dice(observed, engine.segment(encoded, "polyp", ids).mask) for ids in (DETECTED, *map(_alone, DETECTED))
    ]

    signal = signal_of(engine, scan, "polyp")

    assert signal.disagreement == pytest.approx(max(moved))
    assert signal.disagreement > 0


def test_doubt_is_the_error_that_the_probabilities_expect() -> None:
    signal = signal_of(FakeEngine(), scan_of(0), "polyp")

    answer = FakeEngine().segment(FakeEngine().encode(scan_of(0)), "polyp")
    inside = answer.probability[answer.mask].sum()
    assert signal.uncertainty == pytest.approx(1 - 2 * inside / (answer.probability.sum() + answer.mask.sum()))


def test_the_words_that_people_use_are_asked_for(store: LabelStore) -> None:
    scan = scan_of(0)
    asked: list[str] = []

    class Listening(FakeEngine):
        def segment(self, encoded, description, remove="detected"):  # noqa: ANN001, ANN202
            asked.append(description)
            return super().segment(encoded, description, remove)

    store.save(scan, np.zeros(scan.hw, bool), person="ana", description="flat adenoma", removed=(), model="m")
    list(model_signals.look(store, Listening(), lambda: False))

    assert set(asked) == {"flat adenoma"}
    assert picture_signals.get(store, scan.sha256) is not None


def _dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * int((one & other).sum()) / int(one.sum() + other.sum())


def _alone(confounder: str) -> tuple[str, ...]:
    return (confounder,)
