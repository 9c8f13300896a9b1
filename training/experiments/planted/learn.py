"""The segmenters that meet a planted shortcut, all from the ImageNet tower and on the same scans.

`plain` learns the marked scans as they are; `augmented` with calipers at misplaced positions drawn into half of them.
`causalseg` is plain's first passes, then frozen, and a restorer that learns to take calipers off the picture, from
twins; the frozen segmenter reads the result. Only scans free of the mark are clean twins, for the others keep their
own: the trap of the experiment.

Only that a scan is free of the planted mark is known; of a marked scan it is never told where its mark is.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.nn import functional

from causalseg.causal.dictionary import load_dictionary
from causalseg.causal.intervention import Evidence, Removal, make_removal
from causalseg.models.build import Architecture, build_network
from causalseg.models.network import CausalSegNetwork, with_removal
from causalseg.models.preprocess import to_network
from causalseg.models.towers import TextCode
from training.data.augment import augment
from training.data.descriptions import neutral
from training.data.text_cache import TextCache
from training.experiments.planted.marks import Planted, draw_calipers, lesion_ends, misplaced_ends
from training.imagenet import load_imagenet
from training.loop import LoopSettings, Trainer, learn
from training.losses import mask_loss, picture_error
from training.precision import keep_slow_convolutions_in_float32
from training.stages.observe import FROM_IMAGENET

CONFOUNDER = "calipers"
DESCRIPTION = neutral("benign breast tumour")


@dataclass(frozen=True, slots=True)
class PlantedConfig:
    """Settings of the experiment; a pass is as many scans as there are in the training set."""

    architecture: Architecture = field(default_factory=lambda: Architecture(input_side_px=128))
    planted_share: float = 0.9
    misplaced_share: float = 0.5
    """Of scans that get calipers where there is no lesion, in the augmented rival."""
    passes: int = 16
    """Of every model, all its parts together."""
    start_passes: int = 9
    """Of the plain segmenter from which `plain` and `causalseg` go on."""
    batch_size: int = 8
    tower_rate: float = 3e-4
    decoder_rate: float = 1e-3
    restorer_rate: float = 1.2e-3
    weight_decay: float = 1e-2
    average_decay: float = 0.98
    null_share: float = 0.2
    """Of twins into which nothing is drawn: they must stay as they are."""
    seed: int = 0

    def of_stage(
        self, passes: int, rates: dict[str, float], batch_norm: Literal["learn", "keep"] = "keep"
    ) -> LoopSettings:
        """The loop of one training: its passes, and what learns."""
        return LoopSettings(
            epochs=passes, rates=rates, batch_norm=batch_norm, batch_size=self.batch_size, seed=self.seed,
            weight_decay=self.weight_decay, average_decay=self.average_decay,
        )  # fmt: skip

    @property
    def erase_passes(self) -> int:
        """Passes of the restorer: those that the plain segmenter leaves."""
        return self.passes - self.start_passes


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
    keep_slow_convolutions_in_float32(network.image_tower)
    return network.to(memory_format=torch.channels_last)


def train_observed(
    network: CausalSegNetwork, planted: Planted, config: PlantedConfig, run: Path, passes: int, misplaced_share: float
) -> None:
    """Train the observed pass, as a plain segmenter or with misplaced calipers as augmentation; resumes from `run`."""
    rates = {path: rate and (config.tower_rate if "tower" in path else rate) for path, rate in FROM_IMAGENET.items()}
    settings = config.of_stage(passes, rates | {"neck": config.decoder_rate, "decoder": config.decoder_rate}, "learn")
    learn(ObservedTrainer(network, planted, config, settings, misplaced_share), run)


def train_erase(network: CausalSegNetwork, planted: Planted, config: PlantedConfig, run: Path) -> None:
    """Train the restorer on twins of scans that are free of the mark; resumes from `run`."""
    settings = config.of_stage(config.erase_passes, {"restorer": config.restorer_rate})
    learn(EraseTrainer(network, planted, config, settings), run)


class PlantedTrainer(Trainer[LoopSettings]):
    """What both trainings draw on."""

    network: CausalSegNetwork

    def __init__(
        self, network: CausalSegNetwork, planted: Planted, config: PlantedConfig, settings: LoopSettings
    ) -> None:
        super().__init__(network, planted.squares, settings)
        self.config, self.planted = config, planted

    def draw_epoch(self, rng: np.random.Generator) -> np.ndarray:
        """A pass: all scans once."""
        return rng.permutation(len(self.data.rows))

    def views(self, chosen: np.ndarray, generator: torch.Generator) -> Views:
        """Random views of the chosen scans."""
        images, masks, _ = augment(
            to_network(torch.from_numpy(self.data.images_u8[chosen])),
            torch.from_numpy(self.data.masks[chosen])[:, None].float(),
            [self.data.rows[i].modality for i in chosen],
            generator,
        )
        bytes_u8 = ((images + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
        return Views(bytes_u8, masks[:, 0].numpy() > 0.5)

    def input(self, images_u8: UInt8[np.ndarray, "batch height width 3"]) -> Float[Tensor, "batch 3 height width"]:
        """Pictures as the network takes them."""
        return to_network(torch.from_numpy(images_u8)).to(self.device)


class ObservedTrainer(PlantedTrainer):
    """The observed pass."""

    name = "observed"

    def __init__(
        self,
        network: CausalSegNetwork,
        planted: Planted,
        config: PlantedConfig,
        settings: LoopSettings,
        misplaced_share: float,
    ) -> None:
        super().__init__(network, planted, config, settings)
        self.misplaced_share, self.texts = misplaced_share, TextCache(network.text_tower)

    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        """The mask of views, a share of which has misplaced calipers."""
        del step
        views = self.views(chosen, generator)
        images = self.input(with_misplaced(views, self.misplaced_share, rng))
        logits = self.network.answer(images, self.texts.encode([DESCRIPTION] * len(images))).mask_logits.float()
        truth = torch.from_numpy(views.masks)[:, None].float().to(self.device)
        return {"mask": mask_loss(functional.interpolate(logits, size=truth.shape[-2:], mode="bilinear"), truth)}


class EraseTrainer(PlantedTrainer):
    """Pictures with calipers, restored, against the same pictures without."""

    name = "erase"

    def __init__(
        self, network: CausalSegNetwork, planted: Planted, config: PlantedConfig, settings: LoopSettings
    ) -> None:
        super().__init__(network, planted, config, settings)
        self.code = caliper_code(network)

    def draw_epoch(self, rng: np.random.Generator) -> np.ndarray:
        """As many as there are scans, all of them free of the planted mark."""
        return rng.choice(np.flatnonzero(~self.planted.is_marked), len(self.data.rows))

    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        """What is left to restore of each picture, as in the stage restore."""
        del step
        views = self.views(chosen, generator)
        spoilt, goals = self.input(_with_any(views, self.config.null_share, rng)), self.input(views.images_u8)
        restored = self.network.restored(spoilt, whole_removal(self.code, len(chosen)))
        return {"picture": picture_error(restored, spoilt, goals).mean()}


def answer_under_do(network: CausalSegNetwork, images: Tensor, removal: Removal, text: TextCode) -> Tensor:
    """Mask logits under do(removal)."""
    with torch.no_grad():
        stages = network.observe(images)
    return network.decode(network.intervened_pyramid(images, stages, removal), text).mask_logits


def caliper_code(network: CausalSegNetwork) -> Float[Tensor, "1 code"]:
    """d_k of the planted confounder."""
    entry = next(entry for entry in load_dictionary() if entry.id == CONFOUNDER)
    return network.dictionary_codes([list(entry.prompts)])


def whole_removal(code: Float[Tensor, "1 code"], count: int) -> Removal:
    """Remove the confounder from each of `count` scans."""
    return make_removal(Evidence(code.new_ones(1, 1, 1, 1), code), [[0]] * count)


def with_misplaced(views: Views, share: float, rng: np.random.Generator) -> UInt8[np.ndarray, "batch height width 3"]:
    """The views, a `share` of them with calipers where there is no lesion."""
    images = views.images_u8.copy()
    for i, mask in enumerate(views.masks):
        if rng.random() < share and mask.any():
            images[i] = draw_calipers(images[i], misplaced_ends(mask, rng), rng).image_u8
    return images


def _with_any(views: Views, null_share: float, rng: np.random.Generator) -> UInt8[np.ndarray, "batch height width 3"]:
    """The views with calipers, half of them at the lesion; a `null_share` stays as it is."""
    images = views.images_u8.copy()
    for i, mask in enumerate(views.masks):
        if rng.random() < null_share or not mask.any():
            continue
        ends = lesion_ends(mask) if rng.random() < 0.5 else misplaced_ends(mask, rng)
        images[i] = draw_calipers(images[i], ends, rng).image_u8
    return images
