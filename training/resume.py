"""Stop and go on: what a run must remember, written whole after every epoch, so that both ways give one result."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.tensor import DTensor, distribute_tensor

from causalseg.checkpoints import kept_state
from causalseg.errors import CheckpointError

_FILE = "progress.pt"
_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True, strict=False)
"""Files hold whole tensors, however many processes share a network."""


@dataclass(slots=True, eq=False)
class Progress:
    """How far a run has come."""

    epoch: int
    average: dict[str, Tensor]
    """Exponential moving average of the network's state, where and as the network's own tensors are."""
    history: list[dict[str, float]] = field(default_factory=list)
    """Mean losses, weighted, with the step they were read at."""

    @classmethod
    def start(cls, network: nn.Module) -> "Progress":
        """A run that has not begun."""
        return cls(0, {name: value.detach().clone() for name, value in kept_state(network).items()})

    def put_average(self, network: nn.Module) -> None:
        """Put the averaged weights into `network`, in place."""
        network.load_state_dict(self.average, strict=False)


def update_average(average: dict[str, Tensor], network: nn.Module, decay: float) -> None:
    """Move `average` toward the network's state, in place."""
    for name, value in kept_state(network).items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - decay)
        else:
            average[name].copy_(value)


def seed_step(seed: int, epoch: int, step: int, process: int) -> tuple[np.random.Generator, torch.Generator]:
    """The random sources of one process's part of a batch, the same whether the run was stopped before it or not."""
    sequence = np.random.SeedSequence([seed, epoch, step, process])
    number = int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
    torch.manual_seed(number)
    return np.random.default_rng(sequence), torch.Generator().manual_seed(number)


def save_progress(
    run_dir: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    progress: Progress,
    config: dict[str, Any],
) -> None:
    """Write the run's whole state, or leave the last one untouched; every process takes part, the first one writes."""
    state = {
        "epoch": progress.epoch,
        "average": {name: _whole(value) for name, value in progress.average.items()},
        "network": {name: _whole(value) for name, value in kept_state(network).items()},
        "optimizer": get_optimizer_state_dict(network, optimizer, options=_WHOLE),
        "schedule": schedule.state_dict(),
        "history": progress.history,
        "config": config,
    }
    if not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0:
        run_dir.mkdir(parents=True, exist_ok=True)
        partial = run_dir / f"{_FILE}.partial"
        torch.save(state, partial)
        partial.replace(run_dir / _FILE)


def load_progress(
    run_dir: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    config: dict[str, Any],
) -> Progress | None:
    """Put a stopped run's state back, in place; None where there is none.

    Raises:
        CheckpointError: the run was begun with other settings.
    """
    path = run_dir / _FILE
    if not path.exists():
        return None
    saved = torch.load(path, map_location="cpu", weights_only=True)
    raise_if_changed(run_dir, saved["config"], config)
    set_model_state_dict(network, saved["network"], options=_WHOLE)
    set_optimizer_state_dict(network, optimizer, saved["optimizer"], options=_WHOLE)
    for name, parameter in network.named_parameters():
        if name not in saved["optimizer"]["state"]:  # it has had no gradient yet; torch made up a first step for it
            optimizer.state.pop(parameter, None)
    schedule.load_state_dict(saved["schedule"])
    own = kept_state(network)
    average = {name: _placed_like(own[name], value) for name, value in saved["average"].items()}
    return Progress(saved["epoch"], average, saved["history"])


def epochs_done(run_dir: Path, config: dict[str, Any]) -> int:
    """How many epochs of a run with these settings are finished.

    Raises:
        CheckpointError: it was begun with other settings.
    """
    saved = read_progress(run_dir)
    if saved is None:
        return 0
    raise_if_changed(run_dir, saved["config"], config)
    return int(saved["epoch"])


def read_progress(run_dir: Path) -> dict[str, Any] | None:
    """What a run wrote, its tensors left on the disk until they are asked for; None where it wrote nothing yet."""
    path = run_dir / _FILE
    return torch.load(path, map_location="cpu", weights_only=True, mmap=True) if path.exists() else None


def raise_if_changed(run_dir: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """A run goes on with the settings it was begun with.

    Raises:
        CheckpointError: they differ; the message names what.
    """
    wrong = [
        f"{name} was {before.get(name)}, is {now.get(name)}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]
    if wrong:
        raise CheckpointError(
            f"{run_dir} was begun with other settings: {'; '.join(wrong)}. Give them as before, or another folder."
        )


def load_average(run_dir: Path, network: nn.Module) -> int:
    """Put a run's averaged weights into `network`, in place; the number of epochs behind them.

    Raises:
        FileNotFoundError: the run has not finished an epoch.
    """
    saved = torch.load(run_dir / _FILE, map_location="cpu", weights_only=True)
    network.load_state_dict(saved["average"], strict=False)
    return int(saved["epoch"])


def _whole(value: Tensor) -> Tensor:
    return (value.full_tensor() if isinstance(value, DTensor) else value).detach().cpu()


def _placed_like(own: Tensor, value: Tensor) -> Tensor:
    if isinstance(own, DTensor):
        return distribute_tensor(value.to(own.device), own.device_mesh, own.placements)
    return value.to(own.device).clone()
