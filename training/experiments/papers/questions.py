"""What both papers' stages share: settings, batches of scans with a drawn question each, the tower's rates."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from causalseg.models.image_towers import ImageTower
from causalseg.models.network import SegmentationNetwork
from causalseg.models.preprocess import to_network
from causalseg.models.towers import TextCode
from training.data import Row, Squares, epoch_indices
from training.data.augment import augment
from training.data.descriptions import ask
from training.data.text_cache import TextCache


@dataclass(frozen=True, slots=True)
class PaperConfig:
    """Settings of both stages; the numbers are stage 1's (`training.stages.observe`): rivals have one budget."""

    epochs: int = 10
    batch_size: int = 16
    tower_rate: float = 3e-4
    rate: float = 1e-3
    weight_decay: float = 1e-2
    average_decay: float = 0.998
    seed: int = 0
    freeze_beginning: bool = True
    """Keep the lite tower's ImageNet stem and the first half of its next stage, as stage 1 does; not for a CLIP."""
    per_set: dict[str, int] = field(default_factory=lambda: {"isic": 900, "qata": 1100, "btmri": 1000, "covidct": 500})
    """Scans drawn of a set in one epoch (all of a set that is not named)."""


class QuestionBatch(NamedTuple):
    """Scans, each with a question and its right answer."""

    rows: list[Row]
    images: Float[Tensor, "batch 3 height width"]
    masks: Float[Tensor, "batch 1 height width"]
    """Of each scan's target, whatever the question."""
    answers: Float[Tensor, "batch 1 height width"]
    present: Float[Tensor, " batch"]
    """1 where what the question describes is there."""
    text: TextCode


def draw_questions(
    data: Squares, texts: TextCache, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator
) -> QuestionBatch:
    """An augmented view of each of the `chosen` rows, with a drawn description."""
    rows = [data.rows[i] for i in chosen]
    images = to_network(torch.from_numpy(data.images_u8[chosen]))
    masks = torch.from_numpy(data.masks[chosen])[:, None].float()
    view = augment(images, masks, [row.modality for row in rows], generator)
    questions = [ask(row.target, view.masks[i, 0].numpy() > 0.5, rng) for i, row in enumerate(rows)]
    return QuestionBatch(
        rows,
        view.images,
        view.masks,
        torch.from_numpy(np.stack([question.mask for question in questions]))[:, None].float(),
        torch.tensor([float(question.present) for question in questions]),
        texts.encode([question.text for question in questions]),
    )


def steps_of(data: Squares, config: PaperConfig, share_of_epochs: float) -> int:
    """The first `share_of_epochs` of all epochs (whole ones, rounded), in steps of the loop."""
    per_epoch = len(epoch_indices(data.rows, config.per_set, np.random.default_rng(0))) // config.batch_size
    return round(share_of_epochs * config.epochs) * per_epoch


def freeze_beginning(tower: ImageTower) -> list[nn.Module]:
    """Freeze the lite tower's stem and the first half of its next stage; the modules that stay in evaluation mode."""
    first = tower.stages[1]
    frozen: list[nn.Module] = [tower.stages[0], first[0], first[1][0]]  # pyright: ignore[reportIndexIssue]
    for module in frozen:
        module.requires_grad_(requires_grad=False)
    return frozen


def optimizer_of(network: SegmentationNetwork, config: PaperConfig) -> torch.optim.Optimizer:
    """AdamW with the tower's rate on the image tower and the other rate on all else that is trained."""
    tower = [p for p in network.image_tower.parameters() if p.requires_grad]
    own = {id(p) for p in tower}
    rest = [p for p in network.parameters() if p.requires_grad and id(p) not in own]
    groups = [{"params": tower, "lr": config.tower_rate}, {"params": rest, "lr": config.rate}]
    return torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=True)
