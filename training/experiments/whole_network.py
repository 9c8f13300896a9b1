"""The whole network learns from pictures: what fine-tuning heads on frozen towers is compared with.

It is no version: a version holds no towers. Replay is pictures too, so nothing of this could be shipped.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from causalseg.causal.intervention import make_removal
from causalseg.checkpoints import CheckpointEntry
from causalseg.models.network import CausalSegNetwork
from causalseg.models.preprocess import squash, to_network
from causalseg.models.text_to_pixel import Decoded
from causalseg.models.towers import TextCode
from training.data.text_cache import TextCache
from training.finetune.augmented_views import mirrored_text
from training.finetune.corrections import Correction
from training.finetune.features import Encoder
from training.finetune.learn import LearnConfig
from training.losses import mask_loss

_FROZEN = ("text_tower.", "presence.")
_LIGHT = (0.75, 1.25)


@dataclass(frozen=True, slots=True)
class WholeConfig:
    """Settings that differ from those of learning heads."""

    heads: LearnConfig
    tower_rate: float = 1e-4
    """Of the image tower, of the restorer and of the removal blocks."""


class _Squares(NamedTuple):
    images: Float[Tensor, "batch 3 side side"]
    masks: Float[Tensor, "batch 1 side side"]
    texts: list[str]


def learn_whole(
    parent: CausalSegNetwork,
    entry: CheckpointEntry,
    corrections: Sequence[Correction],
    replay: Sequence[Correction],
    config: WholeConfig,
) -> CausalSegNetwork:
    """A copy of `parent` of which all learns but the text tower, presence and batch statistics.

    Steps answer in turn as observed and as the app answers, with all that is detected removed. `replay` are scans that
    the parent was trained on, with their true masks.
    """
    network = copy.deepcopy(parent).eval()
    learning = {name: p.requires_grad_() for name, p in network.named_parameters() if not name.startswith(_FROZEN)}
    groups = _groups(learning, config)
    optimizer = torch.optim.AdamW(groups, weight_decay=0)
    settings = config.heads
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [group["lr"] for group in groups], settings.steps + 1, pct_start=0.2
    )
    encoder, texts = Encoder(network, entry), TextCache(network.text_tower)
    rng = np.random.default_rng(settings.seed)
    for step in range(settings.steps):
        drawn = _draw(corrections, settings.corrections_per_step, rng) + _draw(replay, settings.replay_per_step, rng)
        squares = _squares(drawn, encoder.side_px, rng)
        decoded = _answer(network, encoder, squares.images, texts.encode(squares.texts), adjusted=step % 2 == 1)
        logits = functional.interpolate(decoded.mask_logits, size=squares.masks.shape[-2:], mode="bilinear")
        present = squares.masks.amax((1, 2, 3))
        presence = functional.binary_cross_entropy_with_logits(decoded.presence_logits, present)
        optimizer.zero_grad()
        (mask_loss(logits, squares.masks, present) + settings.presence_weight * presence).backward()
        torch.nn.utils.clip_grad_norm_(learning.values(), 1.0)
        optimizer.step()
        schedule.step()
    network.requires_grad_(requires_grad=False)
    return network


def _groups(learning: dict[str, Tensor], config: WholeConfig) -> list[dict]:
    heads = [p for name, p in learning.items() if name.startswith(("neck.", "decoder."))]
    rest = [p for name, p in learning.items() if not name.startswith(("neck.", "decoder."))]
    return [{"params": heads, "lr": config.heads.rate}, {"params": rest, "lr": config.tower_rate}]


def _draw(scans: Sequence[Correction], count: int, rng: np.random.Generator) -> list[Correction]:
    return [scans[i] for i in rng.choice(len(scans), min(count, len(scans)), replace=False)]


def _squares(scans: Sequence[Correction], side_px: int, rng: np.random.Generator) -> _Squares:
    """A view of each: half of them mirrored, with left and right exchanged in the description; brighter or darker."""
    images, masks, texts = [], [], []
    for scan in scans:
        image_u8 = squash(scan.image_u8, side_px)
        mask, text = squash(scan.mask.astype(np.uint8) * 255, side_px) > 127, scan.description
        if rng.random() < 0.5:
            image_u8, mask, text = image_u8[:, ::-1], mask[:, ::-1], mirrored_text(text)
        images.append((image_u8 * rng.uniform(*_LIGHT)).clip(0, 255).astype(np.uint8))
        masks.append(mask)
        texts.append(text)
    return _Squares(
        to_network(torch.from_numpy(np.stack(images))), torch.from_numpy(np.stack(masks))[:, None].float(), texts
    )


def _answer(network: CausalSegNetwork, encoder: Encoder, images: Tensor, text: TextCode, *, adjusted: bool) -> Decoded:
    stages = network.observe(images)
    if not adjusted:
        return network.decode(network.observed_pyramid(stages), text)
    seen = encoder.seen(images, stages)
    removal = make_removal(seen.evidence, encoder.detected(seen))
    return network.decode(network.intervened_pyramid(images, stages, removal), text)
