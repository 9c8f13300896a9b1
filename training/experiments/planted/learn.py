"""The segmenters that meet a planted shortcut, all from the ImageNet tower and on the same scans.

`plain` learns the marked scans as they are; `augmented` with calipers at misplaced positions drawn into half of them.
`causalseg` is plain's first passes, then frozen, and its pass under do(no calipers), which learns in two
steps. *Erase*: the removal blocks of strides 2 and 4 learn from twins to give a scan with calipers the features of the
scan without. Only scans free of the mark are clean twins, for the others keep their own: the trap of the experiment.
*Read*: the stages under do() from stride 8 on learn the mask from all scans with the mark erased. The erasing blocks
are frozen by then: the mask of a marked scan would teach them to let its mark through.

Only that a scan is free of the planted mark is known; of a marked scan it is never told where its mark is.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from causalseg.causal.dictionary import load_dictionary
from causalseg.causal.intervention import Removal
from causalseg.models.build import Architecture, build_network
from causalseg.models.network import CausalSegNetwork, with_removal
from causalseg.models.preprocess import to_network
from causalseg.models.towers import TextCode
from training.data.augment import augment
from training.data.descriptions import neutral
from training.data.text_cache import TextCache
from training.data.twins import region_map
from training.experiments.papers.questions import freeze_beginning
from training.experiments.planted.marks import Planted, draw_calipers, lesion_ends, misplaced_ends
from training.imagenet import load_imagenet
from training.loop import BatchLosses, Loop, run_loop
from training.losses import feature_distance, mask_loss, spread_of
from training.precision import keep_slow_convolutions_in_float32, mixed_precision

CONFOUNDER = "calipers"
DESCRIPTION = neutral("benign breast tumour")
ERASING = 2
"""Removal blocks that erase: after the stages at strides 2 and 4."""


@dataclass(frozen=True, slots=True)
class PlantedConfig:
    """Settings of the experiment; a pass is as many scans as there are in the training set."""

    architecture: Architecture = field(default_factory=lambda: Architecture(input_side_px=128, separate=True))
    planted_share: float = 0.9
    misplaced_share: float = 0.5
    """Of scans that get calipers where there is no lesion: in the augmented rival, and when reading under do()."""
    passes: int = 16
    """Of every model, all its parts together."""
    start_passes: int = 9
    """Of the plain segmenter from which `plain` and `causalseg` go on."""
    erase_passes: int = 2
    batch_size: int = 8
    tower_rate: float = 3e-4
    decoder_rate: float = 1e-3
    removal_rate: float = 2e-3
    weight_decay: float = 1e-2
    average_decay: float = 0.98
    null_share: float = 0.2
    """Of twins into which nothing is drawn: they must stay as they are."""
    inside_weight: float = 1.0
    """Of the feature distance where the mark was drawn, beside that of the whole picture."""
    seed: int = 0

    @property
    def read_passes(self) -> int:
        """What is left for reading under do()."""
        return self.passes - self.start_passes - self.erase_passes


class Views(NamedTuple):
    """Random views of training scans."""

    images_u8: UInt8[np.ndarray, "batch height width 3"]
    masks: Bool[np.ndarray, "batch height width"]


def fresh_network(config: PlantedConfig) -> CausalSegNetwork:
    """A network with the ImageNet tower; the same at every call, whatever was drawn before."""
    torch.manual_seed(config.seed)
    network = with_removal(build_network(config.architecture))
    if config.architecture.towers == Architecture().towers:
        load_imagenet(network.image_tower)
    for part in (network.image_tower, network.stages_under_do):
        if part is not None:
            keep_slow_convolutions_in_float32(part)
    return network.to(memory_format=torch.channels_last)


def train_observed(
    network: CausalSegNetwork, planted: Planted, config: PlantedConfig, run: Path, passes: int, misplaced_share: float
) -> None:
    """Train the observed pass, as a plain segmenter or with misplaced calipers as augmentation; resumes from `run`."""
    frozen: list[nn.Module] = [network.text_tower, network.presence, network.intervention]
    for module in frozen:
        module.requires_grad_(requires_grad=False)
    frozen += freeze_beginning(network.image_tower)
    tower = [p for p in network.image_tower.parameters() if p.requires_grad]
    rest = [*network.neck.parameters(), *network.decoder.parameters()]
    material = _Material(network, planted, config)

    def losses(
        chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        del step
        network.train()
        for module in frozen:
            module.eval()
        images, masks = material.asked(chosen, misplaced_share, rng, generator)
        with mixed_precision():
            logits = network.answer(images, material.text(len(chosen))).mask_logits
        return {"mask": _answer_loss(logits, masks)}

    _run(network, [(tower, config.tower_rate), (rest, config.decoder_rate)], losses, planted, config, run, passes)


def train_erase(network: CausalSegNetwork, planted: Planted, config: PlantedConfig, run: Path) -> None:
    """Train the erasing blocks on twins of scans that are free of the mark; resumes from `run`."""
    network.requires_grad_(requires_grad=False).eval()
    learning = nn.ModuleList([network.intervention.code, *network.intervention.early[:ERASING]])
    learning.requires_grad_(requires_grad=True)
    material = _Material(network, planted, config)

    def losses(
        chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        del step
        views = material.views(chosen, generator)
        inputs, regions = _with_any(views, config.null_share, rng)
        with mixed_precision():
            with torch.no_grad():
                goals = _stages(network, to_network(torch.from_numpy(views.images_u8)), None)
            removal = material.removal(len(chosen))
            reached = _stages(network, to_network(torch.from_numpy(inputs)), removal)
        everyone = torch.ones(len(chosen))
        overall = [feature_distance(a, b, everyone) for a, b in zip(reached, goals, strict=True)]
        inside = [_distance_inside(a, b, regions) for a, b in zip(reached, goals, strict=True)]
        return {
            "feature": torch.stack(overall).mean(),
            "inside": config.inside_weight * torch.stack(inside).mean(),
        }

    free = np.flatnonzero(~planted.is_marked)
    groups = [([*learning.parameters()], config.removal_rate)]
    _run(network, groups, losses, planted, config, run, config.erase_passes, free)


def train_read(network: CausalSegNetwork, planted: Planted, config: PlantedConfig, run: Path) -> None:
    """Train what follows the erasing blocks under do(), from all scans and their masks; resumes from `run`."""
    network.requires_grad_(requires_grad=False).eval()
    own = network.stages_under_do
    if own is None:
        raise ValueError("reading under do() needs stages of its own: Architecture(separate=True)")
    blocks = nn.ModuleList([*network.intervention.early[ERASING:], *network.intervention.late])
    for part in (own, blocks):
        part.requires_grad_(requires_grad=True)
    material = _Material(network, planted, config)

    def losses(
        chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        del step
        images, masks = material.asked(chosen, config.misplaced_share, rng, generator)
        with mixed_precision():
            logits = answer_under_do(network, images, material.removal(len(chosen)), material.text(len(chosen)))
        return {"mask": _answer_loss(logits, masks)}

    groups = [([*own.parameters()], config.tower_rate), ([*blocks.parameters()], config.removal_rate)]
    _run(network, groups, losses, planted, config, run, config.read_passes)


def answer_under_do(network: CausalSegNetwork, images: Tensor, removal: Removal, text: TextCode) -> Tensor:
    """Mask logits under do(removal)."""
    with torch.no_grad():
        stages = network.observe(images)
    return network.decode(network.intervened_pyramid(stages, removal), text).mask_logits


def caliper_code(network: CausalSegNetwork) -> Float[Tensor, "1 code"]:
    """d_k of the planted confounder."""
    entry = next(entry for entry in load_dictionary() if entry.id == CONFOUNDER)
    return network.dictionary_codes([list(entry.prompts)])


def whole_removal(code: Float[Tensor, "1 code"], count: int) -> Removal:
    """Remove the confounder from all of each of `count` scans: where a mark gave the answer, its reach is the scan."""
    return Removal(torch.arange(count), code.expand(count, -1), torch.ones(count), torch.ones(count, 1, 1, 1))


def with_misplaced(views: Views, share: float, rng: np.random.Generator) -> UInt8[np.ndarray, "batch height width 3"]:
    """The views, a `share` of them with calipers where there is no lesion."""
    images = views.images_u8.copy()
    for i, mask in enumerate(views.masks):
        if rng.random() < share and mask.any():
            images[i] = draw_calipers(images[i], misplaced_ends(mask, rng), rng).image_u8
    return images


def _with_any(
    views: Views, null_share: float, rng: np.random.Generator
) -> tuple[UInt8[np.ndarray, "batch height width 3"], Bool[np.ndarray, "batch height width"]]:
    """The views with calipers, half of them at the lesion, and where they are; a `null_share` stays as it is."""
    images, regions = views.images_u8.copy(), np.zeros_like(views.masks)
    for i, mask in enumerate(views.masks):
        if rng.random() < null_share or not mask.any():
            continue
        ends = lesion_ends(mask) if rng.random() < 0.5 else misplaced_ends(mask, rng)
        images[i], regions[i] = draw_calipers(images[i], ends, rng)
    return images, regions


class _Material:
    """What every step draws on."""

    def __init__(self, network: CausalSegNetwork, planted: Planted, config: PlantedConfig) -> None:
        self.data, self.texts, self.code = planted.squares, TextCache(network.text_tower), caliper_code(network)

    def views(self, chosen: np.ndarray, generator: torch.Generator) -> Views:
        images, masks, _ = augment(
            to_network(torch.from_numpy(self.data.images_u8[chosen])),
            torch.from_numpy(self.data.masks[chosen])[:, None].float(),
            [self.data.rows[i].modality for i in chosen],
            generator,
        )
        bytes_u8 = ((images + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
        return Views(bytes_u8, masks[:, 0].numpy() > 0.5)

    def asked(
        self, chosen: np.ndarray, misplaced_share: float, rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[Float[Tensor, "batch 3 side side"], Bool[np.ndarray, "batch side side"]]:
        """Views whose masks are asked for, a share of them with misplaced calipers, as the network takes them."""
        views = self.views(chosen, generator)
        return to_network(torch.from_numpy(with_misplaced(views, misplaced_share, rng))), views.masks

    def text(self, count: int) -> TextCode:
        return self.texts.encode([DESCRIPTION] * count)

    def removal(self, count: int) -> Removal:
        return whole_removal(self.code, count)


def _stages(network: CausalSegNetwork, images: Tensor, removal: Removal | None) -> list[Tensor]:
    """Strides 2, 4 and 8 of the observed tower, with the erasing blocks at work where something is removed."""
    stages: list[Tensor] = []
    for index in range(ERASING + 1):
        stage = network.image_tower.next_stage(stages) if stages else network.image_tower.stages[0](images)
        if removal is not None and index < ERASING:
            stage = network.intervention.on_stage(index, stage, removal)
        stages.append(stage)
    return stages


def _distance_inside(reached: Tensor, goal: Tensor, regions: Bool[np.ndarray, "batch height width"]) -> Tensor:
    """Mean absolute difference where a mark was drawn, in units of the goal's spread."""
    touched = torch.from_numpy(np.stack([region_map(region) for region in regions]))[:, None]
    weight = functional.interpolate(touched, size=goal.shape[-2:], mode="nearest")
    goal = goal.float()
    difference = (reached.float() - goal).abs().mean(1, keepdim=True) / spread_of(goal)
    return (difference * weight).sum() / weight.sum().clamp(min=1)


def _answer_loss(mask_logits: Tensor, masks: Bool[np.ndarray, "batch height width"]) -> Tensor:
    truth = torch.from_numpy(masks)[:, None].float()
    return mask_loss(functional.interpolate(mask_logits.float(), size=truth.shape[-2:], mode="bilinear"), truth)


def _run(
    network: CausalSegNetwork,
    groups: list[tuple[list[nn.Parameter], float]],
    losses: BatchLosses,
    planted: Planted,
    config: PlantedConfig,
    run: Path,
    passes: int,
    pool: np.ndarray | None = None,
) -> None:
    count = len(planted.squares.rows)

    def draw(rng: np.random.Generator) -> np.ndarray:
        return rng.permutation(count) if pool is None else rng.choice(pool, count)

    run_loop(
        Loop(run.name, passes, config.batch_size, config.average_decay, config.seed),
        network,
        torch.optim.AdamW(
            [{"params": mine, "lr": rate} for mine, rate in groups], weight_decay=config.weight_decay, fused=True
        ),
        draw,
        losses,
        run,
        asdict(config),
    )
