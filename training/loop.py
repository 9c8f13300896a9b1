"""The loop that both stages share: epochs of batches, averaged weights, a log line now and then, resumable."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.data import batches
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
    """
    per_epoch = len(draw_indices(np.random.default_rng(0))) // loop.batch_size
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, loop.epochs * per_epoch + 1, pct_start=0.1)
    progress = load_progress(run_dir, network, optimizer, schedule) or Progress.start(network)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for epoch in range(progress.epoch, loop.epochs):
        rng, generator = seed_epoch(loop.seed, epoch)
        log = _LossLog(loop.stage, epoch)
        for step, chosen in enumerate(batches(draw_indices(rng), loop.batch_size)):
            losses = batch_losses(chosen, rng, generator, epoch * per_epoch + step)
            optimizer.zero_grad()
            sum(losses.values(), start=torch.zeros(())).backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
            update_average(progress.average, network, loop.average_decay)
            log.add(losses)
        progress.epoch = epoch + 1
        save_progress(run_dir, network, optimizer, schedule, progress, config)
    network.load_state_dict(progress.average, strict=False)


class _LossLog:
    """One line of mean losses every `_LOG_EVERY` steps."""

    def __init__(self, stage: str, epoch: int) -> None:
        self.stage, self.epoch, self.step, self.started = stage, epoch, 0, time.monotonic()
        self.sums: dict[str, float] = {}

    def add(self, losses: dict[str, Tensor]) -> None:
        self.step += 1
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value.detach())
        if self.step % _LOG_EVERY == 0:
            means = " ".join(f"{name}={value / _LOG_EVERY:.3f}" for name, value in self.sums.items())
            seconds = time.monotonic() - self.started
            logger.info("stage=%s epoch=%d step=%d seconds=%.0f %s", self.stage, self.epoch, self.step, seconds, means)
            self.sums.clear()
