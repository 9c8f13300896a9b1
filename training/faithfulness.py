"""Are the counterfactual masks right? Every switch scored against the scan it claims to restore.

x is a test scan, y its mask, x_k the scan with confounder k simulated at a known strength and seed, f(x, S) the mask
with S removed. Definitions in `docs/evaluation.md`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from causalseg.causal.dictionary import Confounder
from causalseg.engine import EncodedScan, Engine
from training.data import Row, load_mask
from training.evaluate import as_scan
from training.measures import auroc, bootstrap_mean, dice, moved_area

OnProgress = Callable[[int, int], object]
LEAST_DAMAGE = 0.03
"""Damage from which recovery is scored: below it the true counterfactual is "no change"."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How the twins of the evaluation are drawn."""

    scans: int = 60
    """A confounder, spread evenly over the sets it applies to."""
    strength: float = 0.8
    seed: int = 7


@dataclass(slots=True, eq=False)
class _Case:
    """A clean test scan with what does not depend on the confounder."""

    row: Row
    mask: np.ndarray
    encoded: EncodedScan
    clean: np.ndarray
    clean_dice: float


@dataclass(slots=True)
class _Scores:
    """One list entry a twin."""

    damage: list[float] = field(default_factory=list)
    regained: list[float] = field(default_factory=list)
    twin_observed: list[float] = field(default_factory=list)
    twin_removed: list[float] = field(default_factory=list)
    adjusted_gain: list[float] = field(default_factory=list)
    off_target: list[float] = field(default_factory=list)
    null_effect: list[float] = field(default_factory=list)
    harm: list[float] = field(default_factory=list)
    strength_with: list[float] = field(default_factory=list)
    strength_without: list[float] = field(default_factory=list)


def faithfulness_table(
    engine: Engine,
    groups: dict[str, list[Row]],
    protocol: Protocol,
    on_progress: OnProgress = lambda done, total: None,
) -> dict[str, Any]:
    """Damage, recovery, twin agreement, off-target change, null effect, harm and detection of every confounder."""
    cases: dict[str, _Case] = {}
    table: dict[str, Any] = {}
    simulated = [entry for entry in engine.confounders if entry.simulator]
    for done, entry in enumerate(simulated):
        scores = _Scores()
        rng = np.random.default_rng([protocol.seed, done])
        for index, row in enumerate(_rows_for(entry, groups, protocol.scans)):
            key = str(row.image) + row.target
            case = cases.setdefault(key, _clean_case(engine, row))
            _score_twin(engine, case, entry, protocol, index, rng, scores)
        table[entry.id] = _summary(scores)
        on_progress(done + 1, len(simulated))
    return {"protocol": protocol, "confounders": table, "total": _total(table)}


def _rows_for(entry: Confounder, groups: dict[str, list[Row]], count: int) -> list[Row]:
    fitting = [
        [row for row in rows if row.text]
        for rows in groups.values()
        if rows[0].role == "source" and rows[0].modality in entry.modalities and rows[0].target != "lung"
    ]
    each = -(-count // len(fitting))
    return [row for rows in fitting for row in rows[:: max(len(rows) // each, 1)][:each]]


def _clean_case(engine: Engine, row: Row) -> _Case:
    encoded, mask = engine.encode(as_scan(row)), load_mask(row.mask)
    clean = engine.segment(encoded, row.target, remove=None).mask
    return _Case(row, mask, encoded, clean, dice(clean, mask))


def _score_twin(
    engine: Engine,
    case: _Case,
    entry: Confounder,
    protocol: Protocol,
    index: int,
    rng: np.random.Generator,
    scores: _Scores,
) -> None:
    text, k = case.row.target, entry.id
    spoilt = engine.encode(engine.add(case.encoded.scan, k, protocol.strength, protocol.seed * 1000 + index))
    observed = engine.segment(spoilt, text, remove=None).mask
    restored = engine.segment(spoilt, text, remove=[k]).mask
    adjusted = engine.segment(spoilt, text).mask
    other = str(rng.choice([name for name in spoilt.strength if name != k]))
    beside = engine.segment(spoilt, text, remove=[other]).mask
    needless = engine.segment(case.encoded, text, remove=[k]).mask
    observed_dice = dice(observed, case.mask)
    scores.damage.append(case.clean_dice - observed_dice)
    scores.regained.append(dice(restored, case.mask) - observed_dice)
    scores.twin_observed.append(dice(observed, case.clean))
    scores.twin_removed.append(dice(restored, case.clean))
    scores.adjusted_gain.append(dice(adjusted, case.mask) - observed_dice)
    scores.off_target.append(moved_area(beside, observed, case.clean))
    scores.null_effect.append(moved_area(needless, case.clean, case.clean))
    scores.harm.append(case.clean_dice - dice(needless, case.mask))
    scores.strength_with.append(spoilt.strength[k])
    scores.strength_without.append(case.encoded.strength[k])


def _summary(scores: _Scores) -> dict[str, Any]:
    damage = bootstrap_mean(scores.damage)
    regained = float(np.mean(scores.regained))
    return {
        "scans": damage.count,
        "damage": damage,
        "recovery": regained / damage.mean if damage.mean >= LEAST_DAMAGE else None,
        "regained": bootstrap_mean(scores.regained),
        "twin_observed": bootstrap_mean(scores.twin_observed),
        "twin_removed": bootstrap_mean(scores.twin_removed),
        "adjusted_gain": bootstrap_mean(scores.adjusted_gain),
        "off_target": bootstrap_mean(scores.off_target),
        "null_effect": bootstrap_mean(scores.null_effect),
        "harm_to_clean": bootstrap_mean(scores.harm),
        "detection_auroc": auroc(scores.strength_with, scores.strength_without),
    }


def _total(table: dict[str, Any]) -> dict[str, Any]:
    scored = [row for row in table.values() if row["recovery"] is not None]
    lost = sum(row["damage"].mean for row in scored)
    return {
        "confounders scored": len(scored),
        "recovered 30 % or more": sum(row["recovery"] >= 0.3 for row in scored),
        "recovery of all damage": sum(row["regained"].mean for row in scored) / lost if lost else None,
        "largest harm to clean scans": max(row["harm_to_clean"].mean for row in table.values()),
        "mean detection AUROC": float(np.mean([row["detection_auroc"] for row in table.values()])),
    }


def recovered_ids(table: dict[str, Any], least: float) -> Sequence[str]:
    """Ids of the confounders whose recovery is scored and at least `least`."""
    return [name for name, row in table["confounders"].items() if (row["recovery"] or 0) >= least]
