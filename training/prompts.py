"""Codes of the dictionary's entries as the stages learn them: the mean of an entry's prompts, or one prompt alone."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from causalseg.causal.dictionary import Confounder
from causalseg.models.towers import TextTower
from training.data.text_cache import TextCache


class PromptCodes:
    """Text codes of every entry: d_k, and of each of its prompts."""

    def __init__(self, tower: TextTower, dictionary: Sequence[Confounder]) -> None:
        texts = TextCache(tower)
        self.each = [texts.encode(list(entry.prompts)).sentence for entry in dictionary]
        self.mean: Float[Tensor, "confounder code"] = functional.normalize(
            torch.stack([codes.mean(0) for codes in self.each]), dim=-1
        )

    def of(self, k: int, rng: np.random.Generator, prompt_share: float = 0.5) -> Float[Tensor, " code"]:
        """One entry's code: in `prompt_share` of the draws that of one prompt alone, so that a typed name works too."""
        prompts = self.each[k]
        return prompts[int(rng.integers(len(prompts)))] if rng.random() < prompt_share else self.mean[k]

    def draw(self, rng: np.random.Generator) -> Float[Tensor, "confounder code"]:
        """A code of every entry."""
        return torch.stack([self.of(k, rng) for k in range(len(self.each))])
