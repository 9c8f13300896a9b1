"""The loop that all stages share: epochs of batches, averaged weights, a log line now and then, resumable.

Several processes that were launched together share every batch: see `training.parallel`.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.data import batches
from training.parallel import BatchStatistics, Team, gradients_of, parts_of, seed_part, team
from training.resume import Progress, load_progress, save_progress, seed_epoch, update_average

logger = logging.getLogger(__name__)

BatchLosses = Callable[..., dict[str, Tensor]]
"""(chosen rows, numpy generator, torch generator, step from the start) -> weighted losses by name."""

_LOG_EVERY = 50


@dataclass(frozen=True, slots=True)
class Loop:
    """What a stage's settings say of the loop."""

    stage: str
    epochs: int
    batch_size: int
    average_decay: float
    seed: int


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
        CannotLearn: the batches cannot be shared equally by the processes.
    """
    per_epoch = len(draw_indices(np.random.default_rng(0))) // loop.batch_size
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    steps = loop.epochs * per_epoch + 1
    rise = 0.2 if steps == 10 else 0.1  # a rise of just one step would be divided by nothing
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, steps, pct_start=rise)
    progress = load_progress(run_dir, network, optimizer, schedule) or Progress.start(network)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    batch = _Batch(loop, network, parameters, batch_losses, team())
    for epoch in range(progress.epoch, loop.epochs):
        rng, generator = seed_epoch(loop.seed, epoch)
        log = _LossLog(loop.stage, epoch)
        for step, chosen in enumerate(batches(draw_indices(rng), loop.batch_size)):
            optimizer.zero_grad()
            losses = batch.learn(chosen, rng, generator, epoch, epoch * per_epoch + step)
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
            update_average(progress.average, network, loop.average_decay)
            log.add(losses)
        progress.epoch = epoch + 1
        if batch.team.is_main:
            save_progress(run_dir, network, optimizer, schedule, progress, config | {"parts": batch.parts})
        batch.team.wait()
    network.load_state_dict(progress.average, strict=False)


class _Batch:
    """The losses of a batch and their gradients, over its parts and the processes that share them."""

    def __init__(
        self, loop: Loop, network: nn.Module, parameters: Sequence[nn.Parameter], losses: BatchLosses, team: Team
    ) -> None:
        self.loop, self.network, self.parameters, self.losses, self.team = loop, network, parameters, losses, team
        self.parts = parts_of(loop.batch_size, team.processes)

    def learn(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, epoch: int, step: int
    ) -> dict[str, float]:
        """Leave the gradients of the mean loss in the parameters; the losses by name."""
        if self.parts == 1:
            return self._learn_part(chosen, rng, generator, step)
        statistics, means = BatchStatistics(self.network), dict[str, float]()
        for part in self.team.share(self.parts):
            sources = seed_part(self.loop.seed, epoch, step, part)
            for name, value in self._learn_part(chosen[part :: self.parts], *sources, step).items():
                means[name] = means.get(name, 0.0) + value
            statistics.end_part()
        statistics.end_batch(self.team, self.parts)
        self.team.sum(gradients_of(self.parameters))
        values = torch.tensor(list(means.values()), dtype=torch.float64)
        self.team.sum([values])
        return dict(zip(means, values.tolist(), strict=True))

    def _learn_part(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, float]:
        losses = self.losses(chosen, rng, generator, step)
        total = sum(losses.values(), start=torch.zeros(()))
        (total if self.parts == 1 else total / self.parts).backward()
        return {name: float(value.detach()) / self.parts for name, value in losses.items()}


class _LossLog:
    """One line of mean losses every `_LOG_EVERY` steps."""

    def __init__(self, stage: str, epoch: int) -> None:
        self.stage, self.epoch, self.step, self.started = stage, epoch, 0, time.monotonic()
        self.sums: dict[str, float] = {}

    def add(self, losses: dict[str, float]) -> None:
        self.step += 1
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        if self.step % _LOG_EVERY == 0 and team().is_main:
            means = " ".join(f"{name}={value / _LOG_EVERY:.3f}" for name, value in self.sums.items())
            seconds = time.monotonic() - self.started
            logger.info("stage=%s epoch=%d step=%d seconds=%.0f %s", self.stage, self.epoch, self.step, seconds, means)
            self.sums.clear()
