"""Stage 1, segment and align: image tower, neck and decoder on real scans with drawn descriptions.

The mask is learnt where what is described is there: what to say of an absent thing is the presence logit's to learn,
so a scan of an unseen site that presence doubts still gets its mask.

The stem and the first half of the tower's first stage keep their ImageNet weights: frozen they cost a third of the
step. A network that goes on from a checkpoint keeps its batch statistics and all up to stride 4, which the intervened
pass starts from. An exponential moving average of the weights is what is evaluated and handed on.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from causalseg.models.network import CausalSegNetwork
from causalseg.models.preprocess import to_network
from training.data import Squares, epoch_indices
from training.data.augment import augment
from training.data.descriptions import SYNONYMS, ask
from training.data.text_cache import TextCache
from training.loop import Loop, run_loop
from training.losses import mask_loss, patch_text_loss, region_text_loss
from training.precision import keep_slow_convolutions_in_float32, mixed_precision


@dataclass(frozen=True, slots=True)
class SegmentConfig:
    """Settings of stage 1."""

    epochs: int = 10
    batch_size: int = 16
    tower_rate: float = 3e-4
    decoder_rate: float = 1e-3
    weight_decay: float = 1e-2
    average_decay: float = 0.998
    seed: int = 0
    per_set: dict[str, int] = field(default_factory=lambda: {"isic": 800, "qata": 1300, "covidct": 400})
    """Scans drawn of a set in one epoch (all of a set that is not named)."""
    light: float = 1.0
    """How far the augmentation changes light and colour."""
    presence_weight: float = 0.3
    region_weight: float = 0.05
    patch_weight: float = 0.1


def train_segment(
    network: CausalSegNetwork, data: Squares, config: SegmentConfig, run_dir: Path, *, goes_on: bool = False
) -> None:
    """Train to the last epoch, resuming from `run_dir` where it stopped; the averaged weights end in `network`.

    `goes_on` says that `network` has been trained before.
    """
    frozen = freeze_all_but_later(network) if goes_on else freeze_early(network)
    keep_slow_convolutions_in_float32(network.image_tower)
    trainer = _Trainer(network, data, config, frozen)
    loop = Loop("segment", config.epochs, config.batch_size, config.average_decay, config.seed)
    run_loop(
        loop,
        network,
        _optimizer(network, config),
        lambda rng: epoch_indices(data.rows, config.per_set, rng),
        trainer.losses,
        run_dir,
        asdict(config),
    )


def train_refine(network: CausalSegNetwork, data: Squares, config: SegmentConfig, run_dir: Path) -> None:
    """Train the decoder alone on frozen features, so that presence and removal, trained on those features, stay valid.

    Resumes from `run_dir` where it stopped; the averaged weights end in `network`.
    """
    network.requires_grad_(requires_grad=False)
    network.decoder.requires_grad_(requires_grad=True)
    frozen = [part for name, part in network.named_children() if name != "decoder"]
    run_loop(
        Loop("refine", config.epochs, config.batch_size, config.average_decay, config.seed),
        network,
        torch.optim.AdamW(
            network.decoder.parameters(), config.decoder_rate, weight_decay=config.weight_decay, fused=True
        ),
        lambda rng: epoch_indices(data.rows, config.per_set, rng),
        _Trainer(network, data, config, frozen).losses,
        run_dir,
        asdict(config),
    )


def freeze_early(network: CausalSegNetwork) -> list[nn.Module]:
    """Freeze everything but tower (from its second stage on), neck and decoder; the modules that stay in eval mode."""
    stem, first = network.image_tower.stages[0], network.image_tower.stages[1]
    frozen: list[nn.Module] = [network.text_tower, network.presence, network.intervention, stem]
    frozen += [first[0], first[1][0]]  # pyright: ignore[reportIndexIssue]
    for module in frozen:
        module.requires_grad_(requires_grad=False)
    return frozen


def freeze_all_but_later(network: CausalSegNetwork) -> list[nn.Module]:
    """Freeze all but tower (from stride 8 on), neck and decoder; the modules that stay in eval mode: every one."""
    network.requires_grad_(requires_grad=False)
    for part in (*network.image_tower.stages[2:], network.neck, network.decoder):
        part.requires_grad_(requires_grad=True)
    return list(network.children())


def _optimizer(network: CausalSegNetwork, config: SegmentConfig) -> torch.optim.Optimizer:
    tower = [parameter for parameter in network.image_tower.parameters() if parameter.requires_grad]
    rest = [*network.neck.parameters(), *network.decoder.parameters()]
    groups = [{"params": tower, "lr": config.tower_rate}, {"params": rest, "lr": config.decoder_rate}]
    return torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=True)


class _Trainer:
    """The losses of one batch."""

    def __init__(
        self, network: CausalSegNetwork, data: Squares, config: SegmentConfig, frozen: list[nn.Module]
    ) -> None:
        self.network, self.data, self.config, self.frozen = network, data, config, frozen
        self.texts = TextCache(network.text_tower)
        self.targets = list(SYNONYMS)
        self.target_codes = self.texts.encode(self.targets).sentence

    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        """Weighted losses by name."""
        del step
        self._train_mode()
        rows = [self.data.rows[i] for i in chosen]
        images = to_network(torch.from_numpy(self.data.images_u8[chosen]))
        masks = torch.from_numpy(self.data.masks[chosen])[:, None].float()
        images, masks, _ = augment(images, masks, [row.modality for row in rows], generator, light=self.config.light)
        questions = [ask(row.target, masks[i, 0].numpy() > 0.5, rng) for i, row in enumerate(rows)]
        answers = torch.from_numpy(np.stack([question.mask for question in questions]))[:, None].float()
        present = torch.tensor([float(question.present) for question in questions])
        target = torch.tensor([self.targets.index(row.target) for row in rows])
        text = self.texts.encode([question.text for question in questions])
        with mixed_precision():
            decoded = self.network.decode(self.network.observed_pyramid(self.network.observe(images)), text)
        logits = functional.interpolate(decoded.mask_logits.float(), size=answers.shape[-2:], mode="bilinear")
        presence = functional.binary_cross_entropy_with_logits(decoded.presence_logits.float(), present)
        patches = decoded.patch_codes.float()
        return {
            "mask": mask_loss(logits, answers, present),
            "presence": self.config.presence_weight * presence,
            "region": self.config.region_weight * region_text_loss(patches, answers, self.target_codes, target),
            "patch": self.config.patch_weight * patch_text_loss(patches, masks, self.target_codes, target),
        }

    def _train_mode(self) -> None:
        self.network.train()
        for module in self.frozen:
            module.eval()
