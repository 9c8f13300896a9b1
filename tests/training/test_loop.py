"""The loop that all stages share: short runs, stopping and going on, what it refuses."""

from pathlib import Path

import pytest
import torch

from causalseg.errors import CannotLearn, CheckpointError
from tests.training.parallel_world import Tiny, TinyTrainer, train_tiny
from training import loop
from training.loop import LoopSettings, let_learn

TOLERANCE = 1e-6
"""Far above what another processor's order of additions does to a weight here, and far below what a fault does."""


def furthest(one: Tiny, other: Tiny) -> float:
    return max(
        float((a - b).abs().max()) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


def stop_after_an_epoch(monkeypatch: pytest.MonkeyPatch, run_dir: Path) -> None:
    save = loop.save_progress

    def save_then_stop(*arguments: object) -> None:
        save(*arguments)  # pyright: ignore[reportArgumentType]
        raise KeyboardInterrupt

    monkeypatch.setattr("training.loop.save_progress", save_then_stop)
    with pytest.raises(KeyboardInterrupt):
        train_tiny(run_dir)
    monkeypatch.undo()


@pytest.mark.parametrize("rows", [1, 2, 9, 12])
def test_a_run_may_be_as_short_as_one_step(rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine steps make the schedule's rise one step long, by which it would divide."""
    monkeypatch.setattr(TinyTrainer, "draw_epoch", lambda self, rng: rng.permutation(rows))

    before = Tiny().last.weight
    network = train_tiny(tmp_path, epochs=1, batch_size=1)

    assert not torch.equal(network.last.weight, before)
    saved = torch.load(tmp_path / "progress.pt", weights_only=True)
    assert saved["epoch"] == 1 and saved["history"][-1]["step"] == rows


def test_a_stopped_run_ends_where_a_straight_one_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = train_tiny(tmp_path / "straight")
    stop_after_an_epoch(monkeypatch, tmp_path / "stopped")

    assert furthest(train_tiny(tmp_path / "stopped"), straight) < TOLERANCE


@pytest.mark.parametrize("lost", ["optimizer", "schedule", "average", "seed"])
def test_that_tolerance_would_show_a_fault(lost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as above, with one thing that a resumed run must know taken from it."""
    straight = train_tiny(tmp_path / "straight")
    stop_after_an_epoch(monkeypatch, tmp_path / "stopped")

    if lost == "optimizer":
        monkeypatch.setattr("training.resume.set_optimizer_state_dict", lambda *a, **k: None)
    elif lost == "schedule":
        monkeypatch.setattr(torch.optim.lr_scheduler.OneCycleLR, "load_state_dict", lambda *a: None)
    elif lost == "average":
        monkeypatch.setattr("training.resume._placed_like", lambda own, value: own.clone())
    else:
        monkeypatch.setattr(TinyTrainer, "draw_epoch", lambda self, rng: rng.permutation(24)[::-1].copy())

    assert furthest(train_tiny(tmp_path / "stopped"), straight) > 10 * TOLERANCE


def test_going_on_with_other_settings_is_refused(tmp_path: Path) -> None:
    train_tiny(tmp_path, epochs=1)

    with pytest.raises(CheckpointError, match=r"epochs was 1, is 3; seed was 0, is 7"):
        train_tiny(tmp_path, epochs=3, seed=7)


def test_rates_say_what_learns_the_most_specific_path_first() -> None:
    network = torch.nn.Sequential(
        torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)), torch.nn.Linear(1, 1)
    )

    groups = let_learn(network, LoopSettings(rates={"0.1": 0.0, "0": 0.5, "1": 0.1}))

    assert {group["lr"]: len(group["params"]) for group in groups} == {0.5: 2, 0.1: 2}
    assert not any(parameter.requires_grad for parameter in network.get_submodule("0.1").parameters())


@pytest.mark.parametrize(("rates", "why"), [({"nothing": 0.1}, "no part nothing"), ({"first": 0.0}, "Nothing learns")])
def test_rates_of_what_is_not_there_are_refused(rates: dict[str, float], why: str) -> None:
    with pytest.raises(CannotLearn, match=why):
        let_learn(Tiny(), LoopSettings(rates=rates))
