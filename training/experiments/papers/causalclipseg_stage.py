"""CausalCLIPSeg's min-max game. *Reconstruction* throughout: the paper's code holds no loss (docs/papers-and-us.md).

    towers, neck, fusion, both projectors:  min  L_seg(causal) + L_seg(confounding)
    the maskers alone:                      min  L_seg(causal) - lambda * L_seg(confounding)

after CIRL (arXiv 2203.14237), whose masker the paper's resembles: in the first tenth of the epochs the masks are held
at 1; then the two sides take turns. CIRL lets both sides step on every batch; here the maskers take every fourth one,
so that at the rivals' number of batches the segmenter learns nearly as much as they do. A side that has no turn keeps
its weights and its batch statistics; masks and features are handed over without their gradient.
"""

from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from causalseg.models.causalclipseg import CausalClipSegNetwork
from training.data import Squares, epoch_indices
from training.data.text_cache import TextCache
from training.experiments.papers.questions import PaperConfig, draw_questions, freeze_beginning, optimizer_of, steps_of
from training.loop import Loop, run_loop
from training.losses import mask_loss
from training.precision import keep_slow_convolutions_in_float32, mixed_precision


@dataclass(frozen=True, slots=True)
class CausalClipSegConfig(PaperConfig):
    """Settings of the game; none of them is published."""

    confounding_weight: float = 1.0
    """lambda; CIRL weighs both of its heads alike."""
    warm_up_share: float = 0.1
    """Share of the epochs with masks held at 1; CIRL: 5 of 50."""
    masker_every: int = 4
    """After the warm-up, the maskers take every n-th batch."""
    absent_weight: float = 0.25
    """Weight of the empty answer to a description of what is not there: without a presence score the mask has to say
    it, and at full weight masks vanish wherever the network is in doubt."""


class Turn(Enum):
    """Whose step it is."""

    WARM_UP = "the segmenter's, masks held at 1"
    SEGMENTER = "the segmenter's"
    MASKER = "the maskers'"


def train_causalclipseg(
    network: CausalClipSegNetwork, data: Squares, config: CausalClipSegConfig, run_dir: Path
) -> None:
    """Train to the last epoch, resuming from `run_dir` where it stopped; the averaged weights end in `network`."""
    frozen = freeze_beginning(network.image_tower) if config.freeze_beginning else []
    keep_slow_convolutions_in_float32(network.image_tower)
    game = Game(network, data, config, frozen)
    run_loop(
        Loop("causalclipseg", config.epochs, config.batch_size, config.average_decay, config.seed),
        network,
        optimizer_of(network, config),
        lambda rng: epoch_indices(data.rows, config.per_set, rng),
        game.losses,
        run_dir,
        asdict(config),
    )


class Game:
    """The losses of one batch, for the side whose turn it is."""

    def __init__(
        self, network: CausalClipSegNetwork, data: Squares, config: CausalClipSegConfig, frozen: list[nn.Module]
    ) -> None:
        self.network, self.data, self.config, self.frozen = network, data, config, frozen
        self.texts = TextCache(network.text_tower)
        self.warm_up_steps = steps_of(data, config, config.warm_up_share)
        self.masker_side = list(network.maskers.parameters())
        own = {id(p) for p in self.masker_side}
        self.segmenter_side = [p for p in network.parameters() if p.requires_grad and id(p) not in own]

    def turn(self, step: int) -> Turn:
        """Whose step the `step`-th of the run is."""
        if step < self.warm_up_steps:
            return Turn.WARM_UP
        return Turn.MASKER if (step - self.warm_up_steps) % self.config.masker_every == 0 else Turn.SEGMENTER

    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        """Weighted losses by name; only the side whose turn it is gets a gradient."""
        turn = self.turn(step)
        self._give(turn)
        batch = draw_questions(self.data, self.texts, chosen, rng, generator)
        with mixed_precision():
            with torch.set_grad_enabled(turn is not Turn.MASKER):
                pyramid = self.network.observed_pyramid(self.network.observe(batch.images))
            branches = self.network.branches(pyramid, batch.text, self._masks(pyramid, turn))
        weight = batch.present + self.config.absent_weight * (1 - batch.present)
        causal, confounding = (mask_loss(logits, batch.answers, weight) for logits in branches)
        if turn is Turn.MASKER:
            return {"masker_causal": causal, "masker_confounding": -self.config.confounding_weight * confounding}
        return {"causal": causal, "confounding": confounding}

    def _masks(self, pyramid: list[Tensor], turn: Turn) -> list[Tensor] | None:
        if turn is Turn.WARM_UP:
            return None
        with torch.set_grad_enabled(turn is Turn.MASKER):
            return self.network.masks(pyramid)

    def _give(self, turn: Turn) -> None:
        """Let the side whose turn it is learn, and hold the other one still."""
        is_masker = turn is Turn.MASKER
        for parameter in self.masker_side:
            parameter.requires_grad_(is_masker)
        for parameter in self.segmenter_side:
            parameter.requires_grad_(not is_masker)
        self.network.train(mode=not is_masker)
        self.network.maskers.train(mode=is_masker)
        for module in self.frozen:
            module.eval()
