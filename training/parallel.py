"""One batch among several processes, so that how many there are changes nothing but the time.

    batch ──┬── part 0 ── random sources of (seed, epoch, step, 0) ── losses ── gradients ──┐
            ├── part 1 ── random sources of (seed, epoch, step, 1) ── losses ── gradients ──┼── sum / parts ── step
            └── ...                                                                         ┘

A batch of several parts is learnt part by part, each with random sources of its own, and the gradients (and the batch
norms' statistics) are the mean over the parts. Which process computes a part is of no importance: N processes that
share the parts end where one process ends that computes them all, but for the order in which floats are added.

`accelerate launch` says how many processes there are (and needs accelerate, which one process does not); there are as
many parts as processes unless CAUSALSEG_PARTS says otherwise. One part is the batch as it is.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from causalseg.errors import CannotLearn

_PARTS = "CAUSALSEG_PARTS"
_WORLD = "WORLD_SIZE"
"""What `accelerate launch` and `torchrun` tell each process."""


@dataclass(frozen=True, slots=True)
class Team:
    """The processes of this run, as one of them sees them."""

    processes: int = 1
    rank: int = 0
    accelerator: Any = None
    """Of several processes."""

    @property
    def is_main(self) -> bool:
        """Whether this process writes the run's files and its log."""
        return self.rank == 0

    def share(self, parts: int) -> range:
        """The numbers of the parts that are this process's."""
        return range(self.rank, parts, self.processes)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.accelerator is not None:
            self.accelerator.wait_for_everyone()

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The others enter when the main process has left: to find what it wrote."""
        if self.is_main:
            yield
            self.wait()
        else:
            self.wait()
            yield

    def sum(self, tensors: Sequence[Tensor]) -> None:
        """Put into each tensor, in place, its sum over the processes; sent as one."""
        if self.accelerator is None or not tensors:
            return
        flat = self.accelerator.reduce(torch.cat([tensor.flatten() for tensor in tensors]), reduction="sum")
        for tensor, summed in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(summed.view_as(tensor))


@cache
def team() -> Team:
    """The processes that were launched together; this one alone where it was not launched."""
    if int(os.environ.get(_WORLD, 1)) == 1:
        return Team()
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)  # batches are made on the CPU
    return Team(accelerator.num_processes, accelerator.process_index, accelerator)


def parts_of(batch_size: int, processes: int) -> int:
    """How many parts a batch is learnt in.

    Raises:
        CannotLearn: the batch cannot be cut into equal parts, or the parts not be shared equally.
    """
    parts = int(os.environ.get(_PARTS, processes))
    if parts < 1 or batch_size % parts or parts % processes:
        raise CannotLearn(
            f"A batch of {batch_size} cannot be learnt in {parts} equal parts by {processes} processes: {_PARTS} must "
            "divide the batch and be a multiple of the number of processes."
        )
    return parts


def seed_part(seed: int, epoch: int, step: int, part: int) -> tuple[np.random.Generator, torch.Generator]:
    """The random sources of one part of a batch; torch's own is set too."""
    sequence = np.random.SeedSequence([seed, epoch, step, part])
    number = int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
    torch.manual_seed(number)
    return np.random.default_rng(sequence), torch.Generator().manual_seed(number)


def gradients_of(parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    """The gradients, zero where a part reached no gradient: every process must send as many."""
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


class BatchStatistics:
    """Running statistics of batch norms over the parts of a batch: every part starts from those before the batch."""

    def __init__(self, network: nn.Module) -> None:
        norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
        self._buffers = [buffer for norm in norms for buffer in norm.buffers()]
        self._start = [buffer.clone() for buffer in self._buffers]
        self._sums = [torch.zeros_like(buffer) for buffer in self._floats()]

    def end_part(self) -> None:
        """Keep what the part made of them, and put back what was before."""
        for total, buffer in zip(self._sums, self._floats(), strict=True):
            total += buffer
        for buffer, before in zip(self._buffers, self._start, strict=True):
            if buffer.is_floating_point():
                buffer.copy_(before)

    def end_batch(self, team: Team, parts: int) -> None:
        """Their mean over all parts of all processes."""
        team.sum(self._sums)
        for total, buffer in zip(self._sums, self._floats(), strict=True):
            buffer.copy_(total / parts)

    def _floats(self) -> list[Tensor]:
        return [buffer for buffer in self._buffers if buffer.is_floating_point()]
