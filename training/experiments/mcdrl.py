"""MCDRL's three losses: pixel cross-entropy + 0.5 * L_causal (from a fifth of the epochs on) + 0.1 * L_contrast.

    python -m training train mcdrl --data FOLDER --run RUN [--dictionary endoscopy]

Weights, temperature and warm-up are published (10 of 50 epochs). *Reconstruction*: pooling is the mean over the kept
positions, the image feature is the mean of the dense map, a Dice term joins the cross-entropy (as for every rival
here), one description a time takes the place of the paper's K classes, and AdamW's rates are the rivals' (the paper:
0.005). The two alignment losses teach towers without a common space the similarity that step 1 needs; a CLIP brings it.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from causalseg.models.mcdrl import McdrlNetwork
from training.data import Row, Squares
from training.data.questions import Questioner
from training.experiments.paper_settings import PaperSettings
from training.loop import Trainer
from training.losses import mask_loss, patch_text_loss, region_text_loss


class McdrlSettings(PaperSettings):
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


class McdrlTrainer(Trainer[McdrlSettings]):
    """The losses of one batch."""

    name = "mcdrl"
    network: McdrlNetwork

    def __init__(self, network: McdrlNetwork, data: Squares, settings: McdrlSettings) -> None:
        super().__init__(network, data, settings)
        self.questions = Questioner(data, network.text_tower)
        self.causal_from_step = settings.steps_of(data, settings.causal_from)

    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        """Weighted losses by name."""
        settings, network = self.settings, self.network
        batch = self.questions.draw(chosen, rng, generator).to(self.device)
        seen = network.intervene(network.observe(batch.images))
        decoded = network.decode(seen.pyramid, batch.text)
        logits = functional.interpolate(decoded.mask_logits.float(), size=batch.answers.shape[-2:], mode="bilinear")
        presence = functional.binary_cross_entropy_with_logits(decoded.presence_logits.float(), batch.present)
        index = class_index(batch.rows, batch.masks, network.classes)
        codes, texts = (seen.dense.float(), decoded.patch_codes.float()), (self.questions.target_codes, batch.target)
        contrast = contrast_loss(seen.dense, network.class_codes, index, settings.temperature)
        region = torch.stack([region_text_loss(one, batch.answers, *texts) for one in codes]).sum()
        patch = torch.stack([patch_text_loss(one, batch.masks, *texts) for one in codes]).sum()
        losses = {
            "mask": mask_loss(logits, batch.answers, batch.present),
            "presence": settings.presence_weight * presence,
            "contrast": settings.contrast_weight * contrast,
            "region": settings.region_weight * region,
            "patch": settings.patch_weight * patch,
        }
        if step >= self.causal_from_step:
            losses["causal"] = settings.causal_weight * causal_loss(seen.attended, network.class_means, index)
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
        ],
        device=masks.device,
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
