"""Corrections that are wrong in one way, drawn many times: how many draws are refused before anything is learnt."""

from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool
from scipy.ndimage import shift

from causalseg.checkpoints import CheckpointEntry
from training.data import Row
from training.finetune.checks import doubts
from training.finetune.encoder import Encoder
from training.finetune.experiment import as_tests, checkpoint_parent, parted, seen_once
from training.finetune.features import Features
from training.finetune.gate import judge
from training.finetune.learn import LearnConfig
from training.finetune.material import Correction, Material
from training.finetune.run import FinetuneConfig, Parent, learn
from training.finetune.scores import predicted

OnProgress = Callable[[int, int], object]
OnTable = Callable[[dict[str, Any]], object]

SHIFT = 40 / 256
"""Of the side: 40 px at the network's 256."""
KINDS = ("right", "empty", "inverted", "shifted, one way", "shifted, each its way", "another scan's")


def poisoned(
    masks: Sequence[Bool[np.ndarray, "height width"]], kind: str, rng: np.random.Generator
) -> list[Bool[np.ndarray, "height width"]]:
    """`masks`, wrong in the way that `kind` says; what is shifted out of the scan is lost.

    Another scan's mask is put into a scan of its own size: masks that change places have to be of one size.
    """
    if kind == "right":
        return list(masks)
    if kind == "empty":
        return [np.zeros_like(mask) for mask in masks]
    if kind == "inverted":
        return [~mask for mask in masks]
    if kind == "another scan's":
        return [masks[i - 1] for i in range(len(masks))]
    ways = rng.integers(4, size=len(masks)) if kind == "shifted, each its way" else np.full(len(masks), rng.integers(4))
    return [_shifted(mask, int(way)) for mask, way in zip(masks, ways, strict=True)]


def poison_table(
    entry: CheckpointEntry,
    rows: Sequence[Row],
    replay: Features,
    options: Namespace,
    on_progress: OnProgress,
    on_table: OnTable = lambda table: None,
) -> dict[str, dict[str, Any]]:
    """A line for each site and kind: draws refused by the checks, and what the gate makes of those that are not.

    Of the draws that the checks let through, `options.learnt` a line are learnt from and judged by the gate; with
    `options.unchecked` that many draws are judged whatever the checks say, to see what the gate alone would do.
    """
    parent = checkpoint_parent(entry)
    encoder = Encoder(parent.network, entry)
    table: dict[str, dict[str, Any]] = {}
    for number, site in enumerate(options.sites):
        scans = as_tests(parted(rows, site)[0], options.scans)
        views = seen_once(encoder, scans)
        masks = views.features.masks[views.asked]
        seen = predicted(parent.network, encoder, views.features, views.asked, None)
        for kind in KINDS:
            rng, passed = np.random.default_rng(options.seed), list[list[int]]()
            draws = [rng.permutation(len(scans))[: options.corrections].tolist() for _ in range(options.draws)]
            for drawn in draws:
                wrong = np.stack(poisoned([masks[i] for i in drawn], kind, rng))
                if not doubts(wrong, seen[drawn]):
                    passed.append(drawn)
            judged = draws[: options.unchecked] if options.unchecked else passed[: options.learnt]
            verdicts = [] if kind == "right" else [_gate(parent, replay, scans, masks, kind, one) for one in judged]
            table[f"{site}, {kind}"] = {
                "draws": len(draws),
                "refused before learning": len(draws) - len(passed),
                "put before the gate": len(verdicts),
                "stopped by the gate": verdicts.count(False),
            }
            on_table(table)
        on_progress(number + 1, len(options.sites))
    return table


def _gate(
    parent: Parent,
    replay: Features,
    scans: Sequence[Correction],
    masks: Bool[np.ndarray, "scan side side"],
    kind: str,
    drawn: Sequence[int],
) -> bool:
    """Whether the gate lets a version through that learnt from one poisoned draw."""
    wrong = poisoned([masks[i] for i in drawn], kind, np.random.default_rng(0))
    material = Material([replace(scans[i], mask=mask) for i, mask in zip(drawn, wrong, strict=True)])
    config = FinetuneConfig(learn=LearnConfig())
    return judge(learn(parent, material, replay, config).scores, config.gate)[0]


def _shifted(mask: Bool[np.ndarray, "height width"], way: int) -> Bool[np.ndarray, "height width"]:
    """`mask` moved down, up, right or left."""
    step = [0, 0]
    step[way // 2] = round(SHIFT * mask.shape[way // 2]) * (1 if way % 2 == 0 else -1)
    return shift(mask.astype(np.uint8), step, order=0) > 0
