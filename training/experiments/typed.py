"""A confounder that was never in training, known by its text alone: does its switch give anything back?

    python -m training typed --data FOLDER --run RUN    # docs/results/typed.md

Five entries are left out of the dictionary while restorer and presence are learnt anew, from their start and for a
few epochs, over the observed pass of a checkpoint. Then each is typed by its label, as a person would,
and switched off in test scans that carry it. All five are left out of one training, so that none can stand in for
another; that is stricter than five trainings that leave out one each.

    recovery    as in `training.evaluate.faithfulness`, where damage is at least 0.03
    another's   the same, with the label of the next of the five typed instead: what of it is not owed to the words
    harm        Dice that the typed switch costs on the clean scan
    detection   AUROC of the typed entry's z_k, simulated against clean
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import typer

from causalseg.annotations import dice
from causalseg.causal.dictionary import Confounder, load_dictionary
from causalseg.causal.recovery import LEAST_DAMAGE
from causalseg.engine import EncodedScan, Engine
from training.data import Row, load_mask, load_squares, read_index, train_rows
from training.data.labels import label_folders, labels_of, read_labels
from training.evaluate.commands import Cache, Data, Out, Run
from training.evaluate.faithfulness import Protocol, recovery, rows_for, twin_seed
from training.evaluate.measures import auroc, bootstrap_mean, bootstrap_ratio
from training.evaluate.report import RESULTS_DIR, provenance, write_report
from training.evaluate.scans import Groups, OnProgress, as_scan, evaluation_rows, no_progress, reported
from training.experiments.causal_core import learn_causal_core
from training.progress import Bar
from training.runs import architecture_of, observed_alone, save_architecture
from training.stages.detect import DetectSettings
from training.stages.release import chosen_entry
from training.stages.restore import RestoreSettings

LEFT_OUT = ("motion_blur", "over_exposure", "speckle", "wires", "ghosting")
"""Of different families, and each does damage (docs/results/faithfulness.md)."""
PER_SET = {"kvasir": 300, "busi": 350, "isic": 250, "qata": 350, "btmri": 450, "covidct": 150}
"""Scans drawn of a set in one epoch: about a third of what the recipe's stages draw."""


def typed(
    data: Data,
    run: Run,
    start: Annotated[str, typer.Option("--from", help="Run or checkpoint: its observed pass.")] = "causalseg-lite",
    restore_epochs: int = 8,
    detect_epochs: int = 3,
    cache: Cache = Path("runs/squares"),
    out: Out = RESULTS_DIR,
) -> None:
    """Leave five confounders out of training, then type their names."""
    rows, architecture = read_index(data), architecture_of(start)
    save_architecture(run, architecture)
    torch.manual_seed(0)
    network = observed_alone(start).to(memory_format=torch.channels_last)
    side = architecture.input_side_px
    learnt_from = train_rows(rows)
    squares = load_squares(learnt_from, side, cache, on_progress=Bar("squash"))
    labels = labels_of(learnt_from, read_labels(label_folders(data)), data)
    restore = RestoreSettings(epochs=restore_epochs, draws=PER_SET)
    detect = DetectSettings(epochs=detect_epochs, draws=PER_SET)
    learn_causal_core(network, squares, labels, known_entries(), restore, detect, run)
    network.eval().requires_grad_(requires_grad=False)
    val = load_squares([row for row in rows if row.role == "source" and row.split == "val"], side, cache)
    engine = Engine(network, chosen_entry("left out", network, val, architecture))
    tables = typed_tables(engine, evaluation_rows(rows), Protocol(), Bar("typed"))
    passes = f"--restore-epochs {restore_epochs} --detect-epochs {detect_epochs}"
    command = f"python -m training typed --data FOLDER --run RUN --from {start} {passes}"
    write_report("typed", tables, provenance(None, command), out)


def known_entries() -> tuple[Confounder, ...]:
    """The dictionary without those that are left out."""
    return tuple(entry for entry in load_dictionary() if entry.id not in LEFT_OUT)


def typed_tables(
    engine: Engine, groups: Groups, protocol: Protocol, on_progress: OnProgress = no_progress
) -> dict[str, Any]:
    """A row for each entry that was left out and applies to one of the sets, and what they come to together."""
    entries = {entry.id: entry for entry in engine.confounders}
    twins: dict[str, pd.DataFrame] = {}
    for name, following in reported([*zip(LEFT_OUT, (*LEFT_OUT[1:], LEFT_OUT[0]), strict=True)], on_progress):
        rows = enumerate(rows_for(entries[name], groups, protocol.scans))
        other = entries[following].label
        if scores := [_scores(engine, entries[name], other, row, protocol, index) for index, row in rows]:
            twins[name] = pd.DataFrame(scores)
    return {"typed": {name: _summary(own) for name, own in twins.items()}, "typed together": _together(twins)}


def _scores(
    engine: Engine, entry: Confounder, other: str, row: Row, protocol: Protocol, index: int
) -> dict[str, float]:
    scan, mask = as_scan(row), load_mask(row.mask)

    def score(encoded: EncodedScan, label: str | None = None) -> float:
        remove = None if label is None else [label]
        return dice(engine.segment(encoded, row.target, remove=remove).mask, mask)

    clean = engine.encode(scan)
    spoilt = engine.encode(engine.add(scan, entry.id, protocol.strength, twin_seed(protocol, index)))
    spoilt_typed, clean_typed = engine.look_for(spoilt, entry.label), engine.look_for(clean, entry.label)
    observed, clean_dice = score(spoilt), score(clean)
    return {
        "damage": clean_dice - observed,
        "regained": score(spoilt_typed, entry.label) - observed,
        "regained_by_another": score(engine.look_for(spoilt, other), other) - observed,
        "harm": clean_dice - score(clean_typed, entry.label),
        "strength_with": spoilt_typed.strength[entry.label],
        "strength_without": clean_typed.strength[entry.label],
    }


def _summary(twins: pd.DataFrame) -> dict[str, Any]:
    own, other = (recovery(twins["damage"], twins[name]) for name in ("regained", "regained_by_another"))
    return {
        "scans": len(twins),
        "damage": own["damage"],
        "recovery": own["recovery"],
        "recovery by another's name": other["recovery"],
        "harm to clean": bootstrap_mean(twins["harm"]),
        "detection AUROC": auroc(twins["strength_with"], twins["strength_without"]),
    }


def _together(twins: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Recovery of all damage of those that do any, twins of all of them resampled together."""
    scored = [own for own in twins.values() if np.mean(own["damage"]) >= LEAST_DAMAGE]
    if not scored:
        return {"scored": 0}
    everything = pd.concat(scored)
    return {
        "scored": len(scored),
        "mean recovery": float(np.mean([np.sum(own["regained"]) / np.sum(own["damage"]) for own in scored])),
        "recovery of all damage": bootstrap_ratio(everything["regained"], everything["damage"]),
        "the same by another's name": bootstrap_ratio(everything["regained_by_another"], everything["damage"]),
    }
