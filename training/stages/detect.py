"""Stage detect: the detection of confounders alone learns on, over a network that stays as it is.

It is stage 2 that never leaves its warm-up, and it comes after weights were averaged: presence has learnt on each of
the parents' features, not on the mean's. The confounders that are hardest to notice are drawn oftener here than in
stage 2, whose draw looks at the damage done; and fewer scans have their light changed, for such a scan teaches
nothing of a colour cast that is not there.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from causalseg.causal.dictionary import Confounder
from causalseg.models.network import CausalSegNetwork
from training.data import Squares
from training.data.twins import TwinShares
from training.stages.intervene import InterveneConfig, TwinTrainer, learn_alone

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

    warm_up_steps: int = sys.maxsize
    relit_share: float = 0.3
    shares: TwinShares = field(default_factory=lambda: TwinShares(often=FAINT))


def train_detect(
    network: CausalSegNetwork, data: Squares, dictionary: Sequence[Confounder], config: DetectConfig, run_dir: Path
) -> None:
    """Train to the last epoch, resuming from `run_dir` where it stopped; the averaged weights end in `network`."""
    trainer = TwinTrainer(network, data, dictionary, config)
    learn_alone("detect", network.presence, trainer, config, run_dir)
