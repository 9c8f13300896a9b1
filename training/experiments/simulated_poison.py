"""Corrections that are wrong in one way, drawn many times: how many draws are refused before anything is learnt."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from jaxtyping import Bool
from scipy.ndimage import shift
from typer import Option

from causalseg.checkpoints import CheckpointEntry, find_entry
from causalseg.settings import Settings
from training.data import Row, read_index
from training.evaluate.report import RESULTS_DIR, provenance
from training.experiments.simulated_corrections import (
    as_tests,
    checkpoint_parent,
    parted,
    parts_of,
    seen_once,
    table_writer,
)
from training.finetune.cli import say
from training.finetune.corrections import Correction, Material, doubts
from training.finetune.features import Encoder, Features
from training.finetune.learn import LearnConfig
from training.finetune.replay import load_replay
from training.finetune.run import FinetuneConfig, Parent, learn
from training.finetune.scores import judge, predicted
from training.progress import Bar

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
    sites: Sequence[str],
    *,
    draws: int,
    corrections: int,
    seed: int,
    most_scans: int,
    learnt: int,
    unchecked: int,
    on_progress: OnProgress,
    on_table: OnTable = lambda table: None,
) -> dict[str, dict[str, Any]]:
    """A line for each site and kind: draws refused by the checks, and what the gate makes of those that are not.

    Of the draws that the checks let through, `learnt` a line are learnt from and judged by the gate; with
    `unchecked` that many draws are judged whatever the checks say, to see what the gate alone would do.
    """
    parent = checkpoint_parent(entry)
    encoder = Encoder(parent.network, entry)
    table: dict[str, dict[str, Any]] = {}
    for number, site in enumerate(sites):
        scans = as_tests(parted(rows, site)[0], most_scans)
        views = seen_once(encoder, scans)
        masks = views.features.masks[views.asked]
        seen = predicted(parent.network, views.features, views.asked, None)
        for kind in KINDS:
            rng, passed = np.random.default_rng(seed), list[list[int]]()
            chosen = [rng.permutation(len(scans))[:corrections].tolist() for _ in range(draws)]
            for drawn in chosen:
                wrong = np.stack(poisoned([masks[i] for i in drawn], kind, rng))
                if not doubts(wrong, seen[drawn]):
                    passed.append(drawn)
            judged = chosen[:unchecked] if unchecked else passed[:learnt]
            verdicts = [] if kind == "right" else [_gate(parent, replay, scans, masks, kind, one) for one in judged]
            table[f"{site}, {kind}"] = {
                "draws": draws,
                "refused before learning": draws - len(passed),
                "put before the gate": len(verdicts),
                "stopped by the gate": verdicts.count(False),
            }
            on_table(table)
        on_progress(number + 1, len(sites))
    return table


def simulate_poison(
    data: Annotated[Path, Option(help="folder with index.csv")],
    checkpoint: str = Settings().checkpoint,
    sites: Annotated[str, Option(help="comma between")] = "clinicdb,bkai,busbra,lgg",
    corrections: Annotated[int, Option(help="of one fine-tuning")] = 10,
    seed: int = 0,
    replay: Annotated[Path | None, Option(help="default: what the project ships")] = None,
    out: Path = RESULTS_DIR,
    draws: Annotated[int, Option(help="of each site and kind")] = 40,
    scans: Annotated[int, Option(help="of each site to draw from, at most")] = 60,
    learnt: Annotated[int, Option(help="draws a line that pass the checks and reach the gate")] = 1,
    unchecked: Annotated[int, Option(help="draws a line that reach the gate in any case")] = 0,
) -> None:
    """How many draws of wrong corrections are refused or stopped."""
    entry = find_entry(checkpoint)
    command = (
        f"python -m training simulate-poison --data FOLDER --sites {sites} --corrections {corrections} --seed {seed} "
        f"--draws {draws} --scans {scans} --learnt {learnt} --unchecked {unchecked}"
    )
    name = "finetune_poison_unchecked" if unchecked else "finetune_poison"
    write = table_writer(name, "poison", provenance(entry, command), out)
    table = poison_table(
        entry,
        read_index(data),
        load_replay(entry, replay),
        parts_of(sites),
        draws=draws,
        corrections=corrections,
        seed=seed,
        most_scans=scans,
        learnt=learnt,
        unchecked=unchecked,
        on_progress=Bar("poison"),
        on_table=write,
    )
    say(write(table).read_text(encoding="utf-8"))


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
