"""What N corrected masks of an unseen site bring: its own masks stand for people's corrections.

Nothing here touches a released checkpoint: a version that learnt from a target site is never reported on it elsewhere.
"""

import hashlib
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
from typer import Option

from causalseg.checkpoints import CheckpointEntry, find_entry, load_network
from causalseg.models.network import CausalSegNetwork, with_removal
from causalseg.settings import Settings
from training.data import Row, load_image, load_mask, read_index, train_rows
from training.evaluate.measures import bootstrap_mean
from training.evaluate.report import RESULTS_DIR, provenance, write_report
from training.experiments.queue_order import Value
from training.experiments.whole_network import WholeConfig, learn_whole
from training.finetune.augmented_views import Views, views_of
from training.finetune.cli import say
from training.finetune.corrections import Correction, Material
from training.finetune.features import Encoder, Features
from training.finetune.learn import LearnConfig
from training.finetune.replay import ReplayConfig, load_replay, spread_over_sets
from training.finetune.run import FinetuneConfig, Parent, learn
from training.finetune.scores import dice_of, judge
from training.progress import Bar

OnProgress = Callable[[int, int], object]
OnTable = Callable[[dict[str, Any]], object]

WHOLE, QUEUE = "whole network", "queue"
WAYS = {
    "heads": LearnConfig(),
    QUEUE: LearnConfig(),
    "no replay": LearnConfig(replay_per_step=0),
    "decoder": LearnConfig(parts=("decoder.",)),
    "no pull": LearnConfig(parent_weight=0.0),
    WHOLE: LearnConfig(),
}
"""Ways to fine-tune: as the app does, and what it is compared with. In `queue` the store's queue chooses what is
corrected, in all others chance."""
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


class Round(NamedTuple):
    """One fine-tuning of the experiment."""

    way: str
    count: int
    """Of corrections."""
    seed: int


def rounds_of(ways: Sequence[str], corrections: Sequence[int], seeds: int) -> list[Round]:
    """All fine-tunings: `heads` with every number of corrections and all seeds, `heads:10x3` with 10 and 3 seeds.

    Raises:
        ValueError: there is no such way.
    """
    rounds: list[Round] = []
    for way in ways:
        name, _, only = way.partition(":")
        if name not in WAYS:
            raise ValueError(f"there is no way {name!r} to fine-tune; there are {', '.join(WAYS)}")
        count, _, own_seeds = only.partition("x")
        counts = (int(count),) if count else corrections
        rounds += [Round(name, one, seed) for one in counts for seed in range(int(own_seeds or seeds))]
    return rounds


def simulate_table(
    entry: CheckpointEntry,
    rows: Sequence[Row],
    replay: Features,
    site: str,
    rounds: Sequence[Round],
    *,
    tests: int,
    source: int,
    on_progress: OnProgress,
    on_table: OnTable = lambda table: None,
) -> dict[str, Any]:
    """For each way and each number of corrections: gain on the site, change on the source tests, over all seeds.

    At most `tests` scans of the site and `source` of the source sets are scored. Corrections are drawn anew for each
    seed, and are the same for all ways but `queue`. `on_table` takes the table so far.
    """
    parent = checkpoint_parent(entry)
    pool, others = parted(rows, site)
    tested = {"site": as_tests(others, tests), "source": source_tests(rows, source)}
    encoder = Encoder(parent.network, entry)
    seen = {name: seen_once(encoder, scans) for name, scans in tested.items()}
    before = {name: scores_of(parent.network, entry.least_presence, views) for name, views in seen.items()}
    table: dict[str, Any] = {"before": {name: bootstrap_mean(scores) for name, scores in before.items()}}
    lines: dict[str, list[dict[str, float]]] = {}
    value = Value(parent.network, entry, pool) if any(one.way == QUEUE for one in rounds) else None
    for done, one in enumerate(rounds):
        if value is not None and one.way == QUEUE:
            drawn = value.first(one.count, one.seed)
        else:
            drawn = np.random.default_rng(one.seed).permutation(len(pool))[: one.count].tolist()
        corrections, settings = [as_correction(pool[i]) for i in drawn], replace(WAYS[one.way], seed=one.seed)
        started, line = time.monotonic(), dict[str, float]()
        if one.way == WHOLE:
            replayed = [as_correction(row) for row in spread_over_sets(train_rows(rows), ReplayConfig().scans, 0)]
            network = learn_whole(parent.network, entry, corrections, replayed, WholeConfig(settings))
            line["seconds"] = time.monotonic() - started
            its_encoder = Encoder(network, entry)
            its_seen = {name: seen_once(its_encoder, scans) for name, scans in tested.items()}
        else:
            made = learn(parent, Material(corrections), replay, FinetuneConfig(learn=settings))
            line["seconds"] = time.monotonic() - started
            line["passed"] = float(judge(made.scores, FinetuneConfig().gate)[0])
            network, its_seen = made.network, seen
        for name, views in its_seen.items():
            line[name] = float(np.mean(scores_of(network, entry.least_presence, views)) - np.mean(before[name]))
        key = f"{one.way}, {one.count} corrections"
        lines.setdefault(key, []).append(line)
        table[key] = _summary(lines[key])
        on_progress(done + 1, len(rounds))
        on_table(table)
    return table


def simulate_corrections(
    data: Annotated[Path, Option(help="folder with index.csv")],
    site: Annotated[str, Option(help="a set of role target, for example busbra")],
    checkpoint: str = Settings().checkpoint,
    corrections: Annotated[str, Option(help="comma between")] = "5,10,20,50",
    seeds: int = 5,
    ways: Annotated[
        str, Option(help="comma between; heads:10x3 is 10 corrections, 3 seeds")
    ] = "heads,no replay,decoder",
    tests: Annotated[int, Option(help="scans of the site to test on, at most")] = 100,
    source_tests: Annotated[int, Option(help="test scans of the source sets, at most")] = 40,
    replay: Annotated[Path | None, Option(help="default: what the project ships")] = None,
    out: Path = RESULTS_DIR,
) -> None:
    """What N corrections of an unseen site bring."""
    entry = find_entry(checkpoint)
    command = (
        f"python -m training simulate-corrections --data FOLDER --site {site} --corrections {corrections} "
        f"--seeds {seeds} --ways '{ways}' --tests {tests} --source-tests {source_tests}"
    )
    write = table_writer(f"finetune_{site}", "finetune", provenance(entry, command), out)
    rounds = rounds_of(parts_of(ways), [int(one) for one in parts_of(corrections)], seeds)
    rows, features = read_index(data), load_replay(entry, replay)
    shown = {"on_progress": Bar("rounds"), "on_table": write}
    table = simulate_table(entry, rows, features, site, rounds, tests=tests, source=source_tests, **shown)
    say(write(table).read_text(encoding="utf-8"))


def parts_of(text: str) -> tuple[str, ...]:
    """What stands between the commas."""
    return tuple(part.strip() for part in text.split(","))


def table_writer(name: str, key: str, made_by: Mapping[str, str], out: Path) -> Callable[[dict[str, Any]], Path]:
    """Writes a table as it grows."""
    return lambda table: write_report(name, {key: table}, made_by, out)


def checkpoint_parent(entry: CheckpointEntry) -> Parent:
    """The checkpoint itself, to start from."""
    return Parent(entry.name, entry, with_removal(load_network(entry)).to(memory_format=torch.channels_last))


def as_tests(rows: Sequence[Row], most: int) -> list[Correction]:
    """At most so many of `rows`, spread evenly, with nothing simulated into them."""
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int))
    return [replace(as_correction(rows[i]), modality=None) for i in chosen]


def source_tests(rows: Sequence[Row], most: int) -> list[Correction]:
    """Of the test scans of the source sets, lungs left out."""
    return as_tests(
        [row for row in rows if row.role == "source" and row.split == "test" and row.target != "lung"], most
    )


def seen_once(encoder: Encoder, scans: Sequence[Correction]) -> Views:
    """Each scan as it is, observed and with all that is detected removed."""
    return views_of(encoder, scans, 0, most=1)


def scores_of(network: CausalSegNetwork, least_presence: float, views: Views) -> list[float]:
    """Dice of each scan's adjusted mask, as the app answers."""
    return dice_of(network, views.features, views.asked, least_presence)


def peak_memory_gb() -> float:
    """The most that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _summary(lines: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    passed = [line["passed"] for line in lines if "passed" in line]
    return {
        "seeds": len(lines),
        "gain on the site": bootstrap_mean([line["site"] for line in lines]),
        "change on the source tests": bootstrap_mean([line["source"] for line in lines]),
        "let through by the gate": float(np.mean(passed)) if passed else None,
        "seconds": float(np.mean([line["seconds"] for line in lines])),
        "peak memory so far, GB": peak_memory_gb(),
    }


def _share_of(patient: str) -> float:
    return int(hashlib.sha256(patient.encode()).hexdigest()[:8], 16) / 16**8
