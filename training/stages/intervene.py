"""Stage 2, intervene: presence and the causal intervention network on twins; all that the observed pass uses is frozen.

Where the intervened pass has tower stages of its own (`Architecture.separate`), they learn too. For a pair (input,
goal, removed set S): the features, the mask and the probability map under do(input; S) are drawn to those of the
goal, of which no gradient is taken. A scan that already carries k is no clean twin for k (the trap
of evaluation.md's planted shortcut): once presence has warmed up, such pairs weigh nothing.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from causalseg.causal.dictionary import Confounder
from causalseg.causal.intervention import Removal
from causalseg.causal.presence import Presence, gate, reach
from causalseg.models.network import CausalSegNetwork
from causalseg.models.preprocess import to_network
from causalseg.models.towers import TextCode
from training.data import Row, Squares, epoch_indices
from training.data.augment import augment
from training.data.descriptions import ask
from training.data.text_cache import TextCache
from training.data.twins import PHOTOMETRIC, Twin, TwinShares, draw_twin
from training.loop import Loop, run_loop
from training.losses import mask_loss
from training.precision import keep_slow_convolutions_in_float32, mixed_precision

HARD = {
    "ghosting": 3.0,
    "hair": 3.0,
    "gain": 2.0,
    "motion_blur": 2.0,
    "over_exposure": 2.0,
    "acoustic_shadow": 2.0,
    "side_marker_wires": 2.0,
}
"""Confounders drawn oftener: those that do damage and of which 0.3.0's switches gave back least."""


@dataclass(frozen=True, slots=True)
class InterveneConfig:
    """Settings of stage 2."""

    epochs: int = 4
    batch_size: int = 8
    rate: float = 8e-4
    tower_rate: float = 2e-4
    """Of the tower stages under do(), where they are separate."""
    feature_weight: float = 0.5
    twin_weight: float = 1.0
    weight_decay: float = 1e-2
    average_decay: float = 0.998
    warm_up_steps: int = 100
    """Steps at the start that train presence alone."""
    native_weight: float = 0.25
    """Weight of "absent" where the modality's real scans often carry the confounder. Not lower: presence would say
    "present" of every such scan, and then none of them is a clean twin."""
    positive_weight: float = 4.0
    """Weight of "present": a confounder is in one of some twenty scans."""
    native_positive_weight: float = 2.0
    """The same where real scans often carry the confounder; for the same reason not higher."""
    map_weight: float = 10.0
    """Weight of a cell that the confounder touches: thin marks touch few."""
    relit_share: float = 0.6
    """Share of the scans whose light and colour are changed before a confounder is put in."""
    seed: int = 0
    per_set: dict[str, int] = field(default_factory=lambda: {"isic": 500, "qata": 500, "btmri": 900, "covidct": 300})
    shares: TwinShares = field(default_factory=lambda: TwinShares(often=HARD))


class TwinBatch(NamedTuple):
    """Twin pairs with a question about each."""

    twins: list[Twin]
    inputs: Float[Tensor, "batch 3 height width"]
    goals: Float[Tensor, "batch 3 height width"]
    masks: Float[Tensor, "batch 1 height width"]
    """Of each scan's target, whatever the question."""
    answers: Float[Tensor, "batch 1 height width"]
    present: Float[Tensor, " batch"]
    """1 where what the question describes is there."""
    text: TextCode
    rows: list[Row]
    is_relit: Bool[Tensor, " batch"]


def train_intervene(
    network: CausalSegNetwork, data: Squares, dictionary: Sequence[Confounder], config: InterveneConfig, run_dir: Path
) -> None:
    """Train to the last epoch, resuming from `run_dir` where it stopped; the averaged weights end in `network`."""
    network.requires_grad_(requires_grad=False).eval()
    core = nn.ModuleList([network.presence, network.intervention]).requires_grad_(requires_grad=True)
    groups = [{"params": list(core.parameters()), "lr": config.rate}]
    if network.stages_under_do is not None:
        own = network.stages_under_do.requires_grad_(requires_grad=True)
        groups.append({"params": list(own.parameters()), "lr": config.tower_rate})
    optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=True)
    _learn("intervene", optimizer, TwinTrainer(network, data, dictionary, config), config, run_dir)


class TwinTrainer:
    """The losses of one batch of twins."""

    def __init__(
        self, network: CausalSegNetwork, data: Squares, dictionary: Sequence[Confounder], config: InterveneConfig
    ) -> None:
        self.network, self.data, self.dictionary, self.config = network, data, dictionary, config
        self.texts = TextCache(network.text_tower)
        prompts = [self.texts.encode(list(entry.prompts)).sentence for entry in dictionary]
        self.prompt_codes = prompts
        self.mean_codes = functional.normalize(torch.stack([codes.mean(0) for codes in prompts]), dim=-1)
        self.is_local = torch.tensor([entry.scope == "local" for entry in dictionary])
        self.is_photometric = torch.tensor([entry.id in PHOTOMETRIC for entry in dictionary])

    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        """Weighted losses by name; before the warm-up is over only those of presence."""
        batch = self.draw(chosen, rng, generator)
        codes = self.drawn_codes(rng)
        with torch.no_grad(), mixed_precision():
            stages = self.network.observe(torch.cat([batch.inputs, batch.goals]))
        with mixed_precision():
            presence = self.network.presence(stages, codes)
        losses = self.presence_losses(batch, presence)
        if step >= self.config.warm_up_steps:
            losses |= self._intervention_losses(batch, stages, presence, codes, rng)
        return losses

    def draw(self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator) -> TwinBatch:
        """Twins of the `chosen` rows, each with a drawn question."""
        rows = [self.data.rows[i] for i in chosen]
        modalities = [row.modality for row in rows]
        view = augment(
            to_network(torch.from_numpy(self.data.images_u8[chosen])),
            torch.from_numpy(self.data.masks[chosen])[:, None].float(),
            modalities,
            generator,
            relit_share=self.config.relit_share,
        )
        clean_u8 = ((view.images + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
        twins = [
            draw_twin(image, modality, self.dictionary, rng, self.config.shares)
            for image, modality in zip(clean_u8, modalities, strict=True)
        ]
        questions = [ask(row.target, view.masks[i, 0].numpy() > 0.5, rng) for i, row in enumerate(rows)]
        return TwinBatch(
            twins,
            to_network(torch.from_numpy(np.stack([twin.input_u8 for twin in twins]))),
            to_network(torch.from_numpy(np.stack([twin.goal_u8 for twin in twins]))),
            view.masks,
            torch.from_numpy(np.stack([q.mask for q in questions]))[:, None].float(),
            torch.tensor([float(q.present) for q in questions]),
            self.texts.encode([q.text for q in questions]),
            rows,
            view.is_relit,
        )

    def drawn_codes(self, rng: np.random.Generator) -> Float[Tensor, "confounder code"]:
        """Half of the time an entry goes by one of its prompts alone, so that a typed name works too."""
        drawn = [
            codes[int(rng.integers(len(codes)))] if rng.random() < 0.5 else mean
            for codes, mean in zip(self.prompt_codes, self.mean_codes, strict=True)
        ]
        return torch.stack(drawn)

    def presence_losses(self, batch: TwinBatch, presence: Presence) -> dict[str, Tensor]:
        """How strongly and where: of the inputs, then of the goals.

        "Absent" counts little where real scans often carry the confounder, and nothing where changed light may look
        like it.
        """
        labels = torch.from_numpy(np.concatenate([np.stack([t.labels[i] for t in batch.twins]) for i in (0, 1)]))
        maps = torch.from_numpy(np.concatenate([np.stack([t.maps[i] for t in batch.twins]) for i in (0, 1)]))
        native = torch.tensor([[row.modality in entry.native_to for entry in self.dictionary] for row in batch.rows])
        doubtful = batch.is_relit[:, None] & self.is_photometric
        absent = torch.where(native, self.config.native_weight, 1.0) * ~doubtful
        weight = torch.where(labels > 0, 1.0, absent.repeat(2, 1))
        told = torch.where(native, self.config.native_positive_weight, self.config.positive_weight)
        positive = torch.where(labels > 0, told.repeat(2, 1), 1.0)
        strength = functional.binary_cross_entropy_with_logits(presence.strength_logits, labels, reduction="none")
        local = self.is_local.nonzero()[:, 0]
        where = functional.binary_cross_entropy_with_logits(
            presence.map_logits[:, local],
            maps[:, local],
            reduction="none",
            pos_weight=torch.tensor(self.config.map_weight),
        )
        return {
            "strength": 2 * (strength * weight * positive).mean(),
            "where": 2 * (where.mean((2, 3)) * weight[:, local]).mean(),
        }

    def _intervention_losses(
        self, batch: TwinBatch, stages: list[Tensor], presence: Presence, codes: Tensor, rng: np.random.Generator
    ) -> dict[str, Tensor]:
        half = len(batch.twins)
        removal = self.removal(batch.twins, presence, codes, rng)
        free = self.twin_is_free(batch.twins, presence)
        input_stages, goal_stages = [stage[:half] for stage in stages], [stage[half:] for stage in stages]
        with mixed_precision():
            with torch.no_grad():
                goal_pyramid = self.network.observed_pyramid(goal_stages)
                goal_logits = self.network.decode(goal_pyramid, batch.text).mask_logits.float()
            reached = self.network.intervened_stages(input_stages, removal)
            levels = [
                self.network.intervention.on_level(i, level, removal)
                for i, level in enumerate(self.network.observed_pyramid(reached))
            ]
            decoded = self.network.decode(levels, batch.text)
        distances = [
            feature_distance(a, b, free)
            for a, b in zip([*reached, *levels], [*goal_stages, *goal_pyramid], strict=True)
        ]
        logits = decoded.mask_logits.float()
        twin = functional.binary_cross_entropy_with_logits(logits, goal_logits.sigmoid(), reduction="none")
        full = functional.interpolate(logits, scale_factor=4, mode="bilinear")
        return {
            "feature": self.config.feature_weight * torch.stack(distances).mean(),
            "mask": mask_loss(full, batch.answers, free),
            "twin": self.config.twin_weight * (twin.mean((1, 2, 3)) * free).sum() / free.sum().clamp(min=1),
        }

    def removal(self, twins: list[Twin], presence: Presence, codes: Tensor, rng: np.random.Generator) -> Removal:
        """What every pair removes: half of the time in full and where it truly is, else as presence sees it."""
        pairs = [(row, k) for row, twin in enumerate(twins) for k in twin.removed]
        row, confounder = (torch.tensor(column) for column in zip(*pairs, strict=True))
        forced = torch.tensor([twins[i].is_null or rng.random() < 0.5 for i, _ in pairs])
        seen = gate(presence.strength[row, confounder].detach())
        known = torch.from_numpy(np.stack([twins[i].maps[0, k] for i, k in pairs]))
        is_known = forced & known.flatten(1).any(1)
        where = torch.where(is_known[:, None, None], known, presence.maps[row, confounder].detach())
        where = torch.where(self.is_local[confounder][:, None, None], reach(where), 1.0)
        return Removal(row, codes[confounder], torch.where(forced, 1.0, seen), where[:, None])

    def twin_is_free(self, twins: list[Twin], presence: Presence) -> Float[Tensor, " batch"]:
        """0 for a pair whose goal seems to carry a removed confounder already."""
        strength = presence.strength[len(twins) :].detach()
        return torch.tensor(
            [float(twin.is_null or all(strength[i, k] < 0.5 for k in twin.removed)) for i, twin in enumerate(twins)]
        )


def learn_alone(stage: str, part: nn.Module, trainer: TwinTrainer, config: InterveneConfig, run_dir: Path) -> None:
    """Train one `part` of the trainer's network to the last epoch, resuming from `run_dir`; all else stays as it is."""
    trainer.network.requires_grad_(requires_grad=False).eval()
    part.requires_grad_(requires_grad=True)
    optimizer = torch.optim.AdamW(part.parameters(), lr=config.rate, weight_decay=config.weight_decay)
    _learn(stage, optimizer, trainer, config, run_dir)


def _learn(
    stage: str, optimizer: torch.optim.Optimizer, trainer: TwinTrainer, config: InterveneConfig, run_dir: Path
) -> None:
    keep_slow_convolutions_in_float32(trainer.network.image_tower)
    run_loop(
        Loop(stage, config.epochs, config.batch_size, config.average_decay, config.seed),
        trainer.network,
        optimizer,
        lambda rng: epoch_indices(trainer.data.rows, config.per_set, rng),
        trainer.losses,
        run_dir,
        asdict(config),
    )


def feature_distance(reached: Tensor, goal: Tensor, weight: Float[Tensor, " batch"]) -> Float[Tensor, ""]:
    """Mean absolute difference in units of the goal's spread."""
    goal = goal.float()
    difference = (reached.float() - goal).abs().mean((1, 2, 3)) / spread_of(goal)
    return (difference * weight).sum() / weight.sum().clamp(min=1)


def spread_of(goal: Tensor) -> Float[Tensor, ""]:
    """Standard deviation of all features of a stage together, the unit in which they are compared."""
    return (goal.square().mean() - goal.mean().square()).clamp(min=1e-6).sqrt()
