"""The loop that all stages share: epochs of batches, averaged weights, a log line now and then, resumable.

    rows of an epoch --cut--> batch --[every process its part]--> Trainer.losses --accelerate--> gradients --> step

A stage is a `Trainer`: what it draws, and the losses of a batch. What learns, and how fast, is in its settings.
"""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import torch
from accelerate.utils import gather_object
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from causalseg.errors import CannotLearn
from training.data.squares import Squares, batches, epoch_indices
from training.devices import accelerator
from training.precision import keep_slow_convolutions_in_float32
from training.resume import Progress, load_progress, save_progress, seed_step, update_average

logger = logging.getLogger(__name__)

_LOG_EVERY = 50


class LoopSettings(BaseModel):
    """What the settings of every stage hold; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(default=1, ge=1)
    batch_size: int = Field(default=8, ge=1)
    rates: dict[str, float] = {}
    """Learning rate of each part by its path in the network; the most specific path counts. A part at 0, and all that
    is not named, stays as it is."""
    batch_norm: Literal["learn", "keep"] = "keep"
    """Whether batch norms of the parts that learn take the statistics of their batches."""
    weight_decay: float = 1e-2
    average_decay: float = Field(default=0.998, ge=0, lt=1)
    """Of the moving average of the weights, which is what a stage hands on."""
    seed: int = 0
    draws: dict[str, int] = {}
    """Scans of a set in one epoch; "*" is every set that is not named, and without it all of such a set is drawn."""


SettingsT = TypeVar("SettingsT", bound=LoopSettings)


class Trainer(ABC, Generic[SettingsT]):
    """One stage: its network, its scans, and the losses of a batch of them."""

    name: str

    def __init__(self, network: nn.Module, data: Squares, settings: SettingsT) -> None:
        self.network = network.to(accelerator().device)
        self.data, self.settings = data, settings

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def draw_epoch(self, rng: np.random.Generator) -> np.ndarray:
        """The rows of one epoch, in the order in which they are seen."""
        return epoch_indices(self.data.rows, self.settings.draws, rng)

    @abstractmethod
    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        """Weighted losses of the `chosen` rows, by name; `step` counts from the start of the stage."""


def learn(trainer: "Trainer[Any]", run_dir: Path) -> None:
    """Train to the last epoch, resuming from `run_dir` where it stopped; the averaged weights end in the network.

    Raises:
        CannotLearn: the settings name a part that the network lacks, or nothing learns, or a batch cannot be shared.
        CheckpointError: the run was begun with other settings.
    """
    settings: LoopSettings = trainer.settings
    groups = let_learn(trainer.network, settings)
    optimizer = torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=True)
    loop = Loop(trainer.name, settings.epochs, settings.batch_size, settings.average_decay, settings.seed)
    told = settings.model_dump(mode="json")
    run_loop(loop, trainer.network, optimizer, trainer.draw_epoch, trainer.losses, run_dir, told)


def let_learn(network: nn.Module, settings: LoopSettings) -> list[dict[str, Any]]:
    """Let gradients reach the parts that have a rate; their parameters as an optimiser's groups, one a rate.

    Raises:
        CannotLearn: a part that the network lacks is named, or nothing learns.
    """
    network.requires_grad_(requires_grad=False).eval()
    rate_of: dict[int, float] = {}
    for path in sorted(settings.rates, key=lambda path: path.count(".")):
        rate = settings.rates[path]
        try:
            part = network.get_submodule(path)
        except AttributeError:
            raise CannotLearn(f"The network has no part {path}, which the stage's rates name.") from None
        part.requires_grad_(requires_grad=rate > 0)
        if settings.batch_norm == "learn":
            part.train(mode=rate > 0)
        rate_of |= dict.fromkeys(map(id, part.parameters()), rate)
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if parameter.requires_grad:
            groups.setdefault(rate_of[id(parameter)], []).append(parameter)
    if not groups:
        raise CannotLearn("Nothing learns in this stage: give a part a rate above 0.")
    return [{"params": parameters, "lr": rate} for rate, parameters in groups.items()]


@dataclass(frozen=True, slots=True)
class Loop:
    """Settings that every stage has."""

    stage: str
    epochs: int
    batch_size: int
    average_decay: float
    seed: int


BatchLosses = Callable[..., dict[str, Tensor]]
"""As `Trainer.losses`."""


class _Batch(nn.Module):
    """The losses of a batch as one module's `forward`, as accelerate (DDP, FSDP) wants to see a network."""

    def __init__(self, network: nn.Module, losses: BatchLosses) -> None:
        super().__init__()
        self.network, self.losses = network, losses

    def forward(self, *drawn: Any) -> dict[str, Tensor]:
        """The losses by name."""
        return self.losses(*drawn)


def run_loop(
    loop: Loop,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    draw_indices: Callable[[np.random.Generator], np.ndarray],
    batch_losses: BatchLosses,
    run_dir: Path,
    config: dict[str, Any],
) -> None:
    """Train to the last epoch, resuming from `run_dir` where it stopped; the averaged weights end in `network`.

    The learning rate goes once up and down (one cycle) over all epochs.

    Raises:
        CannotLearn: a batch cannot be shared equally by the processes.
        CheckpointError: the run was begun with other settings.
    """
    here = accelerator()
    if loop.batch_size % here.num_processes:
        raise CannotLearn(f"A batch of {loop.batch_size} cannot be shared equally by {here.num_processes} processes.")
    per_epoch = len(draw_indices(np.random.default_rng(0))) // loop.batch_size
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    steps = loop.epochs * per_epoch + 1
    rise = 0.2 if steps == 10 else 0.1  # a rise of just one step would be divided by nothing
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, steps, pct_start=rise)
    if isinstance(tower := getattr(network, "image_tower", None), nn.Module):
        keep_slow_convolutions_in_float32(tower)
    batch, stepper = here.prepare(_Batch(network, batch_losses), optimizer)
    progress = load_progress(run_dir, network, optimizer, schedule, config) or Progress.start(network)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    log = _LossLog(loop, per_epoch, progress.history)
    for epoch in range(progress.epoch, loop.epochs):
        order = draw_indices(np.random.default_rng([loop.seed, epoch]))
        for step, chosen in enumerate(batches(order, loop.batch_size)):
            drawn = seed_step(loop.seed, epoch, step, here.process_index)
            stepper.zero_grad()
            losses = batch(chosen[here.process_index :: here.num_processes], *drawn, epoch * per_epoch + step)
            here.backward(sum(losses.values(), start=torch.zeros((), device=here.device)))
            here.clip_grad_norm_(parameters, 1.0)
            stepper.step()
            schedule.step()
            update_average(progress.average, network, loop.average_decay)
            log.add(epoch, step, losses)
        progress.epoch = epoch + 1
        save_progress(run_dir, network, optimizer, schedule, progress, config)
        here.wait_for_everyone()
    progress.put_average(network)
    here.free_memory(batch, stepper)


@dataclass(slots=True)
class _LossLog:
    """Mean losses every `_LOG_EVERY` steps and at the end of an epoch: into the history, and as one log line."""

    loop: Loop
    per_epoch: int
    history: list[dict[str, float]]
    sums: dict[str, Tensor] = field(default_factory=dict)
    count: int = 0
    done: int = 0
    started: float = field(default_factory=time.monotonic)

    def add(self, epoch: int, step: int, losses: dict[str, Tensor]) -> None:
        self.count, self.done = self.count + 1, self.done + 1
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, torch.zeros((), device=value.device)) + value.detach().float()
        if (step + 1) % _LOG_EVERY and step + 1 < self.per_epoch:
            return
        here = accelerator()
        each = gather_object([{name: float(total) / self.count for name, total in self.sums.items()}])
        names = dict.fromkeys(name for one in each for name in one)  # a process's part may lack a loss
        means = {name: sum(one.get(name, 0.0) for one in each) / len(each) for name in names}
        number = epoch * self.per_epoch + step + 1
        self.history.append({"step": float(number)} | means)
        left_s = (time.monotonic() - self.started) / self.done * (self.loop.epochs * self.per_epoch - number)
        if here.is_main_process:
            told = " ".join(f"{name}={value:.3f}" for name, value in means.items())
            logger.info(
                "stage=%s epoch=%d step=%d left=%.1f min %s", self.loop.stage, epoch, step + 1, left_s / 60, told
            )
        self.sums, self.count = {}, 0
