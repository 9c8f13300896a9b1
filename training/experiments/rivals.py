"""Fair rivals of the joint stage: the same towers, data, batches and steps, without any causal core.

`plain` learns from clean scans alone. `augmented` learns from the confounded twins as well, as augmentation: the honest
rival of any causal claim, for it has seen all that `causalseg` has seen. Both answer with the observed mask only.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from causalseg.causal.dictionary import Confounder
from causalseg.models.network import CausalSegNetwork
from training.data import Squares, epoch_indices
from training.loop import Loop, run_loop
from training.precision import keep_slow_convolutions_in_float32, mixed_precision
from training.stages.joint import JointConfig, JointTrainer, freeze_beginning, make_optimizer

Rival = Literal["plain", "augmented"]


def train_rival(
    kind: Rival,
    network: CausalSegNetwork,
    data: Squares,
    dictionary: Sequence[Confounder],
    config: JointConfig,
    run_dir: Path,
) -> None:
    """Train to the last epoch, resuming from `run_dir` where it stopped; the averaged weights end in `network`."""
    freeze_beginning(network)
    for part in (network.presence, network.intervention, network.stages_under_do):
        if part is not None:
            part.requires_grad_(requires_grad=False)
    keep_slow_convolutions_in_float32(network.image_tower)
    run_loop(
        Loop(kind, config.epochs, config.batch_size, config.average_decay, config.seed),
        network,
        make_optimizer(network, config),
        lambda rng: epoch_indices(data.rows, config.per_set, rng),
        RivalTrainer(kind, network, data, dictionary, config).losses,
        run_dir,
        asdict(config),
    )


class RivalTrainer(JointTrainer):
    """The losses of one batch of twins, observed only; batches are drawn in the same way as in the joint stage."""

    def __init__(
        self,
        kind: Rival,
        network: CausalSegNetwork,
        data: Squares,
        dictionary: Sequence[Confounder],
        config: JointConfig,
    ) -> None:
        super().__init__(network, data, dictionary, config)
        self.kind = kind

    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        """Weighted losses by name."""
        del step
        network, batch = self.network, self.draw(chosen, rng, generator)
        everyone = torch.ones(len(batch.twins))
        with mixed_precision():
            goals = network.decode(network.observed_pyramid(network.observe(batch.goals)), batch.text)
        is_clean = torch.tensor([float(twin.goal_is_clean) for twin in batch.twins])
        losses = self.answer_losses("observed", goals, batch, is_clean)
        losses |= self.alignment_losses(goals.patch_codes.float(), batch)
        if self.kind == "plain":
            return losses
        with mixed_precision():
            inputs = network.decode(network.observed_pyramid(network.observe(batch.inputs)), batch.text)
        return losses | self.answer_losses("confounded", inputs, batch, everyone)
