"""CausalCLIPSeg's min-max game. *Reconstruction* throughout: the paper's code holds no loss (docs/papers-and-us.md).

    python -m training train causalclipseg --data FOLDER --run RUN
    python -m training evaluate --data FOLDER --checkpoint CHECKPOINT --suite branches    # both branches' Dice

    towers, neck, fusion, both projectors:  min  L_seg(causal) + L_seg(confounding)
    the maskers alone:                      min  L_seg(causal) - lambda * L_seg(confounding)

after CIRL (arXiv 2203.14237), whose masker the paper's resembles: in the first tenth of the epochs the masks are held
at 1; then the two sides take turns. CIRL lets both sides step on every batch; here the maskers take every fourth one,
so that at the rivals' number of batches the segmenter learns nearly as much as they do. A side that has no turn keeps
its weights and its batch statistics; masks and features are handed over without their gradient.
"""

from enum import Enum
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from causalseg.annotations import dice
from causalseg.models.causalclipseg import CausalClipSegNetwork
from causalseg.models.preprocess import squash, to_network, to_scan_probability
from training.data import Row, Squares, load_image, load_mask
from training.data.descriptions import neutral
from training.data.questions import Questioner
from training.evaluate.measures import bootstrap_mean
from training.experiments.paper_settings import PaperSettings
from training.loop import Trainer, let_learn
from training.losses import mask_loss


class CausalClipSegSettings(PaperSettings):
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


class Game(Trainer[CausalClipSegSettings]):
    """The losses of one batch, for the side whose turn it is."""

    name = "causalclipseg"
    network: CausalClipSegNetwork

    def __init__(self, network: CausalClipSegNetwork, data: Squares, settings: CausalClipSegSettings) -> None:
        super().__init__(network, data, settings)
        let_learn(network, settings)
        self.questions = Questioner(data, network.text_tower)
        self.warm_up_steps = settings.steps_of(data, settings.warm_up_share)
        self.masker_side = list(network.maskers.parameters())
        own = {id(p) for p in self.masker_side}
        self.segmenter_side = [p for p in network.parameters() if p.requires_grad and id(p) not in own]

    def turn(self, step: int) -> Turn:
        """Whose step the `step`-th of the run is."""
        if step < self.warm_up_steps:
            return Turn.WARM_UP
        return Turn.MASKER if (step - self.warm_up_steps) % self.settings.masker_every == 0 else Turn.SEGMENTER

    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        """Weighted losses by name; only the side whose turn it is gets a gradient."""
        turn = self.turn(step)
        self._give(turn)
        losses = self._losses(turn, chosen, rng, generator)
        for parameter in (*self.masker_side, *self.segmenter_side):
            parameter.requires_grad_(True)  # what is saved of the optimiser is of parameters that learn
        return losses

    def _losses(
        self, turn: Turn, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator
    ) -> dict[str, Tensor]:
        batch = self.questions.draw(chosen, rng, generator).to(self.device)
        with torch.set_grad_enabled(turn is not Turn.MASKER):
            pyramid = self.network.observed_pyramid(self.network.observe(batch.images))
        branches = self.network.branches(pyramid, batch.text, self._masks(pyramid, turn))
        weight = batch.present + self.settings.absent_weight * (1 - batch.present)
        causal, confounding = (mask_loss(logits, batch.answers, weight) for logits in branches)
        if turn is Turn.MASKER:
            return {"masker_causal": causal, "masker_confounding": -self.settings.confounding_weight * confounding}
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
        for path, rate in self.settings.rates.items():
            if not rate:
                self.network.get_submodule(path).eval()


class BranchMasks(NamedTuple):
    """Both branches' masks of one scan, at its own size."""

    causal: Bool[np.ndarray, "height width"]
    confounding: Bool[np.ndarray, "height width"]
    mean_mask: float
    """Mean of M over all scales, channels and pixels: how much of the features the maskers call causal."""


def branches_table(
    network: CausalClipSegNetwork, groups: dict[str, list[Row]], side_px: int, per_set: int
) -> dict[str, Any]:
    """Dice of both branches with the neutral description, and the mean of M.

    Of at most `per_set` scans a set, evenly spaced, all with something to find.
    """
    table: dict[str, Any] = {}
    for name, rows in groups.items():
        shown = [row for row in rows[:: max(1, len(rows) // per_set)][:per_set] if load_mask(row.mask).any()]
        pairs = [(branch_masks(network, row, side_px), load_mask(row.mask)) for row in shown]
        table[name] = {
            "causal": bootstrap_mean([dice(found.causal, mask) for found, mask in pairs]),
            "confounding": bootstrap_mean([dice(found.confounding, mask) for found, mask in pairs]),
            "mean mask": bootstrap_mean([found.mean_mask for found, _ in pairs]),
        }
    return table


@torch.inference_mode()
def branch_masks(network: CausalClipSegNetwork, row: Row, side_px: int) -> BranchMasks:
    """What both branches answer to the neutral description of `row`."""
    image = load_image(row.image)
    square = torch.from_numpy(squash(image, side_px).copy())
    pyramid = network.observed_pyramid(network.observe(to_network(square[None])))
    masks = network.masks(pyramid)
    branches = network.branches(pyramid, network.text_tower([neutral(row.target)]), masks)
    causal, confounding = (
        to_scan_probability(logits, (image.shape[0], image.shape[1]), temperature=1.0) > 0.5 for logits in branches
    )
    return BranchMasks(causal, confounding, float(torch.stack([mask.mean() for mask in masks]).mean()))
