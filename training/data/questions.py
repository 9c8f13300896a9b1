"""Batches of scans with a drawn question each: what the stages learn from."""

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from causalseg.models.preprocess import to_network
from causalseg.models.towers import TextCode, TextTower
from training.data.augment import augment
from training.data.descriptions import ask, targets_of
from training.data.rows import Row
from training.data.squares import Squares
from training.data.text_cache import TextCache


@dataclass(frozen=True, slots=True, eq=False)
class QuestionBatch:
    """Scans, each with a question and its right answer."""

    rows: list[Row]
    images: Float[Tensor, "batch 3 height width"]
    masks: Float[Tensor, "batch 1 height width"]
    """Of each scan's target, whatever the question."""
    answers: Float[Tensor, "batch 1 height width"]
    present: Float[Tensor, " batch"]
    """1 where what the question describes is there."""
    target: Int[Tensor, " batch"]
    """Which of all targets the scan shows."""
    is_relit: Bool[Tensor, " batch"]
    text: TextCode

    def to(self, device: torch.device) -> "QuestionBatch":
        """The batch on another device."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: value.to(device) for name, value in values.items() if isinstance(value, Tensor)})


class Questioner:
    """Draws an augmented view of scans, with a question each."""

    def __init__(self, data: Squares, tower: TextTower) -> None:
        self.data, self.texts = data, TextCache(tower)
        self.targets = targets_of(data.rows)
        self.target_codes = self.texts.encode(self.targets).sentence

    def draw(
        self,
        chosen: np.ndarray,
        rng: np.random.Generator,
        generator: torch.Generator,
        *,
        light: float = 1.0,
        relit_share: float = 1.0,
    ) -> QuestionBatch:
        """On the CPU, but for the text code, which is where the text tower is."""
        rows = [self.data.rows[i] for i in chosen]
        images = to_network(torch.from_numpy(self.data.images_u8[chosen]))
        masks = torch.from_numpy(self.data.masks[chosen])[:, None].float()
        modalities = [row.modality for row in rows]
        view = augment(images, masks, modalities, generator, light=light, relit_share=relit_share)
        questions = [ask(row.target, view.masks[i, 0].numpy() > 0.5, rng) for i, row in enumerate(rows)]
        return QuestionBatch(
            rows,
            view.images,
            view.masks,
            torch.from_numpy(np.stack([question.mask for question in questions]))[:, None].float(),
            torch.tensor([float(question.present) for question in questions]),
            torch.tensor([self.targets.index(row.target) for row in rows]),
            view.is_relit,
            self.texts.encode([question.text for question in questions]),
        )
