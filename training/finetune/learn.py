"""The heads learn: several members, each without a part of the corrections; the version is the members' mean.

So every correction is scored by a member that has not seen it, and no time goes into a training that is only for
scoring. All members start from the parent and stay near it, where the mean of weights is as good as a member
(model soups, arXiv 2203.05482).

What holds a member to the parent: replay (the true masks, and twenty times as heavily the parent's own answers, on
stored features of the checkpoint's training scans) and the squared distance of its weights (L2-SP, arXiv 1802.01483).
The answers hold far better than the masks: training/LOG.md has the table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from causalseg.checkpoints import changed_copy
from causalseg.models.network import CausalSegNetwork
from causalseg.models.text_to_pixel import Decoded
from causalseg.models.towers import TextCode
from training.data.descriptions import ORGAN
from training.data.text_cache import TextCache
from training.evaluate.scans import ABSENT_TARGETS
from training.finetune.features import Batch, Features, answer, batch_of, joined
from training.losses import mask_loss
from training.precision import mixed_precision

OnStep = Callable[[int, float], object]
"""(step over all members, loss): one point of the curve."""

HEADS = ("neck.", "decoder.", "intervention.late.")
STRENGTH = ("presence.strength_query.", "presence.strength_key.")
_BATCH = 8


@dataclass(frozen=True, slots=True)
class LearnConfig:
    """Settings of a fine-tuning."""

    members: int = 3
    steps: int = 30
    """Of each member."""
    corrections_per_step: int = 4
    replay_per_step: int = 8
    rate: float = 1e-3
    removal_rate: float = 1e-4
    """Of the removal blocks, on which no replay of every confounder watches."""
    strength_rate: float = 3e-4
    parent_weight: float = 3e-3
    """Of the squared distance to the parent's weights."""
    parent_answer_weight: float = 20.0
    """Of the parent's own answers on replay, against 1 for the true masks there."""
    presence_weight: float = 0.3
    absent_share: float = 0.3
    """Of the replayed items that are asked for something of another organ."""
    statement_weight: float = 1.0
    parts: tuple[str, ...] = HEADS
    """Beginnings of the names of what learns."""
    seed: int = 0

    def __post_init__(self) -> None:
        """A single member would leave no correction unseen, and the rate cannot rise and fall in fewer than 5 steps."""
        if self.members < 2 or self.steps < 5:
            raise ValueError(f"members must be at least 2 and steps at least 5, got {self.members} and {self.steps}")


class Spoken(NamedTuple):
    """People's statements about confounders in some pictures."""

    statistics: Float[Tensor, "picture statistics"]
    labels: Float[Tensor, "picture confounder"]
    """1 present, 0 absent, NaN where nothing is said."""


@dataclass(frozen=True, slots=True, eq=False)
class ParentAnswers:
    """What the parent says of the replay: of each item's own text, and of something of another organ."""

    mask_logits: Float[Tensor, "item 1 height width"]
    presence_logits: Float[Tensor, " item"]
    absent_texts: tuple[str, ...]
    absent_logits: Float[Tensor, " item"]
    strength_logits: Float[Tensor, "item confounder"]


class Learner:
    """A parent with everything that its members learn from."""

    def __init__(
        self,
        parent: CausalSegNetwork,
        codes: Float[Tensor, "confounder code"],
        corrections: Features,
        replay: Features,
        spoken: Spoken | None,
        config: LearnConfig,
    ) -> None:
        self.parent, self.codes, self.config = parent, codes, config
        self.replay, self.spoken = replay, spoken
        self.items, self.first_replayed = joined([corrections, replay]), len(corrections)
        self.texts = TextCache(parent.text_tower)
        self._parent_answers = self._ask_parent()
        parts = config.parts if spoken is None else (*config.parts, *STRENGTH)
        self._names = [name for name, _ in parent.named_parameters() if name.startswith(parts)]

    def member(
        self, items: Int[np.ndarray, " chosen"], replayed: Int[np.ndarray, " replayed"], number: int, on_step: OnStep
    ) -> dict[str, Tensor]:
        """Learn from some items of the corrections and of the replay; the tensors that learnt."""
        network = changed_copy(self.parent, {}, "a member")
        learning = {name: p.requires_grad_() for name, p in network.named_parameters() if name in set(self._names)}
        start = {name: p.detach().clone() for name, p in learning.items()}
        optimizer = torch.optim.AdamW(self._groups(learning), weight_decay=0, fused=True)
        rates = [group["lr"] for group in optimizer.param_groups]
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, self.config.steps + 1, pct_start=0.2)
        rng = np.random.default_rng([self.config.seed, number])
        for step in range(self.config.steps):
            loss = self._loss(network, items, replayed, rng)
            optimizer.zero_grad()
            loss.backward()
            self._pull(learning, start)
            torch.nn.utils.clip_grad_norm_(learning.values(), 1.0)
            optimizer.step()
            schedule.step()
            on_step(number * self.config.steps + step + 1, float(loss.detach()))
        return {name: p.detach() for name, p in learning.items()}

    @torch.no_grad()
    def _pull(self, learning: dict[str, Tensor], start: dict[str, Tensor]) -> None:
        """Add the gradient of `parent_weight` times the squared distance to the parent's weights."""
        for name, p in learning.items():
            away = 2 * self.config.parent_weight * (p - start[name])
            p.grad = away if p.grad is None else p.grad.add_(away)

    def _groups(self, learning: dict[str, Tensor]) -> list[dict]:
        rates = {"intervention.": self.config.removal_rate, "presence.": self.config.strength_rate}
        return [
            {"params": [p], "lr": next((r for start, r in rates.items() if name.startswith(start)), self.config.rate)}
            for name, p in learning.items()
        ]

    def _loss(
        self, network: CausalSegNetwork, items: np.ndarray, replayed: np.ndarray, rng: np.random.Generator
    ) -> Tensor:
        mine = rng.choice(items, min(self.config.corrections_per_step, len(items)), replace=False)
        theirs = rng.choice(replayed, min(self.config.replay_per_step, len(replayed)), replace=False)
        is_absent = rng.random(len(theirs)) < self.config.absent_share
        texts = [self.items.texts[i] for i in mine]
        texts += [
            self._parent_answers.absent_texts[i] if absent else self.replay.texts[i]
            for i, absent in zip(theirs, is_absent, strict=True)
        ]
        batch = batch_of(self.items, np.concatenate([mine, theirs + self.first_replayed]))
        decoded = _answer_fast(network, batch, self.texts.encode(texts))
        cut = len(mine)
        loss = self._corrections_loss(_rows(decoded, slice(0, cut)), batch.masks[:cut], batch.present[:cut])
        if len(theirs):
            loss = loss + self._replay_loss(_rows(decoded, slice(cut, None)), batch.masks[cut:], theirs, is_absent)
        return loss if self.spoken is None else loss + self._statement_loss(network, self.spoken, replayed)

    def _corrections_loss(self, decoded: Decoded, masks: Tensor, present: Tensor) -> Tensor:
        presence = functional.binary_cross_entropy_with_logits(decoded.presence_logits, present)
        return mask_loss(_full(decoded, masks), masks, present) + self.config.presence_weight * presence

    def _replay_loss(
        self, decoded: Decoded, masks: Tensor, chosen: np.ndarray, is_absent: Bool[np.ndarray, " replayed"]
    ) -> Tensor:
        parent, absent = self._parent_answers, torch.from_numpy(is_absent)
        own = (~absent).float()
        told = torch.where(absent, parent.absent_logits[chosen], parent.presence_logits[chosen]).sigmoid()
        presence = functional.binary_cross_entropy_with_logits(decoded.presence_logits, told)
        likeness = functional.binary_cross_entropy_with_logits(
            decoded.mask_logits, parent.mask_logits[chosen].sigmoid(), reduction="none"
        ).mean((1, 2, 3))
        return (
            mask_loss(_full(decoded, masks), masks, own)
            + self.config.parent_answer_weight * (likeness * own).sum() / own.sum().clamp(min=1)
            + self.config.presence_weight * presence
        )

    def _statement_loss(self, network: CausalSegNetwork, spoken: Spoken, replayed: np.ndarray) -> Tensor:
        """Loss of people's statements, plus that of the parent's own strengths on replayed scans."""
        logits = network.presence.strength_logits(spoken.statistics, self.codes)
        is_said = ~spoken.labels.isnan()
        said = functional.binary_cross_entropy_with_logits(logits[is_said], spoken.labels[is_said])
        statistics = torch.from_numpy(self.replay.statistics[replayed]).float()
        kept = functional.binary_cross_entropy_with_logits(
            network.presence.strength_logits(statistics, self.codes),
            self._parent_answers.strength_logits[replayed].sigmoid(),
        )
        return self.config.statement_weight * (said + 10 * kept)

    @torch.no_grad()
    def _ask_parent(self) -> ParentAnswers:
        rows = [np.arange(start, min(start + _BATCH, len(self.replay))) for start in range(0, len(self.replay), _BATCH)]
        absent_texts = tuple(_absent_text(text, i) for i, text in enumerate(self.replay.texts))
        own, absent = [], []
        for chosen in rows:
            batch = batch_of(self.replay, chosen)
            for texts, answers in ((self.replay.texts, own), (absent_texts, absent)):
                code = self.texts.encode([texts[i] for i in chosen])
                answers.append(_answer_fast(self.parent, batch, code))
        statistics = torch.from_numpy(self.replay.statistics).float()
        return ParentAnswers(
            torch.cat([decoded.mask_logits for decoded in own]),
            torch.cat([decoded.presence_logits for decoded in own]),
            absent_texts,
            torch.cat([decoded.presence_logits for decoded in absent]),
            self.parent.presence.strength_logits(statistics, self.codes),
        )


def _answer_fast(network: CausalSegNetwork, batch: Batch, text: TextCode) -> Decoded:
    """As `answer`, in bfloat16 where this CPU computes in it; scores and the app answer in float32."""
    with mixed_precision():
        decoded = answer(network, batch, text)
    return Decoded(*(value.float() for value in decoded))


def mean_of(members: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The members' mean weights, rounded to half precision as they will be served."""
    return {name: torch.stack([member[name] for member in members]).mean(0).half() for name in members[0]}


def folds_of(groups: Sequence[str], count: int, seed: int) -> Int[np.ndarray, " item"]:
    """A fold for every item, whole groups together, about as many items in each."""
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(index)
    fold, load = np.zeros(len(names), int), np.zeros(count, int)
    order = np.random.default_rng(seed).permutation(len(names))
    for name in sorted(order, key=lambda one: -sizes[one]):
        fold[name] = int(load.argmin())
        load[fold[name]] += sizes[name]
    return fold[index]


def _rows(decoded: Decoded, rows: slice) -> Decoded:
    return Decoded(*(value[rows] for value in decoded))


def _full(decoded: Decoded, masks: Tensor) -> Tensor:
    return functional.interpolate(decoded.mask_logits, size=masks.shape[-2:], mode="bilinear")


def _absent_text(target: str, index: int) -> str:
    others = [text for text in ABSENT_TARGETS if ORGAN.get(text) != ORGAN.get(target)]
    return others[index % len(others)]
