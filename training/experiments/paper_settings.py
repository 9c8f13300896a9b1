"""Settings that both papers' stages share; the numbers are stage observe's, so that rivals have one budget."""

from typing import Literal

import numpy as np
from pydantic import Field

from training.data import Squares, epoch_indices
from training.loop import LoopSettings

WHOLE_TOWER = {"": 1e-3, "text_tower": 0.0, "image_tower": 3e-4}
"""Rates where all of the image tower learns, as of a CLIP."""
LITE_TOWER = WHOLE_TOWER | {"image_tower.stages.0": 0.0, "image_tower.stages.1.0": 0.0, "image_tower.stages.1.1.0": 0.0}
"""The lite tower keeps its ImageNet stem and the first half of its next stage, as in stage observe."""
DRAWS = {"isic": 900, "qata": 1100, "btmri": 1000, "covidct": 500}


class PaperSettings(LoopSettings):
    """Settings of both stages."""

    epochs: int = Field(default=10, ge=1)
    batch_size: int = Field(default=16, ge=1)
    rates: dict[str, float] = LITE_TOWER
    batch_norm: Literal["learn", "keep"] = "learn"
    draws: dict[str, int] = DRAWS

    def steps_of(self, data: Squares, share_of_epochs: float) -> int:
        """The first `share_of_epochs` of all epochs (whole ones, rounded), in steps of the loop."""
        per_epoch = len(epoch_indices(data.rows, self.draws, np.random.default_rng(0))) // self.batch_size
        return round(share_of_epochs * self.epochs) * per_epoch
