"""Stage intervene: detection of confounders and their removal, on twins; the observed pass gets no gradient.

For a pair (input, goal, removed set S): the features, the mask and the probability map under do(input; S) are drawn to
those of the goal. A scan that already carries k is no clean twin for k (the trap of the planted shortcut in
docs/training.md): once presence has warmed up, such pairs weigh nothing.

What learns is in the settings' rates: presence, the removal blocks, the tower's stages under do() where they are
separate, or the decoder's answer whether a thing is there at all (`decoder.presence`, losses `asked` and `absent`),
which is then taught on both halves of the twins and under do().
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional

from causalseg.causal.dictionary import Confounder, load_dictionary
from causalseg.causal.intervention import Removal, evidence_of, make_removal
from causalseg.causal.presence import DETECTED_FROM, Presence
from causalseg.models.network import CausalSegNetwork
from causalseg.models.preprocess import to_network
from training.data.descriptions import ORGAN, absent_description
from training.data.questions import QuestionBatch, Questioner
from training.data.squares import Squares
from training.data.twins import PHOTOMETRIC, Twin, TwinShares, as_u8, draw_twin
from training.loop import LoopSettings, Trainer
from training.losses import feature_distance, mask_loss, weighted_mean


class InterveneWeights(BaseModel):
    """Weights of the losses; one of 0 is left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    strength: float = 2.0
    """How strongly each confounder is there."""
    where: float = 2.0
    """Where each local one is."""
    feature: float = 0.5
    """Features under do() against the goal's."""
    mask: float = 1.0
    """The mask under do() against the true one."""
    twin: float = 1.0
    """The mask under do() against the goal's own."""
    asked: float = 0.0
    """Whether what is asked for is there."""
    absent: float = 0.0
    """The same of things that cannot be there."""


class InterveneSettings(LoopSettings):
    """Settings of the stage."""

    stage: Literal["intervene"] = "intervene"
    rates: dict[str, float] = Field(default_factory=lambda: {"presence": 8e-4, "intervention": 8e-4})
    losses: InterveneWeights = InterveneWeights()
    warm_up_steps: int = Field(default=100, ge=0)
    """Steps at the start that teach presence alone."""
    native_weight: float = 0.25
    """Weight of "absent" where the modality's real scans often carry the confounder. Not lower: presence would say
    "present" of every such scan, and then none of them is a clean twin."""
    positive_weight: float = 4.0
    """Weight of "present": a confounder is in one of some twenty scans."""
    native_positive_weight: float = 2.0
    """The same where real scans often carry the confounder; for the same reason not higher."""
    map_weight: float = 10.0
    """Weight of a cell that the confounder touches: thin marks touch few."""
    light: float = 1.0
    """How far light and colour are changed before a confounder is put in."""
    relit_share: float = Field(default=0.6, ge=0, le=1)
    """Share of the scans where they are; such a scan teaches nothing of a colour cast that is absent."""
    absent_things: int = Field(default=2, ge=1)
    """Things that cannot be there, asked of each picture for the loss `absent`."""
    shares: TwinShares = TwinShares()


@dataclass(frozen=True, slots=True, eq=False)
class TwinBatch:
    """Twin pairs with a question about each."""

    twins: list[Twin]
    inputs: Float[Tensor, "batch 3 height width"]
    goals: Float[Tensor, "batch 3 height width"]
    asked: QuestionBatch


class InterveneTrainer(Trainer[InterveneSettings]):
    """The losses of one batch of twins."""

    name = "intervene"
    network: CausalSegNetwork

    def __init__(
        self,
        network: CausalSegNetwork,
        data: Squares,
        settings: InterveneSettings,
        dictionary: Sequence[Confounder] | None = None,
    ) -> None:
        super().__init__(network, data, settings)
        self.dictionary = load_dictionary() if dictionary is None else dictionary
        self.questions = Questioner(data, network.text_tower)
        self.prompt_codes = [self.questions.texts.encode(list(entry.prompts)).sentence for entry in self.dictionary]
        means = torch.stack([codes.mean(0) for codes in self.prompt_codes])
        self.mean_codes = functional.normalize(means, dim=-1)
        self.is_local = self._flags([entry.scope == "local" for entry in self.dictionary])
        self.is_photometric = self._flags([entry.id in PHOTOMETRIC for entry in self.dictionary])

    def _flags(self, values: Sequence[object]) -> Tensor:
        return torch.tensor(values, device=self.device)

    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        """Weighted losses by name; before the warm-up is over only those of presence."""
        return self.batch_losses(self.draw(chosen, rng, generator), rng, step)

    def batch_losses(self, batch: TwinBatch, rng: np.random.Generator, step: int) -> dict[str, Tensor]:
        """Weighted losses of a batch that is drawn already."""
        codes, weights = self.drawn_codes(rng), self.settings.losses
        with torch.no_grad():
            stages = self.network.observe(torch.cat([batch.inputs, batch.goals]))
        presence = self.network.presence(stages, codes)
        losses: dict[str, Tensor] = {}
        if weights.strength or weights.where:
            losses |= self.presence_losses(batch, presence)
        if step < self.settings.warm_up_steps:
            return losses
        removal = self.removal(batch.twins, presence, codes, rng)
        if weights.feature or weights.mask or weights.twin:
            losses |= self._removal_losses(batch, stages, presence, removal)
        if weights.asked or weights.absent:
            losses |= self._asked_losses(batch, stages, removal, rng)
        return losses

    def draw(self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator) -> TwinBatch:
        """Twins of the `chosen` rows, each with a drawn question."""
        settings = self.settings
        asked = self.questions.draw(chosen, rng, generator, light=settings.light, relit_share=settings.relit_share)
        twins = [
            draw_twin(image, row.modality, self.dictionary, rng, settings.shares)
            for image, row in zip(as_u8(asked.images), asked.rows, strict=True)
        ]
        inputs, goals = (
            to_network(torch.from_numpy(np.stack(pictures)).to(self.device))
            for pictures in ([twin.input_u8 for twin in twins], [twin.goal_u8 for twin in twins])
        )
        return TwinBatch(twins, inputs, goals, asked.to(self.device))

    def drawn_codes(self, rng: np.random.Generator) -> Float[Tensor, "confounder code"]:
        """Half of the time an entry goes by one of its prompts alone, so that a typed name works too."""
        drawn = [
            codes[int(rng.integers(len(codes)))] if rng.random() < 0.5 else mean
            for codes, mean in zip(self.prompt_codes, self.mean_codes, strict=True)
        ]
        return torch.stack(drawn)

    def presence_losses(self, batch: TwinBatch, presence: Presence) -> dict[str, Tensor]:
        """How strongly and where: of the inputs, then of the goals.

        "Absent" counts little where real scans often carry the confounder, and nothing where changed light may look
        like it.
        """
        settings, twins = self.settings, batch.twins
        labels = self._both([twin.labels for twin in twins])
        maps = self._both([twin.maps for twin in twins])
        native = self._flags(
            [[row.modality in entry.native_to for entry in self.dictionary] for row in batch.asked.rows]
        )
        doubtful = batch.asked.is_relit[:, None] & self.is_photometric
        absent = torch.where(native, settings.native_weight, 1.0) * ~doubtful
        weight = torch.where(labels > 0, 1.0, absent.repeat(2, 1))
        told = torch.where(native, settings.native_positive_weight, settings.positive_weight)
        positive = torch.where(labels > 0, told.repeat(2, 1), 1.0)
        strength = functional.binary_cross_entropy_with_logits(presence.strength_logits, labels, reduction="none")
        local = self.is_local.nonzero()[:, 0]
        where = functional.binary_cross_entropy_with_logits(
            presence.map_logits[:, local],
            maps[:, local],
            reduction="none",
            pos_weight=torch.tensor(settings.map_weight, device=self.device),
        )
        return {
            "strength": settings.losses.strength * (strength * weight * positive).mean(),
            "where": settings.losses.where * (where.mean((2, 3)) * weight[:, local]).mean(),
        }

    def _both(self, of_pairs: list[np.ndarray]) -> Tensor:
        """Of the inputs, then of the goals."""
        return torch.from_numpy(np.concatenate(list(np.stack(of_pairs, axis=1)))).to(self.device)

    def _removal_losses(
        self, batch: TwinBatch, stages: list[Tensor], presence: Presence, removal: Removal
    ) -> dict[str, Tensor]:
        network, weights, text = self.network, self.settings.losses, batch.asked.text
        inputs, goals = zip(*(stage.chunk(2) for stage in stages), strict=True)
        with torch.no_grad():
            goal_pyramid = network.observed_pyramid(list(goals))
            goal_logits = network.decode(goal_pyramid, text).mask_logits.float()
        reached = network.intervened_stages(batch.inputs, list(inputs), removal)
        levels = network.levels_under_do(reached[1:], removal)
        logits = network.decode(levels, text).mask_logits.float()
        free = self.twin_is_free(batch.twins, presence)
        distances = [
            feature_distance(a, b, free) for a, b in zip([*reached, *levels], [*goals, *goal_pyramid], strict=True)
        ]
        twin = functional.binary_cross_entropy_with_logits(logits, goal_logits.sigmoid(), reduction="none")
        full = functional.interpolate(logits, size=batch.asked.answers.shape[-2:], mode="bilinear")
        return {
            "feature": weights.feature * torch.stack(distances).mean(),
            "mask": weights.mask * mask_loss(full, batch.asked.answers, free),
            "twin": weights.twin * weighted_mean(twin.mean((1, 2, 3)), free),
        }

    def _asked_losses(
        self, batch: TwinBatch, stages: list[Tensor], removal: Removal, rng: np.random.Generator
    ) -> dict[str, Tensor]:
        """Is it there at all? Of inputs, goals, and inputs under do()."""
        count, weights, times = len(batch.twins), self.settings.losses, self.settings.absent_things
        with torch.no_grad():
            under_do = self.network.intervened_pyramid(batch.inputs, [stage[:count] for stage in stages], removal)
            pyramid = [torch.cat(both) for both in zip(self.network.observed_pyramid(stages), under_do, strict=True)]
        asked = self.network.presence_logits(
            pyramid, batch.asked.text[torch.arange(count, device=self.device).repeat(3)]
        )
        organs = [ORGAN.get(row.target) for row in batch.asked.rows] * 3 * times
        others = self.questions.texts.encode([absent_description(organ, rng) for organ in organs])
        absent = self.network.presence_logits([level.repeat(times, 1, 1, 1) for level in pyramid], others).float()
        there = batch.asked.present.repeat(3)
        return {
            "asked": weights.asked * functional.binary_cross_entropy_with_logits(asked.float(), there),
            "absent": weights.absent * functional.binary_cross_entropy_with_logits(absent, torch.zeros_like(absent)),
        }

    def removal(self, twins: list[Twin], presence: Presence, codes: Tensor, rng: np.random.Generator) -> Removal:
        """What every pair removes: half of the time in full and where it truly is, else as presence sees it."""
        half = len(twins)
        seen = Presence(presence.strength_logits[:half].detach(), presence.map_logits[:half].detach())
        evidence = evidence_of(seen, codes, self.is_local, DETECTED_FROM)
        amount, maps = evidence.amount.clone(), evidence.maps.clone()
        for i, twin in enumerate(twins):
            for k in twin.removed:
                if twin.is_null or rng.random() < 0.5:
                    amount[i, k] = 1.0
                    if self.dictionary[k].scope == "local" and twin.maps[0, k].any():
                        maps[i, k] = torch.from_numpy(twin.maps[0, k]).to(maps)
        return make_removal(replace(evidence, amount=amount, maps=maps), [twin.removed for twin in twins])

    def twin_is_free(self, twins: list[Twin], presence: Presence) -> Float[Tensor, " batch"]:
        """0 for a pair whose goal seems to carry a removed confounder already."""
        strength = presence.strength[len(twins) :].detach().cpu()
        free = [float(twin.is_null or all(strength[i, k] < 0.5 for k in twin.removed)) for i, twin in enumerate(twins)]
        return torch.tensor(free, device=self.device)
