"""Stage observe: image tower, neck and decoder learn the mask, and whether the target is there, on clean scans.

The mask is learnt where what is described is there: what to say of an absent thing is the presence logit's to learn,
so a scan of an unseen site that presence doubts still gets its mask.

A share of the scans may be seen a second time with a confounder put in, as augmentation: at 0 this is the observed
pass of the released checkpoint and its rival `plain`, at 1 the rival `augmented`.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional

from causalseg.causal.dictionary import Confounder, load_dictionary
from causalseg.models.network import CausalSegNetwork
from causalseg.models.preprocess import to_network
from causalseg.models.text_to_pixel import Decoded
from training.data.questions import QuestionBatch, Questioner
from training.data.squares import Squares
from training.data.twins import TwinShares, as_u8, draw_twin
from training.loop import LoopSettings, Trainer
from training.losses import mask_loss, patch_text_loss, region_text_loss, weighted_mean


class ObserveWeights(BaseModel):
    """Weights of the losses."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mask: float = 1.0
    presence: float = 0.3
    region: float = 0.05
    patch: float = 0.1


FROM_IMAGENET = {
    "image_tower": 3e-4,
    "image_tower.stages.0": 0.0,
    "image_tower.stages.1.0": 0.0,
    "image_tower.stages.1.1.0": 0.0,
    "neck": 1e-3,
    "decoder": 1e-3,
}
"""The stem and the first half of the lite tower's next stage keep their ImageNet weights: learning, they cost a third
of a step."""


class ObserveSettings(LoopSettings):
    """Settings of the stage."""

    stage: Literal["observe"] = "observe"
    batch_size: int = Field(default=16, ge=1)
    rates: dict[str, float] = FROM_IMAGENET
    batch_norm: Literal["learn", "keep"] = "learn"
    losses: ObserveWeights = ObserveWeights()
    light: float = 1.0
    """How far the augmentation changes light and colour: 1 mildly, 2 as between sites."""
    relit_share: float = Field(default=1.0, ge=0, le=1)
    """Share of the scans whose light and colour are changed."""
    confounded_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the scans that are seen once more with confounders put in."""
    shares: TwinShares = TwinShares()
    """How those are drawn."""


class ObserveTrainer(Trainer[ObserveSettings]):
    """The losses of one batch."""

    name = "observe"
    network: CausalSegNetwork

    def __init__(
        self,
        network: CausalSegNetwork,
        data: Squares,
        settings: ObserveSettings,
        dictionary: Sequence[Confounder] | None = None,
    ) -> None:
        super().__init__(network, data, settings)
        self.dictionary = load_dictionary() if dictionary is None else dictionary
        self.questions = Questioner(data, network.text_tower)

    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        """Weighted losses by name, of the clean scans and of those with confounders."""
        del step
        settings = self.settings
        drawn = self.questions.draw(chosen, rng, generator, light=settings.light, relit_share=settings.relit_share)
        batch, weights = drawn.to(self.device), settings.losses
        decoded = self.answer(batch.images, batch)
        losses = self.answer_losses("", decoded, batch, torch.ones_like(batch.present))
        texts = (self.questions.target_codes, batch.target)
        losses["region"] = weights.region * region_text_loss(decoded.patch_codes, batch.answers, *texts)
        losses["patch"] = weights.patch * patch_text_loss(decoded.patch_codes, batch.masks, *texts)
        if settings.confounded_share:
            losses |= self._confounded(drawn, batch, rng)
        return losses

    def answer(self, images: Tensor, batch: QuestionBatch) -> Decoded:
        """The observed answers to the batch's questions."""
        return self.network.decode(self.network.observed_pyramid(self.network.observe(images)), batch.text)

    def answer_losses(self, prefix: str, decoded: Decoded, batch: QuestionBatch, seen: Tensor) -> dict[str, Tensor]:
        """The mask where the described thing is there, and whether it is there."""
        weights, weight = self.settings.losses, seen * batch.present
        logits = functional.interpolate(decoded.mask_logits.float(), size=batch.answers.shape[-2:], mode="bilinear")
        presence = functional.binary_cross_entropy_with_logits(
            decoded.presence_logits.float(), batch.present, reduction="none"
        )
        return {
            f"{prefix}mask": weights.mask * mask_loss(logits, batch.answers, weight),
            f"{prefix}presence": weights.presence * weighted_mean(presence, seen),
        }

    def _confounded(self, drawn: QuestionBatch, batch: QuestionBatch, rng: np.random.Generator) -> dict[str, Tensor]:
        seen = rng.random(len(drawn.rows)) < self.settings.confounded_share
        pictures = [
            draw_twin(image, row.modality, self.dictionary, rng, self.settings.shares).input_u8 if is_seen else image
            for image, row, is_seen in zip(as_u8(drawn.images), drawn.rows, seen, strict=True)
        ]
        images = to_network(torch.from_numpy(np.stack(pictures)).to(self.device))
        weight = torch.from_numpy(seen).to(self.device).float()
        return self.answer_losses("confounded_", self.answer(images, batch), batch, weight)
