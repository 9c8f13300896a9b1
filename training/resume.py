"""Stop and go on: what a run must remember, written whole after every epoch, so that both ways give one result."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from causalseg.checkpoints import kept_state
from causalseg.errors import CheckpointError

_FILE = "progress.pt"


@dataclass(slots=True, eq=False)
class Progress:
    """Where a run stands."""

    epoch: int
    average: dict[str, Tensor]
    """Exponential moving average of the network's state."""

    @classmethod
    def start(cls, network: nn.Module) -> "Progress":
        """A run that has not begun."""
        return cls(0, {name: value.clone() for name, value in kept_state(network).items()})


def update_average(average: dict[str, Tensor], network: nn.Module, decay: float) -> None:
    """Move `average` toward the network's state, in place."""
    state = kept_state(network)
    for name, value in state.items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - decay)
        else:
            average[name].copy_(value)


def seed_epoch(seed: int, epoch: int) -> tuple[np.random.Generator, torch.Generator]:
    """The random sources of one epoch, the same whether the run was stopped before it or not."""
    torch.manual_seed(1000 * seed + epoch)
    return np.random.default_rng([seed, epoch]), torch.Generator().manual_seed(1000 * seed + epoch)


def save_progress(
    run_dir: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    progress: Progress,
    config: dict[str, Any],
) -> None:
    """Write the run's whole state, or leave the last one untouched."""
    state = {
        "epoch": progress.epoch,
        "average": progress.average,
        "network": kept_state(network),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "config": config,
    }
    _write_whole(run_dir, state)


def load_progress(
    run_dir: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> Progress | None:
    """Put a stopped run's state back, in place; None where there is none.

    Raises:
        CheckpointError: the folder holds a mean of runs, which nothing goes on with.
    """
    path = run_dir / _FILE
    if not path.exists():
        return None
    saved = torch.load(path, map_location="cpu", weights_only=True)
    if "network" not in saved:
        raise CheckpointError(f"{run_dir} holds the mean of other runs; give it as --from, and a new folder as --run.")
    network.load_state_dict(saved["network"], strict=False)
    optimizer.load_state_dict(saved["optimizer"])
    schedule.load_state_dict(saved["schedule"])
    return Progress(saved["epoch"], saved["average"])


def raise_if_trained(run_dir: Path) -> None:
    """A mean may take the place of a mean, not of a training.

    Raises:
        CheckpointError: the folder holds a training, which could then not go on.
    """
    path = run_dir / _FILE
    if path.exists() and "network" in torch.load(path, map_location="cpu", weights_only=True):
        raise CheckpointError(f"{run_dir} holds a training that the mean would replace; give another folder as --run.")


def save_average(run_dir: Path, average: dict[str, Tensor]) -> None:
    """Write weights as a run that later stages start from and `release` takes, but that cannot go on itself."""
    _write_whole(run_dir, {"epoch": 0, "average": average})


def load_average(run_dir: Path, network: nn.Module) -> int:
    """Put a run's averaged weights into `network`, in place; the number of epochs behind them.

    Raises:
        FileNotFoundError: the run has not finished an epoch.
    """
    saved = torch.load(run_dir / _FILE, map_location="cpu", weights_only=True)
    network.load_state_dict(saved["average"], strict=False)
    return int(saved["epoch"])


def _write_whole(run_dir: Path, state: dict[str, Any]) -> None:
    run_dir.mkdir(parents=True, exist_ok=True)
    partial = run_dir / f"{_FILE}.partial"
    torch.save(state, partial)
    partial.replace(run_dir / _FILE)
