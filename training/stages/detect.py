"""Stage detect: how strongly each confounder is in a scan, and where; presence alone learns, on a frozen tower.

Two teachers. Twins say what a confounder that was put in looks like, where it is and how strong. Labels of real scans
say what the world's own look like: present, absent, or unknown, and what is unknown of a confounder that the modality
carries by itself teaches nothing. Where a real one is nobody says: some cell of its map must see it.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional

from causalseg.causal.dictionary import Confounder
from causalseg.causal.presence import Presence
from causalseg.models.network import CausalSegNetwork
from causalseg.models.preprocess import to_network
from training.data.carried import Carried
from training.data.squares import Squares
from training.data.transplants import TransplantBank
from training.data.twins import PHOTOMETRIC
from training.data.unmoved import unmoved_views
from training.stages.twins import TwinSettings, TwinTrainer

REAL_STRENGTH = 0.9
"""z_k taught for a real scan that carries k: people say that it is there, not how strongly."""


class DetectWeights(BaseModel):
    """Weights of the losses; one of 0 is left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    strength: float = 2.0
    """How strongly each confounder is there."""
    where: float = 2.0
    """Where each local one is."""


class DetectSettings(TwinSettings):
    """Settings of the stage."""

    stage: Literal["detect"] = "detect"
    rates: dict[str, float] = Field(default_factory=lambda: {"presence": 8e-4})
    losses: DetectWeights = DetectWeights()
    positive_weight: float = 4.0
    """Weight of "put in": a confounder is in one of some twenty pictures."""
    real_weight: float = 2.0
    """Weight of what people say of real scans."""
    map_weight: float = 10.0
    """Weight of a cell that the confounder touches: thin marks touch few."""
    light: float = 1.0
    relit_share: float = Field(default=0.3, ge=0, le=1)
    """Share of the scans whose light is changed; such a scan teaches nothing of a colour cast that is absent."""


class Told(NamedTuple):
    """What is taught of a batch of pictures."""

    strength: Float[Tensor, "batch confounder"]
    weight: Float[Tensor, "batch confounder"]
    maps: Float[Tensor, "batch confounder map_h map_w"]
    map_is_known: Bool[Tensor, "batch confounder"]
    is_somewhere: Bool[Tensor, "batch confounder"]
    """It is there, but nobody says where."""


class DetectTrainer(TwinTrainer[DetectSettings]):
    """The losses of one batch of twins: of the inputs, then of the goals."""

    name = "detect"

    def __init__(
        self,
        network: CausalSegNetwork,
        data: Squares,
        settings: DetectSettings,
        carried: Carried,
        bank: TransplantBank | None = None,
        dictionary: Sequence[Confounder] | None = None,
    ) -> None:
        super().__init__(network, data, settings, carried, bank, dictionary)
        self.is_local = torch.tensor([entry.scope == "local" for entry in self.dictionary], device=self.device)
        self.is_photometric = np.array([entry.id in PHOTOMETRIC for entry in self.dictionary])

    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        """Weighted losses by name."""
        del step
        pictures, told = self.draw(chosen, rng, generator)
        with torch.no_grad():
            stages = self.network.observe(to_network(pictures))
        presence = self.network.presence(stages, self.prompts.draw(rng))
        return self.presence_losses(presence, told)

    def presence_losses(self, presence: Presence, told: Told) -> dict[str, Tensor]:
        """Cross-entropy of the strengths and of the local entries' cells."""
        weights, local = self.settings.losses, self.is_local.nonzero()[:, 0]
        strength = functional.binary_cross_entropy_with_logits(
            presence.strength_logits, told.strength, reduction="none"
        )
        logits = presence.map_logits[:, local]
        cells = functional.binary_cross_entropy_with_logits(
            logits,
            told.maps[:, local],
            reduction="none",
            pos_weight=torch.tensor(self.settings.map_weight, device=self.device),
        ).mean((2, 3))
        somewhere = functional.softplus(-logits.amax((2, 3)))
        where = cells * told.map_is_known[:, local] + somewhere * told.is_somewhere[:, local]
        return {
            "strength": weights.strength * (strength * told.weight).mean(),
            "where": weights.where * (where * (told.weight[:, local] > 0)).mean(),
        }

    def draw(self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator) -> tuple[Tensor, Told]:
        """Pictures (as bytes) of the `chosen` rows' twins, inputs then goals, and what is taught of them."""
        settings = self.settings
        views = unmoved_views(self.data, chosen, rng, generator, relit_share=settings.relit_share, light=settings.light)
        twins = self.twins_of(views, chosen, rng)
        pictures = np.concatenate([np.stack([t.input_u8 for t in twins]), np.stack([t.goal_u8 for t in twins])])
        put = np.concatenate(list(np.stack([twin.labels for twin in twins], axis=1)))
        maps = np.concatenate(list(np.stack([twin.maps for twin in twins], axis=1)))
        said = np.tile(self.carried.said[chosen], (2, 1))
        free = np.tile(self.carried.is_free[chosen], (2, 1))
        doubtful = np.tile(views.is_relit[:, None] & self.is_photometric, (2, 1))
        return torch.from_numpy(pictures).to(self.device), self._told(put, maps, said, free & ~(doubtful & (said != 1)))

    def _told(self, put: np.ndarray, maps: np.ndarray, said: np.ndarray, free: np.ndarray) -> Told:
        """Put in, said to be there, free, or unknown: then nothing is taught."""
        settings, is_put, is_real = self.settings, put > 0, said == 1
        weight = np.where(said == 0, settings.real_weight, 1.0) * free
        weight[is_real] = settings.real_weight
        weight[is_put] = settings.positive_weight
        strength = np.maximum(put, np.where(is_real, REAL_STRENGTH, 0))
        known = (is_put | free) & ~is_real
        tensors = (strength, weight, maps, known, is_real & ~is_put)
        strength_, weight_, maps_, known_, somewhere_ = (torch.from_numpy(a).to(self.device) for a in tensors)
        return Told(strength_.float(), weight_.float(), maps_, known_, somewhere_)
