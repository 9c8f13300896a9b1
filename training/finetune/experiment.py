"""What N corrected masks of an unseen site bring: its own masks stand for people's corrections.

Nothing here touches a released checkpoint: a version that learnt from a target site is never reported on it elsewhere.
"""

import hashlib
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from causalseg.checkpoints import CheckpointEntry, load_network
from causalseg.models.network import with_removal
from training.data import Row, load_image, load_mask
from training.finetune.encoder import Encoder
from training.finetune.features import Features
from training.finetune.gate import judge
from training.finetune.learn import LearnConfig
from training.finetune.material import Correction, Material
from training.finetune.run import FinetuneConfig, Learnt, Parent, learn
from training.finetune.scores import dice_of
from training.finetune.views import Views, views_of
from training.measures import bootstrap_mean

OnProgress = Callable[[int, int], object]

WAYS = {
    "heads": LearnConfig(),
    "no replay": LearnConfig(replay_per_step=0),
    "decoder": LearnConfig(parts=("decoder.",)),
    "no pull": LearnConfig(parent_weight=0.0),
}
"""Ways to fine-tune: as the app does, and what it is compared with."""
TRAIN_SHARE = 0.5
"""Of the site's patients, whose scans may stand for corrections; the others are the test."""


def as_correction(row: Row) -> Correction:
    """A row of a data folder, as if somebody had corrected its mask."""
    key = hashlib.sha256(row.image.read_bytes()).hexdigest()
    return Correction(load_image(row.image), load_mask(row.mask), row.target, row.patient, key, row.modality)


def parted(rows: Sequence[Row], site: str) -> tuple[list[Row], list[Row]]:
    """Rows of a site that may stand for corrections, and those that test; by patient, the same for ever."""
    mine = [row for row in rows if row.set == site and row.role == "target"]
    if not mine:
        raise FileNotFoundError(f"the data have no rows of role target and set {site}")
    learns = {row.patient: _share_of(row.patient) < TRAIN_SHARE for row in mine}
    return [row for row in mine if learns[row.patient]], [row for row in mine if not learns[row.patient]]


def simulate_table(
    entry: CheckpointEntry, rows: Sequence[Row], replay: Features, options: Namespace, on_progress: OnProgress
) -> dict[str, Any]:
    """For each way and each number of corrections: gain on the site, change on the source tests, over all seeds."""
    parent = Parent(entry.name, entry, with_removal(load_network(entry)))
    encoder = Encoder(parent.network, entry)
    pool, tests = parted(rows, options.site)
    sources = [row for row in rows if row.role == "source" and row.split == "test" and row.target != "lung"]
    seen = {
        "site": _views(encoder, _spread(tests, options.tests)),
        "source": _views(encoder, _spread(sources, options.source_tests)),
    }
    before = {name: _scores(parent, encoder, views, None) for name, views in seen.items()}
    table: dict[str, Any] = {}
    rounds = [
        (way, count, seed) for way in options.ways for count in options.corrections for seed in range(options.seeds)
    ]
    for done, (way, count, seed) in enumerate(rounds):
        line = table.setdefault(f"{way}, {count} corrections", {"site": [], "source": [], "passed": [], "seconds": []})
        started = time.monotonic()
        made = _round(parent, pool, replay, WAYS[way], count, seed)
        line["seconds"].append(time.monotonic() - started)
        line["passed"].append(float(judge(made.scores, FinetuneConfig().gate)[0]))
        for name, views in seen.items():
            after = _scores(parent, encoder, views, made)
            line[name].append(float(np.mean(after) - np.mean(before[name])))
        on_progress(done + 1, len(rounds))
    start = {name: bootstrap_mean(scores) for name, scores in before.items()}
    return {"before": start} | {name: _summary(line) for name, line in table.items()}


def _round(parent: Parent, pool: Sequence[Row], replay: Features, config: LearnConfig, count: int, seed: int) -> Learnt:
    chosen = np.random.default_rng(seed).choice(len(pool), min(count, len(pool)), replace=False)
    material = Material([as_correction(pool[i]) for i in chosen])
    return learn(parent, material, replay, FinetuneConfig(learn=replace(config, seed=seed)))


def _views(encoder: Encoder, rows: Sequence[Row]) -> Views:
    return views_of(encoder, [replace(as_correction(row), modality=None) for row in rows], 0, most=1)


def _scores(parent: Parent, encoder: Encoder, views: Views, made: Learnt | None) -> list[float]:
    network = parent.network if made is None else made.network
    return dice_of(network, encoder, views.features, views.asked, parent.entry.presence_threshold)


def _summary(line: dict[str, list[float]]) -> dict[str, Any]:
    return {
        "gain on the site": bootstrap_mean(line["site"]),
        "change on the source tests": bootstrap_mean(line["source"]),
        "let through by the gate": float(np.mean(line["passed"])),
        "seconds": float(np.mean(line["seconds"])),
    }


def _share_of(patient: str) -> float:
    return int(hashlib.sha256(patient.encode()).hexdigest()[:8], 16) / 16**8


def _spread(rows: Sequence[Row], count: int) -> list[Row]:
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int))
    return [rows[i] for i in chosen]
