"""A confounder that was never in training, known by its text alone: does its switch give anything back?

Five entries are left out of the dictionary while presence and removal are learnt anew, from their start, over the
observed pass of a checkpoint that never saw a simulated confounder. Then each is typed by its label, as a person would,
and switched off in test scans that carry it. All five are left out of one training, so that none can stand in for
another; that is stricter than five trainings that leave out one each.

    recovery    as in `training.evaluate.faithfulness`, where damage is at least 0.03
    another's   the same, with the label of the next of the five typed instead: what of it is not owed to the words
    harm        Dice that the typed switch costs on the clean scan
    detection   AUROC of the typed entry's z_k, simulated against clean
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from causalseg.annotations import dice
from causalseg.causal.dictionary import Confounder, load_dictionary
from causalseg.causal.recovery import LEAST_DAMAGE
from causalseg.engine import EncodedScan, Engine
from training.data import Row, load_mask, load_squares, read_index, train_rows
from training.evaluate.faithfulness import Protocol, rows_for, twin_seed
from training.evaluate.measures import auroc, bootstrap_mean, bootstrap_ratio
from training.evaluate.report import RESULTS_DIR, commit_of_code, write_report
from training.evaluate.scans import as_scan, evaluation_rows
from training.loop import learn
from training.progress import Bar
from training.runs import architecture_of, observed_alone, save_architecture
from training.stages.intervene import InterveneSettings, InterveneTrainer
from training.stages.release import chosen_entry

LEFT_OUT = ("motion_blur", "over_exposure", "speckle", "side_marker_wires", "ghosting")
"""Of different families, and each does damage (docs/results/faithfulness.md)."""
PER_SET = {"kvasir": 300, "busi": 350, "isic": 250, "qata": 350, "btmri": 450, "covidct": 150}
"""Scans drawn of a set in one epoch: half of what the release's stage draws."""

OnProgress = Callable[[int, int], object]


@dataclass(slots=True)
class _Scores:
    """One list entry a twin."""

    damage: list[float] = field(default_factory=list)
    regained: list[float] = field(default_factory=list)
    regained_by_another: list[float] = field(default_factory=list)
    harm: list[float] = field(default_factory=list)
    strength_with: list[float] = field(default_factory=list)
    strength_without: list[float] = field(default_factory=list)


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Put `typed` among the other commands."""
    parser = commands.add_parser("typed", parents=[shared], help="leave five confounders out, then type their names")
    parser.add_argument("--run", type=Path, required=True, help="folder of the training; made, or resumed")
    parser.add_argument("--from", dest="parent", default="causalseg-lite", help="run or checkpoint: its observed pass")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS_DIR)
    parser.set_defaults(command=_typed)


def _typed(options: argparse.Namespace) -> None:
    rows, architecture = read_index(options.data), architecture_of(options.parent)
    save_architecture(options.run, architecture)
    torch.manual_seed(0)
    network = observed_alone(options.parent).to(memory_format=torch.channels_last)
    side = architecture.input_side_px
    squares = load_squares(train_rows(rows), side, options.cache, on_progress=Bar("squash"))
    rates = {"presence": 8e-4, "intervention": 8e-4}
    if network.stages_under_do is not None:
        rates["stages_under_do"] = 2e-4
    settings = InterveneSettings(epochs=options.epochs, draws=PER_SET, rates=rates)
    learn(InterveneTrainer(network, squares, settings, known_entries()), options.run)
    network.eval().requires_grad_(requires_grad=False)
    val = load_squares([row for row in rows if row.role == "source" and row.split == "val"], side, options.cache)
    engine = Engine(network, chosen_entry("left out", network, val, architecture))
    tables = typed_tables(engine, evaluation_rows(rows), Protocol(), Bar("typed"))
    command = f"python -m training typed --data FOLDER --run RUN --from {options.parent} --epochs {options.epochs}"
    write_report("typed", tables, {"commit": commit_of_code(), "command": command}, options.out)


def known_entries() -> tuple[Confounder, ...]:
    """The dictionary without those that are left out."""
    return tuple(entry for entry in load_dictionary() if entry.id not in LEFT_OUT)


def typed_tables(
    engine: Engine,
    groups: dict[str, list[Row]],
    protocol: Protocol,
    on_progress: OnProgress = lambda done, total: None,
) -> dict[str, Any]:
    """A row for each entry that was left out and applies to one of the sets, and what they come to together."""
    entries = {entry.id: entry for entry in engine.confounders}
    scores: dict[str, _Scores] = {}
    for done, name in enumerate(LEFT_OUT):
        other = entries[LEFT_OUT[(done + 1) % len(LEFT_OUT)]]
        scores[name] = _scores(engine, entries[name], other.label, groups, protocol)
        on_progress(done + 1, len(LEFT_OUT))
    asked = {name: own for name, own in scores.items() if own.damage}
    return {"typed": {name: _summary(own) for name, own in asked.items()}, "typed together": _together(asked)}


def _scores(engine: Engine, entry: Confounder, other: str, groups: dict[str, list[Row]], protocol: Protocol) -> _Scores:
    scores = _Scores()
    for index, row in enumerate(rows_for(entry, groups, protocol.scans)):
        scan, mask = as_scan(row), load_mask(row.mask)
        spoilt = engine.encode(engine.add(scan, entry.id, protocol.strength, twin_seed(protocol, index)))
        clean = engine.encode(scan)
        spoilt_typed, clean_typed = engine.look_for(spoilt, entry.label), engine.look_for(clean, entry.label)
        clean_dice, observed = _dice(engine, clean, row, mask), _dice(engine, spoilt, row, mask)
        scores.damage.append(clean_dice - observed)
        scores.regained.append(_dice(engine, spoilt_typed, row, mask, entry.label) - observed)
        scores.regained_by_another.append(_dice(engine, engine.look_for(spoilt, other), row, mask, other) - observed)
        scores.harm.append(clean_dice - _dice(engine, clean_typed, row, mask, entry.label))
        scores.strength_with.append(spoilt_typed.strength[entry.label])
        scores.strength_without.append(clean_typed.strength[entry.label])
    return scores


def _dice(engine: Engine, encoded: EncodedScan, row: Row, mask: Any, typed: str | None = None) -> float:
    """Dice of the observed mask, or of the one without what was typed and looked for."""
    remove = None if typed is None else [typed]
    return dice(engine.segment(encoded, row.target, remove=remove).mask, mask)


def _summary(scores: _Scores) -> dict[str, Any]:
    damage = bootstrap_mean(scores.damage)
    has_damage = damage.mean >= LEAST_DAMAGE
    return {
        "scans": damage.count,
        "damage": damage,
        "recovery": bootstrap_ratio(scores.regained, scores.damage) if has_damage else None,
        "recovery by another's name": bootstrap_ratio(scores.regained_by_another, scores.damage)
        if has_damage
        else None,
        "harm to clean": bootstrap_mean(scores.harm),
        "detection AUROC": auroc(scores.strength_with, scores.strength_without),
    }


def _together(scores: Mapping[str, _Scores]) -> dict[str, Any]:
    """Recovery of all damage of those that do any, twins of all of them resampled together."""
    scored = [own for own in scores.values() if bootstrap_mean(own.damage).mean >= LEAST_DAMAGE]
    if not scored:
        return {"scored": 0}
    damage = _joined([own.damage for own in scored])
    means = [bootstrap_ratio(own.regained, own.damage).mean for own in scored]
    return {
        "scored": len(scored),
        "mean recovery": sum(means) / len(means),
        "recovery of all damage": bootstrap_ratio(_joined([own.regained for own in scored]), damage),
        "the same by another's name": bootstrap_ratio(_joined([own.regained_by_another for own in scored]), damage),
    }


def _joined(lists: Sequence[list[float]]) -> list[float]:
    return [value for one in lists for value in one]
