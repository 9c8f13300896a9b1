"""Parent and version side by side: on corrections held back, on replay held back, on simulated confounders; and the
verdict, in sentences that a person can act on.

Dice is of one picture at the network's size; what the app would find in no scan counts as an empty mask.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from causalseg.annotations import dice
from causalseg.causal.simulate import simulate
from causalseg.checkpoints import CheckpointEntry, changed_copy
from causalseg.models.network import CausalSegNetwork
from causalseg.phantoms import make_phantom
from causalseg.versions import Comparison, Score
from training.evaluate.measures import bootstrap_mean
from training.finetune.augmented_views import Views, views_of
from training.finetune.corrections import Correction
from training.finetune.features import Encoder, Features, answer, batch_of, joined
from training.finetune.learn import Spoken

_BATCH = 8
TWIN_STRENGTH = 0.8


class Twin(NamedTuple):
    """A made-up scan that a confounder is put into."""

    phantom: str
    seed: int
    confounder: str


TWINS = tuple(
    Twin(phantom, seed, confounder)
    for phantom, confounders in (
        ("ultrasound", ("sensor_noise", "speckle")),
        ("endoscopy", ("sensor_noise", "motion_blur")),
        ("dermoscopy", ("sensor_noise", "compression")),
        ("ct", ("defocus_blur", "motion_blur")),
    )
    for confounder in confounders
    for seed in (1, 2)
)
"""What does damage to a mask and can be undone by a good switch."""


@torch.no_grad()
def predicted(
    network: CausalSegNetwork,
    features: Features,
    items: Int[np.ndarray, " chosen"],
    least_presence: float | None,
) -> Bool[np.ndarray, "chosen side side"]:
    """Masks of `items`; with `least_presence`, empty where presence is below it."""
    side = features.masks.shape[-1]
    masks = [np.zeros((0, side, side), bool)]
    for start in range(0, len(items), _BATCH):
        chosen = np.asarray(items[start : start + _BATCH])
        batch = batch_of(features, chosen)
        text = network.text_tower([features.texts[i] for i in chosen])
        decoded = answer(network, batch, text)
        logits = torch.nn.functional.interpolate(decoded.mask_logits, size=(side, side), mode="bilinear")[:, 0]
        found = torch.ones(len(chosen), dtype=torch.bool)
        if least_presence is not None:
            found = decoded.presence_logits >= math.log(least_presence / (1 - least_presence))
        masks.append(((logits > 0) & found[:, None, None]).numpy())
    return np.concatenate(masks)


def dice_of(
    network: CausalSegNetwork,
    features: Features,
    items: Int[np.ndarray, " chosen"],
    least_presence: float | None,
) -> list[float]:
    """Dice of each of `items`."""
    masks = predicted(network, features, items, least_presence)
    return [dice(mask, features.masks[item]) for mask, item in zip(masks, items, strict=True)]


def twin_features(network: CausalSegNetwork, entry: CheckpointEntry, twins: Sequence[Twin] = TWINS) -> Features:
    """Made-up scans with a confounder put in and switched off by `network`, then the same scans as they are."""
    encoder = Encoder(network, entry)
    ids = [one.id for one in encoder.dictionary]
    parts, clean = [], {}
    for twin in twins:
        phantom = make_phantom(twin.phantom, twin.seed, side_px=encoder.side_px)
        k, words = ids.index(twin.confounder), ([phantom.description], [f"{twin.phantom} {twin.seed}"])
        simulator = str(encoder.dictionary[k].simulator)
        spoilt = simulate(phantom.image_u8, simulator, strength=TWIN_STRENGTH, seed=twin.seed).image_u8
        parts.append(encoder.items(encoder.observe(spoilt[None]), phantom.mask[None], *words, removed=[[k]]))
        clean.setdefault(words[1][0], (phantom, words))
    for phantom, words in clean.values():
        seen = encoder.observe(phantom.image_u8[None].copy())
        parts.append(encoder.items(seen, phantom.mask[None], *words, removed=encoder.detected(seen)))
    return joined(parts)


def compared(before: list[float], after: list[float], groups: Sequence[str]) -> Comparison:
    """Both, and the change of each, with 95 % bootstrap intervals over whole groups."""
    change = [new - old for old, new in zip(before, after, strict=True)]
    names = list(groups)
    return Comparison(_score(before, names), _score(after, names), _score(change, names))


def _score(values: list[float], groups: list[str]) -> Score:
    mean = bootstrap_mean(values, groups)
    return Score(round(mean.mean, 4), round(mean.low, 4), round(mean.high, 4), mean.count)


@dataclass(frozen=True, slots=True, eq=False)
class Scorer:
    """Parent and version on the same items."""

    entry: CheckpointEntry
    parent: CausalSegNetwork
    version: CausalSegNetwork
    encoder: Encoder

    def corrections(
        self, views: Views, members: Sequence[dict[str, Tensor]], folds: np.ndarray, held_back: Sequence[Correction]
    ) -> Comparison:
        """Each correction by the member that has not seen it, those never learnt from by the version itself."""
        features = views.features
        before = self._dice(self.parent, features, views.asked)
        after = np.zeros(len(before))
        for fold, member in enumerate(members):
            network, mine = changed_copy(self.parent, member, "a member"), np.flatnonzero(folds == fold)
            after[mine] = self._dice(network, features, views.asked[mine])
        scored, groups = after.tolist(), [features.groups[item] for item in views.asked]
        if held_back:
            held = views_of(self.encoder, held_back, 0, most=1)
            before += self._dice(self.parent, held.features, held.asked)
            scored += self._dice(self.version, held.features, held.asked)
            groups += [held.features.groups[item] for item in held.asked]
        return compared(before, scored, groups)

    def items(self, features: Features, chosen: np.ndarray) -> Comparison:
        """Some items, each a group of its own."""
        before, after = (self._dice(network, features, chosen) for network in (self.parent, self.version))
        return compared(before, after, [str(item) for item in chosen])

    def switches(self, twins: Sequence[Twin], *, has_new_presence: bool) -> Comparison:
        """Made-up scans with a confounder switched off, and clean ones adjusted."""
        before = twin_features(self.parent, self.entry, twins)
        after = twin_features(self.version, self.entry, twins) if has_new_presence else before
        every = np.arange(len(before))
        undone = self._dice(self.parent, before, every)
        return compared(undone, self._dice(self.version, after, every), before.groups)

    def statements(self, spoken: Spoken) -> Comparison:
        """How often detection agrees with the statements that were learnt."""
        is_said, threshold = ~spoken.labels.isnan(), self.encoder.detected_from
        before, after = (
            ((network.presence.strength_logits(spoken.statistics, self.encoder.codes).sigmoid() >= threshold)[is_said]
             == (spoken.labels[is_said] > 0.5)).double().tolist()
            for network in (self.parent, self.version)
        )  # fmt: skip
        return compared(before, after, [str(int(row)) for row in is_said.nonzero()[:, 0]])

    def _dice(self, network: CausalSegNetwork, features: Features, items: np.ndarray) -> list[float]:
        return dice_of(network, features, items, self.entry.least_presence)


@dataclass(frozen=True, slots=True)
class GateRules:
    """What a version must show."""

    least_gain: float = 0.0
    """Of Dice on corrections held back: the lower end of its interval must lie above this."""
    most_lost_on_replay: float = 0.008
    """Mean Dice."""
    most_lost_by_switches: float = 0.02
    """Mean Dice of made-up scans with a confounder switched off."""
    most_lost_on_statements: float = 0.02
    """Share of statements that presence agrees with."""


def judge(scores: Mapping[str, Comparison], rules: GateRules) -> tuple[bool, tuple[str, ...]]:
    """Whether a version may be promoted, and a sentence on each measure."""
    verdicts = [_gain(scores["corrections"], rules.least_gain)]
    losses = (
        ("replay", "the scans it learnt from before", rules.most_lost_on_replay),
        ("switches", "made-up scans with a confounder switched off", rules.most_lost_by_switches),
        ("statements", "what people say of confounders", rules.most_lost_on_statements),
    )
    verdicts += [_loss(scores[name], where, most) for name, where, most in losses if name in scores]
    return all(passed for passed, _ in verdicts), tuple(sentence for _, sentence in verdicts)


def _gain(comparison: Comparison, least: float) -> tuple[bool, str]:
    change = comparison.change
    numbers = (
        f"{comparison.before.mean:.3f} -> {comparison.after.mean:.3f}, change {change.mean:+.3f} "
        f"[{change.low:+.3f}, {change.high:+.3f}] over {change.count}"
    )
    if change.low > least:
        return True, f"Better on corrections held back: Dice {numbers}."
    if change.mean > least:
        return False, (
            f"Perhaps better on corrections held back, but not surely: Dice {numbers}; the interval reaches down to "
            "no gain. Correct more scans and fine-tune again."
        )
    return False, f"Not better on corrections held back: Dice {numbers}. What they show does not carry over."


def _loss(comparison: Comparison, where: str, most: float) -> tuple[bool, str]:
    numbers = f"{comparison.before.mean:.3f} -> {comparison.after.mean:.3f}, at most {most:.3f} may be lost"
    if comparison.change.mean >= -most:
        return True, f"Not worse on {where}: {numbers}."
    return False, f"Worse on {where}: {numbers}. It would forget; fine-tune with more or better corrections."
