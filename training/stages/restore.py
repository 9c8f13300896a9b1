"""Stage restore: the picture without what is named, from twins; nothing else of the network learns.

For a pair (input, goal, removed set S): the input restored without S is drawn to the goal, in the picture, and after a
while in the observed tower's features too. The set acts in full, whatever presence says: a picture that does not carry
S must come back as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from causalseg.causal.dictionary import Confounder
from causalseg.causal.restorer import PictureRestorer
from causalseg.models.network import CausalSegNetwork
from causalseg.models.preprocess import squash, to_network
from training.data.carried import Carried
from training.data.squares import Squares
from training.data.transplants import TransplantBank
from training.data.twins import PHOTOMETRIC, Twin, TwinShares
from training.data.unmoved import unmoved_views
from training.losses import picture_error, weighted_mean
from training.stages.twins import TwinSettings, TwinTrainer

_CHANGED_U8 = 8
"""Grey values of a byte by which a pixel must differ to count as changed."""

Picture = UInt8[np.ndarray, "height width 3"]


class RestoreWeights(BaseModel):
    """Weights of the losses; one of 0 is left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    picture: float = 1.0
    """Error of the restored picture, over what the confounder changed."""
    feature: float = 0.0
    """The same of the tower's stages from stride 4 on."""


class RestoreSettings(TwinSettings):
    """Settings of the stage."""

    stage: Literal["restore"] = "restore"
    rates: dict[str, float] = Field(default_factory=lambda: {"restorer": 6e-4})
    weight_decay: float = 1e-3
    losses: RestoreWeights = RestoreWeights()
    cut_px: int = Field(default=128, ge=32, multiple_of=16)
    """Side of the part of a picture that most batches see, where the confounder changed it."""
    whole_share: float = Field(default=0.12, ge=0, le=1)
    """Share of the batches that see whole pictures."""
    light: float = 0.5
    relit_share: float = Field(default=0.5, ge=0, le=1)
    prompt_share: float = Field(default=0.5, ge=0, le=1)
    """How often an entry goes by one of its prompts alone, so that a typed name works too."""
    shares: TwinShares = TwinShares(kept_other=0.2, both=0.1, null=0.15)


@dataclass(frozen=True, slots=True, eq=False)
class PicturePairs:
    """A batch of twins as pictures."""

    twins: list[Twin]
    inputs: Float[Tensor, "batch 3 height width"]
    goals: Float[Tensor, "batch 3 height width"]
    weight: Float[Tensor, " batch"]
    """0 for a pair that teaches nothing: changed light that may be what an absent entry looks like."""


class RestoreTrainer(TwinTrainer[RestoreSettings]):
    """The losses of one batch of twins."""

    name = "restore"

    def __init__(
        self,
        network: CausalSegNetwork,
        data: Squares,
        settings: RestoreSettings,
        carried: Carried,
        bank: TransplantBank | None = None,
        dictionary: Sequence[Confounder] | None = None,
    ) -> None:
        super().__init__(network, data, settings, carried, bank, dictionary)
        if not self.restorer.centre.any():
            self.restorer.centre_on(self.prompts.mean)

    @property
    def restorer(self) -> PictureRestorer:
        """What learns."""
        return self.network.restorer

    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        """Weighted losses by name."""
        del step
        pairs = self.draw(chosen, rng, generator)
        row, codes = self._removed(pairs.twins, rng)
        restored = self.restorer(pairs.inputs, self.restorer.set_codes(codes, row, len(pairs.twins))).float()
        weights, done = self.settings.losses, {}
        if weights.picture:
            error = picture_error(restored, pairs.inputs, pairs.goals)
            done["picture"] = weights.picture * weighted_mean(error, pairs.weight)
        if weights.feature:
            done["feature"] = weights.feature * weighted_mean(self._feature_error(restored, pairs), pairs.weight)
        return done

    def draw(self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator) -> PicturePairs:
        """Twins of the `chosen` rows, cut alike."""
        settings = self.settings
        views = unmoved_views(self.data, chosen, rng, generator, relit_share=settings.relit_share, light=settings.light)
        twins = self.twins_of(views, chosen, rng)
        is_whole = rng.random() < settings.whole_share
        seen = [(t.input_u8, t.goal_u8) if is_whole else self._part(t, rng) for t in twins]
        inputs, goals = (
            to_network(torch.from_numpy(np.stack(pictures)).to(self.device)) for pictures in zip(*seen, strict=True)
        )
        doubtful = [
            twin.is_null and bool(relit) and any(self.dictionary[k].id in PHOTOMETRIC for k in twin.removed)
            for twin, relit in zip(twins, views.is_relit, strict=True)
        ]
        return PicturePairs(twins, inputs, goals, 1 - torch.tensor(doubtful, device=self.device).float())

    def _part(self, twin: Twin, rng: np.random.Generator) -> tuple[Picture, Picture]:
        """Input and goal cut alike, around a pixel that the confounder changed where it changed any.

        Light is judged by the whole picture, so for that it is shrunk instead.
        """
        cut = min(self.settings.cut_px, *twin.input_u8.shape[:2])
        if any(self.dictionary[k].id in PHOTOMETRIC for k in twin.removed):
            return squash(twin.input_u8, cut), squash(twin.goal_u8, cut)
        changed = np.abs(twin.input_u8.astype(np.int16) - twin.goal_u8).max(2) > _CHANGED_U8
        height, width = changed.shape
        places = np.flatnonzero(changed)
        place = int(rng.choice(places)) if len(places) else int(rng.integers(height * width))
        row, column = divmod(place, width)
        jitter = rng.integers(-cut // 3, cut // 3 + 1, 2)
        top = int(np.clip(row - cut // 2 + jitter[0], 0, height - cut))
        left = int(np.clip(column - cut // 2 + jitter[1], 0, width - cut))
        part = slice(top, top + cut), slice(left, left + cut)
        return twin.input_u8[part], twin.goal_u8[part]

    def _removed(self, twins: list[Twin], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        row = [i for i, twin in enumerate(twins) for _ in twin.removed]
        codes = [self.prompts.of(k, rng, self.settings.prompt_share) for twin in twins for k in twin.removed]
        return torch.tensor(row, device=self.device), torch.stack(codes)

    def _feature_error(self, restored: Tensor, pairs: PicturePairs) -> Float[Tensor, " batch"]:
        observe = self.network.observe
        with torch.no_grad():
            wanted, spoilt = observe(pairs.goals)[1:], observe(pairs.inputs)[1:]
        errors = []
        for mine, goal, before in zip(observe(restored)[1:], wanted, spoilt, strict=True):
            size = goal.float().abs().mean((1, 2, 3))
            damage = (before - goal).float().abs().mean((1, 2, 3))
            errors.append((mine - goal).float().abs().mean((1, 2, 3)) / (damage + 0.05 * size))
        return torch.stack(errors).mean(0)
