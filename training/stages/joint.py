"""Joint stage: segmentation and intervention learnt in one step, the tower's later stages included.

For a pair (input, goal, removed set S) of twins: the observed pass of a clean goal learns the mask of the
question; the pass under do(input; S) learns the same mask, and is drawn to the goal's features and answer. So the
intervened pass is trained end to end, like an augmented segmenter that is told what was put in, while the observed
pass never learns from a confounded scan.

The tower's stem, first stage and their removal block stay as they were: they cost half of a step. Batch norms keep
their statistics: a batch holds clean and confounded scans.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from causalseg.causal.dictionary import Confounder
from causalseg.models.network import CausalSegNetwork
from causalseg.models.text_to_pixel import Decoded
from training.data import Squares, epoch_indices
from training.data.descriptions import SYNONYMS
from training.loop import Loop, run_loop
from training.losses import mask_loss, patch_text_loss, region_text_loss
from training.precision import keep_slow_convolutions_in_float32, mixed_precision
from training.stages.intervene import InterveneConfig, TwinBatch, TwinTrainer, feature_distance


@dataclass(frozen=True, slots=True)
class JointConfig(InterveneConfig):
    """Settings of the joint stage."""

    epochs: int = 3
    batch_size: int = 8
    tower_rate: float = 1.5e-4
    decoder_rate: float = 4e-4
    reader_rate: float = 1e-3
    rate: float = 8e-4
    presence_weight: float = 0.3
    region_weight: float = 0.05
    patch_weight: float = 0.1
    feature_weight: float = 0.5
    per_set: dict[str, int] = field(default_factory=lambda: {"isic": 450, "qata": 850, "btmri": 600, "covidct": 200})


def train_joint(
    network: CausalSegNetwork, data: Squares, dictionary: Sequence[Confounder], config: JointConfig, run_dir: Path
) -> None:
    """Train to the last epoch, resuming from `run_dir` where it stopped; the averaged weights end in `network`."""
    freeze_beginning(network)
    keep_slow_convolutions_in_float32(network.image_tower)
    run_loop(
        Loop("joint", config.epochs, config.batch_size, config.average_decay, config.seed),
        network,
        make_optimizer(network, config),
        lambda rng: epoch_indices(data.rows, config.per_set, rng),
        JointTrainer(network, data, dictionary, config).losses,
        run_dir,
        asdict(config),
    )


def freeze_beginning(network: CausalSegNetwork) -> None:
    """Everything learns but the text tower, the image tower up to stride 4 and the removal block of its stem."""
    network.eval().requires_grad_(requires_grad=True)
    for part in (network.text_tower, *network.image_tower.stages[:2], network.intervention.early[0]):
        part.requires_grad_(requires_grad=False)


def make_optimizer(network: CausalSegNetwork, config: JointConfig) -> torch.optim.Optimizer:
    """AdamW over all that learns: tower, neck and decoder, word reader, causal core, each at its rate."""
    reader = {id(parameter) for parameter in network.decoder.reader.parameters()}
    groups = [
        (network.image_tower.parameters(), config.tower_rate),
        (() if network.stages_under_do is None else network.stages_under_do.parameters(), config.tower_rate),
        ((p for p in (*network.neck.parameters(), *network.decoder.parameters()) if id(p) not in reader),
         config.decoder_rate),
        (network.decoder.reader.parameters(), config.reader_rate),
        ((*network.presence.parameters(), *network.intervention.parameters()), config.rate),
    ]  # fmt: skip
    return torch.optim.AdamW(
        [{"params": mine, "lr": rate} for group, rate in groups if (mine := [p for p in group if p.requires_grad])],
        weight_decay=config.weight_decay,
        fused=True,
    )


class JointTrainer(TwinTrainer):
    """The losses of one batch of twins, observed and intervened."""

    config: JointConfig

    def __init__(
        self, network: CausalSegNetwork, data: Squares, dictionary: Sequence[Confounder], config: JointConfig
    ) -> None:
        super().__init__(network, data, dictionary, config)
        self.targets = list(SYNONYMS)
        self.target_codes = self.texts.encode(self.targets).sentence

    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        """Weighted losses by name."""
        del step
        network, batch, codes = self.network, self.draw(chosen, rng, generator), self.drawn_codes(rng)
        with mixed_precision():
            with torch.no_grad():
                input_stages = network.observe(batch.inputs)
            goal_stages = network.observe(batch.goals)
            goal_levels = network.observed_pyramid(goal_stages)
            observed = network.decode(goal_levels, batch.text)
            both = [torch.cat([a, b.detach()]) for a, b in zip(input_stages, goal_stages, strict=True)]
            presence = network.presence(both, codes)
            removal = self.removal(batch.twins, presence, codes, rng)
            reached = network.intervened_stages(input_stages, removal)
            levels = [
                network.intervention.on_level(i, level, removal)
                for i, level in enumerate(network.observed_pyramid(reached))
            ]
            intervened = network.decode(levels, batch.text)
        free = self.twin_is_free(batch.twins, presence)
        is_clean = torch.tensor([float(twin.goal_is_clean) for twin in batch.twins])
        distances = [
            feature_distance(a, b.detach(), free)
            for a, b in zip([*reached[2:], *levels], [*goal_stages[2:], *goal_levels], strict=True)
        ]
        return {
            **self.presence_losses(batch, presence),
            **self.answer_losses("observed", observed, batch, is_clean),
            **self.answer_losses("intervened", intervened, batch, free),
            **self.alignment_losses(observed.patch_codes.float(), batch),
            "feature": self.config.feature_weight * torch.stack(distances).mean(),
            "twin": 0.5 * _twin_loss(intervened, observed, free),
        }

    def answer_losses(self, name: str, decoded: Decoded, batch: TwinBatch, weight: Tensor) -> dict[str, Tensor]:
        """The mask where the described thing is there, and whether it is there."""
        logits = functional.interpolate(decoded.mask_logits.float(), size=batch.answers.shape[-2:], mode="bilinear")
        presence = functional.binary_cross_entropy_with_logits(
            decoded.presence_logits.float(), batch.present, reduction="none"
        )
        return {
            f"{name}_mask": mask_loss(logits, batch.answers, weight * batch.present),
            f"{name}_presence": self.config.presence_weight * (presence * weight).sum() / weight.sum().clamp(min=1),
        }

    def alignment_losses(self, patches: Tensor, batch: TwinBatch) -> dict[str, Tensor]:
        """Regions and patches against the texts of the targets."""
        target = torch.tensor([self.targets.index(row.target) for row in batch.rows])
        return {
            "region": self.config.region_weight * region_text_loss(patches, batch.answers, self.target_codes, target),
            "patch": self.config.patch_weight * patch_text_loss(patches, batch.masks, self.target_codes, target),
        }


def _twin_loss(intervened: Decoded, observed: Decoded, weight: Tensor) -> Tensor:
    """Cross-entropy of the intervened mask to the goal's own observed one, which takes no gradient."""
    each = functional.binary_cross_entropy_with_logits(
        intervened.mask_logits.float(), observed.mask_logits.detach().float().sigmoid(), reduction="none"
    ).mean((1, 2, 3))
    return (each * weight).sum() / weight.sum().clamp(min=1)
