"""MCDRL's three losses: pixel cross-entropy + 0.5 * L_causal (from a fifth of the epochs on) + 0.1 * L_contrast.

Weights, temperature and warm-up are published (10 of 50 epochs). *Reconstruction*: pooling is the mean over the kept
positions, the image feature is the mean of the dense map, a Dice term joins the cross-entropy (as for every rival
here), one description a time takes the place of the paper's K classes, and AdamW's rates are the rivals' (the paper:
0.005). The two alignment losses teach towers without a common space the similarity that step 1 needs; a CLIP brings it.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from causalseg.models.mcdrl import McdrlNetwork
from training.data import Row, Squares, epoch_indices
from training.data.descriptions import SYNONYMS
from training.data.text_cache import TextCache
from training.experiments.papers.questions import PaperConfig, draw_questions, freeze_beginning, optimizer_of, steps_of
from training.loop import Loop, run_loop
from training.losses import mask_loss, patch_text_loss, region_text_loss
from training.precision import keep_slow_convolutions_in_float32, mixed_precision


@dataclass(frozen=True, slots=True)
class McdrlConfig(PaperConfig):
    """Settings of the three losses, and of those of the shared decoder."""

    causal_weight: float = 0.5
    contrast_weight: float = 0.1
    temperature: float = 0.5
    """tau of the contrast."""
    causal_from: float = 0.2
    """Share of the epochs before the causal loss starts; the paper: epoch 10 of 50."""
    presence_weight: float = 0.3
    region_weight: float = 0.05
    patch_weight: float = 0.1


def train_mcdrl(network: McdrlNetwork, data: Squares, config: McdrlConfig, run_dir: Path) -> None:
    """Train to the last epoch, resuming from `run_dir` where it stopped; the averaged weights end in `network`."""
    frozen = freeze_beginning(network.image_tower) if config.freeze_beginning else []
    keep_slow_convolutions_in_float32(network.image_tower)
    trainer = McdrlTrainer(network, data, config, frozen)
    run_loop(
        Loop("mcdrl", config.epochs, config.batch_size, config.average_decay, config.seed),
        network,
        optimizer_of(network, config),
        lambda rng: epoch_indices(data.rows, config.per_set, rng),
        trainer.losses,
        run_dir,
        asdict(config),
    )


class McdrlTrainer:
    """The losses of one batch."""

    def __init__(self, network: McdrlNetwork, data: Squares, config: McdrlConfig, frozen: list[nn.Module]) -> None:
        self.network, self.data, self.config, self.frozen = network, data, config, frozen
        self.texts = TextCache(network.text_tower)
        self.targets = list(SYNONYMS)
        self.target_codes = self.texts.encode(self.targets).sentence
        self.causal_from_step = steps_of(data, config, config.causal_from)

    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        """Weighted losses by name."""
        self.network.train()
        for module in self.frozen:
            module.eval()
        batch = draw_questions(self.data, self.texts, chosen, rng, generator)
        with mixed_precision():
            seen = self.network.intervene(self.network.observe(batch.images))
            decoded = self.network.decode(seen.pyramid, batch.text)
        logits = functional.interpolate(decoded.mask_logits.float(), size=batch.answers.shape[-2:], mode="bilinear")
        presence = functional.binary_cross_entropy_with_logits(decoded.presence_logits.float(), batch.present)
        index = class_index(batch.rows, batch.masks, self.network.classes)
        target = torch.tensor([self.targets.index(row.target) for row in batch.rows])
        alignment = [
            (region_text_loss(codes.float(), batch.answers, self.target_codes, target),
             patch_text_loss(codes.float(), batch.masks, self.target_codes, target))
            for codes in (seen.dense, decoded.patch_codes)
        ]  # fmt: skip
        losses = {
            "mask": mask_loss(logits, batch.answers, batch.present),
            "presence": self.config.presence_weight * presence,
            "contrast": self.config.contrast_weight
            * contrast_loss(seen.dense, self.network.class_codes, index, self.config.temperature),
            "region": self.config.region_weight * sum((pair[0] for pair in alignment), start=torch.zeros(())),
            "patch": self.config.patch_weight * sum((pair[1] for pair in alignment), start=torch.zeros(())),
        }
        if step >= self.causal_from_step:
            losses["causal"] = self.config.causal_weight * causal_loss(seen.attended, self.network.class_means, index)
        return losses


def class_index(
    rows: list[Row], masks: Float[Tensor, "batch 1 height width"], classes: tuple[tuple[str, str], ...]
) -> Int[Tensor, " batch"]:
    """Which class each scan shows; -1 where it shows none, or none of the dictionary's."""
    known = {name: index for index, name in enumerate(classes)}
    shown = masks.flatten(1).any(1).tolist()
    return torch.tensor(
        [
            known.get((row.modality, row.target), -1) if is_shown else -1
            for row, is_shown in zip(rows, shown, strict=True)
        ]
    )


def causal_loss(
    attended: Float[Tensor, "batch kept code"],
    class_means: Float[Tensor, "class code"],
    index: Int[Tensor, " batch"],
) -> Float[Tensor, ""]:
    """|| Pool(F_ca) - (1/M) sum over m of t_{k,m} ||^2, of scans with a class."""
    distance = (attended.float().mean(1) - class_means[index.clamp(min=0)]).square().sum(1)
    return _mean_of_known(distance, index)


def contrast_loss(
    dense: Float[Tensor, "batch code patch_h patch_w"],
    class_codes: Float[Tensor, "class code"],
    index: Int[Tensor, " batch"],
    temperature: float,
) -> Float[Tensor, ""]:
    """Cross-entropy of the image feature's cosine with all class texts, of scans with a class."""
    feature = functional.normalize(dense.float().mean((2, 3)), dim=1)
    logits = feature @ class_codes.T / temperature
    return _mean_of_known(functional.cross_entropy(logits, index.clamp(min=0), reduction="none"), index)


def _mean_of_known(each: Float[Tensor, " batch"], index: Int[Tensor, " batch"]) -> Float[Tensor, ""]:
    is_known = (index >= 0).float()
    return (each * is_known).sum() / is_known.sum().clamp(min=1)
