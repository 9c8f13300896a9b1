"""Stage found: is what a person asks for in the scan at all? Learnt on confounded twins; no mask changes.

The observed pass never sees a simulated confounder while it learns, and its presence answer falls under one, as it does
on sites it has not seen; under do() the features are others again. Here the last layers of that answer alone learn on,
after all other stages, from both halves of every twin and from its input under do(): the questions of the other stages,
and for each picture a few things that it cannot show.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from causalseg.causal.dictionary import Confounder
from causalseg.models.network import CausalSegNetwork
from training.data import Squares
from training.data.descriptions import ORGAN, absent_description
from training.precision import mixed_precision
from training.stages.intervene import InterveneConfig, TwinTrainer, learn_alone


@dataclass(frozen=True, slots=True)
class FoundConfig(InterveneConfig):
    """Settings of the stage; twins are drawn as stage 2 draws them."""

    epochs: int = 1
    average_decay: float = 0.99
    absent: int = 2
    """Things that cannot be there, asked of each picture besides its question."""


def train_found(
    network: CausalSegNetwork, data: Squares, dictionary: Sequence[Confounder], config: FoundConfig, run_dir: Path
) -> None:
    """Train to the last epoch, resuming from `run_dir` where it stopped; the averaged weights end in `network`."""
    trainer = FoundTrainer(network, data, dictionary, config)
    learn_alone("found", network.decoder.presence, trainer, config, run_dir)


class FoundTrainer(TwinTrainer):
    """The loss of one batch of twins."""

    def __init__(
        self, network: CausalSegNetwork, data: Squares, dictionary: Sequence[Confounder], config: FoundConfig
    ) -> None:
        super().__init__(network, data, dictionary, config)
        self.absent = config.absent

    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        """Cross-entropy of what is there, and of what is not, in both halves of the twins and under do()."""
        del step
        batch, codes = self.draw(chosen, rng, generator), self.drawn_codes(rng)
        count = len(batch.rows)
        with torch.no_grad(), mixed_precision():
            stages = self.network.observe(torch.cat([batch.inputs, batch.goals]))
            removal = self.removal(batch.twins, self.network.presence(stages, codes), codes, rng)
            under_do = self.network.intervened_pyramid([stage[:count] for stage in stages], removal)
            observed = self.network.observed_pyramid(stages)
        pyramid = [torch.cat(levels).float() for levels in zip(observed, under_do, strict=True)]
        asked = self.network.presence_logits(pyramid, batch.text[torch.arange(count).repeat(3)])
        organs = [ORGAN[row.target] for row in batch.rows] * 3 * self.absent
        others = self.texts.encode([absent_description(organ, rng) for organ in organs])
        absent = self.network.presence_logits([level.repeat(self.absent, 1, 1, 1) for level in pyramid], others)
        return {
            "asked": functional.binary_cross_entropy_with_logits(asked, batch.present.repeat(3)),
            "absent": functional.binary_cross_entropy_with_logits(absent, torch.zeros_like(absent)),
        }
