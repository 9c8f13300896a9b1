"""Many fine-tunings in a row, each from the version before, of several sites in turn: what is forgotten on the way."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from typer import Option

from causalseg.checkpoints import CheckpointEntry, find_entry
from causalseg.settings import Settings
from training.data import Row, read_index
from training.evaluate.measures import bootstrap_mean
from training.evaluate.report import RESULTS_DIR, provenance
from training.experiments.simulated_corrections import (
    as_correction,
    as_tests,
    checkpoint_parent,
    parted,
    parts_of,
    scores_of,
    seen_once,
    table_writer,
)
from training.experiments.simulated_corrections import (
    source_tests as source_scans,
)
from training.finetune.cli import say
from training.finetune.corrections import Material
from training.finetune.features import Encoder, Features
from training.finetune.learn import LearnConfig
from training.finetune.replay import load_replay
from training.finetune.run import FinetuneConfig, Parent, learn
from training.finetune.scores import judge
from training.progress import Bar

OnProgress = Callable[[int, int], object]
OnTable = Callable[[dict[str, Any]], object]


def rounds_table(
    entry: CheckpointEntry,
    rows: Sequence[Row],
    replay: Features,
    sites: Sequence[str],
    *,
    rounds: int,
    corrections: int,
    seed: int,
    gated: bool,
    tests: int,
    source: int,
    on_progress: OnProgress,
    on_table: OnTable = lambda table: None,
) -> dict[str, dict[str, Any]]:
    """A line a round: change on the source tests and on every site's tests, against the checkpoint.

    The sites take turns, each with corrections that no round has seen. With `gated` a version that its gate
    stops is dropped and the next round starts from the one before, as in the app; otherwise each one is kept, which
    is harder. The towers never learn, so scans are encoded once.
    """
    parent = checkpoint_parent(entry)
    encoder = Encoder(parent.network, entry)
    parts = {site: parted(rows, site) for site in sites}
    seen = {"source": seen_once(encoder, source_scans(rows, source))}
    seen |= {site: seen_once(encoder, as_tests(others, tests)) for site, (_, others) in parts.items()}
    order = {site: np.random.default_rng(seed).permutation(len(pool)) for site, (pool, _) in parts.items()}
    before = {name: scores_of(parent.network, entry.least_presence, views) for name, views in seen.items()}
    table: dict[str, dict[str, Any]] = {}
    for number in range(rounds):
        site, turn = sites[number % len(sites)], number // len(sites)
        drawn = order[site][turn * corrections : (turn + 1) * corrections]
        material = Material([as_correction(parts[site][0][i]) for i in drawn])
        started, config = time.monotonic(), FinetuneConfig(learn=LearnConfig(seed=seed + number))
        made = learn(parent, material, replay, config)
        seconds, (passed, _) = time.monotonic() - started, judge(made.scores, config.gate)
        if passed or not gated:
            parent = Parent(f"round {number + 1}", entry, made.network, made.changes)
        line: dict[str, Any] = {"corrections of": f"{len(drawn)} of {site}", "gate": "passed" if passed else "stopped"}
        for name, views in seen.items():
            after = scores_of(parent.network, entry.least_presence, views)
            line[name] = bootstrap_mean([new - old for new, old in zip(after, before[name], strict=True)])
        table[f"{number + 1}"] = {**line, "seconds": seconds}
        on_progress(number + 1, rounds)
        on_table(table)
    return table


def simulate_rounds(
    data: Annotated[Path, Option(help="folder with index.csv")],
    checkpoint: str = Settings().checkpoint,
    sites: Annotated[str, Option(help="comma between")] = "clinicdb,bkai,busbra,lgg",
    corrections: Annotated[int, Option(help="of one fine-tuning")] = 10,
    seed: int = 0,
    replay: Annotated[Path | None, Option(help="default: what the project ships")] = None,
    out: Path = RESULTS_DIR,
    rounds: int = 10,
    gated: Annotated[bool, Option("--gated", help="drop what its gate stops, as the app does")] = False,
    tests: Annotated[int, Option(help="scans of each site to test on, at most")] = 40,
    source_tests: Annotated[int, Option(help="test scans of the source sets, at most")] = 80,
) -> None:
    """Fine-tunings in a row, each from the version before."""
    entry = find_entry(checkpoint)
    command = (
        f"python -m training simulate-rounds --data FOLDER --sites {sites} --corrections {corrections} --seed {seed} "
        f"--rounds {rounds}{' --gated' if gated else ''} --tests {tests} --source-tests {source_tests}"
    )
    name = "finetune_rounds_gated" if gated else "finetune_rounds"
    write = table_writer(name, "rounds", provenance(entry, command), out)
    table = rounds_table(
        entry,
        read_index(data),
        load_replay(entry, replay),
        parts_of(sites),
        rounds=rounds,
        corrections=corrections,
        seed=seed,
        gated=gated,
        tests=tests,
        source=source_tests,
        on_progress=Bar("rounds"),
        on_table=write,
    )
    say(write(table).read_text(encoding="utf-8"))
