"""Parent and version side by side: on corrections held back, on replay held back, on simulated confounders.

Dice is of one picture at the network's size; what the app would find in no scan counts as an empty mask.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int

from causalseg.annotations import dice
from causalseg.causal.simulate import simulate
from causalseg.checkpoints import CheckpointEntry
from causalseg.models.network import CausalSegNetwork
from causalseg.phantoms import make_phantom
from causalseg.versions import Comparison, Score
from training.evaluate.measures import bootstrap_mean
from training.finetune.encoder import Encoder
from training.finetune.features import Features, answer, batch_of, joined

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
    encoder: Encoder,
    features: Features,
    items: Int[np.ndarray, " chosen"],
    least_presence: float | None,
) -> Bool[np.ndarray, "chosen side side"]:
    """Masks of `items`; with `least_presence`, empty where presence is below it."""
    side = features.masks.shape[-1]
    masks = [np.zeros((0, side, side), bool)]
    for start in range(0, len(items), _BATCH):
        chosen = np.asarray(items[start : start + _BATCH])
        batch = batch_of(features, chosen, encoder.codes)
        text = network.text_tower([features.texts[i] for i in chosen])
        decoded = answer(network, batch.stages, batch.removal, text)
        logits = torch.nn.functional.interpolate(decoded.mask_logits, size=(side, side), mode="bilinear")[:, 0]
        found = torch.ones(len(chosen), dtype=torch.bool)
        if least_presence is not None:
            found = decoded.presence_logits >= math.log(least_presence / (1 - least_presence))
        masks.append(((logits > 0) & found[:, None, None]).numpy())
    return np.concatenate(masks)


def dice_of(
    network: CausalSegNetwork,
    encoder: Encoder,
    features: Features,
    items: Int[np.ndarray, " chosen"],
    least_presence: float | None,
) -> list[float]:
    """Dice of each of `items`."""
    masks = predicted(network, encoder, features, items, least_presence)
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
        parts.append(encoder.intervened_items(encoder.observe(spoilt[None]), [[k]], phantom.mask[None], *words))
        clean.setdefault(words[1][0], (phantom, words))
    for phantom, words in clean.values():
        seen = encoder.observe(phantom.image_u8[None].copy())
        parts.append(encoder.intervened_items(seen, encoder.detected(seen), phantom.mask[None], *words))
    return joined(parts)


def compared(before: list[float], after: list[float], groups: Sequence[str]) -> Comparison:
    """Both, and the change of each, with 95 % bootstrap intervals over whole groups."""
    change = [new - old for old, new in zip(before, after, strict=True)]
    names = list(groups)
    return Comparison(_score(before, names), _score(after, names), _score(change, names))


def _score(values: list[float], groups: list[str]) -> Score:
    mean = bootstrap_mean(values, groups)
    return Score(round(mean.mean, 4), round(mean.low, 4), round(mean.high, 4), mean.count)
