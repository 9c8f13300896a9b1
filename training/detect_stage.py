"""Stage detect: the detection of confounders alone learns on, over a network that stays as it is.

It comes after weights were averaged: presence has learnt on each of the parents' features, not on the mean's. The
confounders that are hardest to notice are drawn oftener here than in stage 2, whose draw looks at the damage done; and
fewer scans have their light changed, for such a scan teaches nothing of a colour cast that is not there.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from causalseg.causal.dictionary import Confounder
from causalseg.models.network import CausalSegNetwork
from training.data import Squares, epoch_indices
from training.intervene_stage import InterveneConfig, TwinTrainer
from training.loop import Loop, run_loop
from training.precision import keep_slow_convolutions_in_float32, mixed_precision
from training.twins import TwinShares

FAINT = {
    "colour_cast": 3.0,
    "bias_field": 3.0,
    "calipers": 3.0,
    "scanner_style": 3.0,
    "gain": 3.0,
    "ruler_ink": 2.0,
    "acoustic_shadow": 2.0,
}
"""Confounders drawn oftener: those that 0.5.0 tells from their absence worst."""


@dataclass(frozen=True, slots=True)
class DetectConfig(InterveneConfig):
    """Settings of the stage."""

    relit_share: float = 0.3
    shares: TwinShares = field(default_factory=lambda: TwinShares(often=FAINT))


def train_detect(
    network: CausalSegNetwork, data: Squares, dictionary: Sequence[Confounder], config: DetectConfig, run_dir: Path
) -> None:
    """Train to the last epoch, resuming from `run_dir` where it stopped; the averaged weights end in `network`."""
    network.requires_grad_(requires_grad=False).eval()
    presence = network.presence.requires_grad_(requires_grad=True)
    keep_slow_convolutions_in_float32(network.image_tower)
    run_loop(
        Loop("detect", config.epochs, config.batch_size, config.average_decay, config.seed),
        network,
        torch.optim.AdamW(presence.parameters(), lr=config.rate, weight_decay=config.weight_decay),
        lambda rng: epoch_indices(data.rows, config.per_set, rng),
        DetectTrainer(network, data, dictionary, config).losses,
        run_dir,
        asdict(config),
    )


class DetectTrainer(TwinTrainer):
    """The loss of one batch of twins."""

    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        """What is in both halves of every twin, how strongly and where."""
        del step
        batch = self.draw(chosen, rng, generator)
        with mixed_precision():
            with torch.no_grad():
                stages = self.network.observe(torch.cat([batch.inputs, batch.goals]))
            presence = self.network.presence(stages, self.drawn_codes(rng))
        return self.presence_losses(batch, presence)
