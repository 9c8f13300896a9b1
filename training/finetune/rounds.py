"""Many fine-tunings in a row, each from the version before, of several sites in turn: what is forgotten on the way."""

import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from causalseg.checkpoints import CheckpointEntry
from training.data import Row
from training.evaluate.measures import bootstrap_mean
from training.finetune.encoder import Encoder
from training.finetune.experiment import (
    as_correction,
    as_tests,
    checkpoint_parent,
    parted,
    scores_of,
    seen_once,
    source_tests,
)
from training.finetune.features import Features
from training.finetune.gate import judge
from training.finetune.learn import LearnConfig
from training.finetune.material import Material
from training.finetune.run import FinetuneConfig, Parent, learn

OnProgress = Callable[[int, int], object]
OnTable = Callable[[dict[str, Any]], object]


def rounds_table(
    entry: CheckpointEntry,
    rows: Sequence[Row],
    replay: Features,
    options: Namespace,
    on_progress: OnProgress,
    on_table: OnTable = lambda table: None,
) -> dict[str, dict[str, Any]]:
    """A line a round: change on the source tests and on every site's tests, against the checkpoint.

    The sites take turns, each with corrections that no round has seen. With `options.gated` a version that its gate
    stops is dropped and the next round starts from the one before, as in the app; otherwise each one is kept, which
    is harder. The towers never learn, so scans are encoded once.
    """
    parent = checkpoint_parent(entry)
    encoder = Encoder(parent.network, entry)
    parts = {site: parted(rows, site) for site in options.sites}
    seen = {"source": seen_once(encoder, source_tests(rows, options.source_tests))}
    seen |= {site: seen_once(encoder, as_tests(tests, options.tests)) for site, (_, tests) in parts.items()}
    order = {site: np.random.default_rng(options.seed).permutation(len(pool)) for site, (pool, _) in parts.items()}
    before = {name: scores_of(parent.network, encoder, views) for name, views in seen.items()}
    table: dict[str, dict[str, Any]] = {}
    for number in range(options.rounds):
        site, turn = options.sites[number % len(options.sites)], number // len(options.sites)
        drawn = order[site][turn * options.corrections : (turn + 1) * options.corrections]
        material = Material([as_correction(parts[site][0][i]) for i in drawn])
        started, config = time.monotonic(), FinetuneConfig(learn=LearnConfig(seed=options.seed + number))
        made = learn(parent, material, replay, config)
        seconds, (passed, _) = time.monotonic() - started, judge(made.scores, config.gate)
        if passed or not options.gated:
            parent = Parent(f"round {number + 1}", entry, made.network, made.changes)
        line: dict[str, Any] = {"corrections of": f"{len(drawn)} of {site}", "gate": "passed" if passed else "stopped"}
        for name, views in seen.items():
            after = scores_of(parent.network, encoder, views)
            line[name] = bootstrap_mean([new - old for new, old in zip(after, before[name], strict=True)])
        table[f"{number + 1}"] = {**line, "seconds": seconds}
        on_progress(number + 1, options.rounds)
        on_table(table)
    return table
