"""Are the counterfactual masks right? Every switch scored against the scan it claims to restore.

x is a test scan, y its mask, x_k the scan with confounder k simulated at a known strength and seed, f(x, S) the mask
with S removed.

    damage            Dice(f(x), y) - Dice(f(x_k), y)
    recovery          (Dice(f(x_k, {k}), y) - Dice(f(x_k), y)) / damage, where damage is at least 0.03
    twin agreement    Dice(f(x_k, {k}), f(x)), beside Dice(f(x_k), f(x))
    adjusted gain     Dice of the adjusted mask on x_k, less Dice(f(x_k), y)
    off-target        area that removing another confounder moves on x_k, over the area of f(x)
    null effect       area that removing k moves on the clean x, over the area of f(x)
    harm              Dice that removing k from the clean x costs
    effectiveness,    projection of the probabilities' change on the change that was needed, and what was done
    amplification     besides (TEA, MICCAI 2025); ideal 1 and 0
    detection         AUROC of z_k, simulated against clean
    localisation      share of local confounders whose a_k peaks inside the true region
    strength          rank correlation of z_k with the simulated strength

Removing twice is removing once, and the order does not matter, by construction: what is removed is a set.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from causalseg.annotations import dice
from causalseg.causal.dictionary import Confounder
from causalseg.causal.recovery import LEAST_DAMAGE, PARTLY_FROM
from causalseg.causal.simulate import simulate
from causalseg.engine import EncodedScan, Engine, Segmentation
from training.data import Row, load_mask
from training.evaluate.measures import Mean, auroc, bootstrap_mean, bootstrap_ratio, moved_area, projection
from training.evaluate.segmentation import as_scan

OnProgress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class Protocol:
    """How the twins of the evaluation are drawn."""

    scans: int = 60
    """A confounder, spread evenly over the sets it applies to."""
    strength: float = 0.8
    seed: int = 7
    ladder: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8, 1.0)
    """Strengths for the rank correlation."""
    ladder_scans: int = 8


@dataclass(slots=True, eq=False)
class _Case:
    """A clean test scan with what does not depend on the confounder."""

    row: Row
    mask: np.ndarray
    encoded: EncodedScan
    clean: Segmentation
    clean_dice: float


@dataclass(slots=True)
class _Scores:
    """One list entry a twin, but where something was not to be measured on it."""

    modality: list[str] = field(default_factory=list)
    damage: list[float] = field(default_factory=list)
    regained: list[float] = field(default_factory=list)
    observed_dice: list[float] = field(default_factory=list)
    adjusted_dice: list[float] = field(default_factory=list)
    twin_observed: list[float] = field(default_factory=list)
    twin_removed: list[float] = field(default_factory=list)
    adjusted_gain: list[float] = field(default_factory=list)
    off_target: list[float] = field(default_factory=list)
    null_effect: list[float] = field(default_factory=list)
    harm: list[float] = field(default_factory=list)
    effectiveness: list[float] = field(default_factory=list)
    amplification: list[float] = field(default_factory=list)
    strength_with: list[float] = field(default_factory=list)
    strength_without: list[float] = field(default_factory=list)
    peak_inside: list[float] = field(default_factory=list)
    strength_order: list[float] = field(default_factory=list)


def faithfulness_table(
    engine: Engine,
    groups: dict[str, list[Row]],
    protocol: Protocol,
    on_progress: OnProgress = lambda done, total: None,
) -> dict[str, Any]:
    """Every measure of this module for every confounder, over all scans and by modality."""
    cases: dict[str, _Case] = {}
    table: dict[str, Any] = {}
    simulated = [entry for entry in engine.confounders if entry.simulator]
    for done, entry in enumerate(simulated):
        scores = _Scores()
        rng = np.random.default_rng([protocol.seed, done])
        rows = rows_for(entry, groups, protocol.scans)
        for index, row in enumerate(rows):
            key = str(row.image) + row.target
            if key not in cases:
                cases[key] = _clean_case(engine, row)
            _score_twin(engine, cases[key], entry, protocol, index, rng, scores)
        for row in rows[:: max(len(rows) // protocol.ladder_scans, 1)]:
            scores.strength_order.append(_strength_order(engine, cases[str(row.image) + row.target], entry, protocol))
        table[entry.id] = _summary(scores)
        on_progress(done + 1, len(simulated))
    return {"protocol": protocol, "confounders": table, "total": _total(table)}


def rows_for(entry: Confounder, groups: dict[str, list[Row]], count: int) -> list[Row]:
    """Described scans of the source sets that the confounder applies to, if any; about `count`, evenly spaced."""
    fitting = [
        [row for row in rows if row.text]
        for rows in groups.values()
        if rows[0].role == "source" and rows[0].modality in entry.modalities and rows[0].target != "lung"
    ]
    each = -(-count // max(len(fitting), 1))
    return [row for rows in fitting for row in rows[:: max(len(rows) // each, 1)][:each]]


def twin_seed(protocol: Protocol, index: int) -> int:
    """What the confounder of the `index`-th twin is drawn with."""
    return protocol.seed * 1000 + index


def _clean_case(engine: Engine, row: Row) -> _Case:
    encoded, mask = engine.encode(as_scan(row)), load_mask(row.mask)
    clean = engine.segment(encoded, row.target, remove=None)
    return _Case(row, mask, encoded, clean, dice(clean.mask, mask))


def _score_twin(
    engine: Engine,
    case: _Case,
    entry: Confounder,
    protocol: Protocol,
    index: int,
    rng: np.random.Generator,
    scores: _Scores,
) -> None:
    text, k, seed = case.row.target, entry.id, twin_seed(protocol, index)
    spoilt = engine.encode(engine.add(case.encoded.scan, k, protocol.strength, seed))
    observed = engine.segment(spoilt, text, remove=None)
    restored = engine.segment(spoilt, text, remove=[k])
    adjusted = engine.segment(spoilt, text).mask
    other = str(rng.choice([name for name in spoilt.strength if name != k]))
    beside = engine.segment(spoilt, text, remove=[other]).mask
    needless = engine.segment(case.encoded, text, remove=[k]).mask
    clean, observed_dice = case.clean, dice(observed.mask, case.mask)
    scores.modality.append(case.row.modality)
    scores.damage.append(case.clean_dice - observed_dice)
    scores.regained.append(dice(restored.mask, case.mask) - observed_dice)
    scores.observed_dice.append(observed_dice)
    scores.adjusted_dice.append(dice(adjusted, case.mask))
    scores.twin_observed.append(dice(observed.mask, clean.mask))
    scores.twin_removed.append(dice(restored.mask, clean.mask))
    scores.adjusted_gain.append(dice(adjusted, case.mask) - observed_dice)
    scores.off_target.append(moved_area(beside, observed.mask, clean.mask))
    scores.null_effect.append(moved_area(needless, clean.mask, clean.mask))
    scores.harm.append(case.clean_dice - dice(needless, case.mask))
    change = projection(restored.probability - observed.probability, clean.probability - observed.probability)
    if change is not None:
        scores.effectiveness.append(change[0])
        scores.amplification.append(change[1])
    scores.strength_with.append(spoilt.strength[k])
    scores.strength_without.append(case.encoded.strength[k])
    if entry.scope == "local":
        region = simulate(case.encoded.scan.image_u8, entry.simulator or "", strength=protocol.strength, seed=seed)
        scores.peak_inside.append(_peak_is_inside(engine, spoilt, entry, region.region))


def _peak_is_inside(engine: Engine, spoilt: EncodedScan, entry: Confounder, region: np.ndarray) -> float:
    """Whether the cell where a_k is largest touches the region that was changed."""
    where = spoilt.evidence.maps[0][[known.id for known in engine.confounders].index(entry.id)].numpy()
    row, column = np.unravel_index(int(where.argmax()), where.shape)
    high, wide = region.shape[0] / where.shape[0], region.shape[1] / where.shape[1]
    cell = region[
        int(row * high) : int(np.ceil((row + 1) * high)), int(column * wide) : int(np.ceil((column + 1) * wide))
    ]
    return float(cell.any())


def _strength_order(engine: Engine, case: _Case, entry: Confounder, protocol: Protocol) -> float:
    """Rank correlation of z_k with the strengths of the ladder, one scan and one seed."""
    spoilt = [engine.add(case.encoded.scan, entry.id, strength, protocol.seed) for strength in protocol.ladder]
    seen = [engine.encode(scan).strength[entry.id] for scan in spoilt]
    return float(np.asarray(spearmanr(protocol.ladder, seen))[0])


def _summary(scores: _Scores) -> dict[str, Any]:
    return {
        **_recovery(scores.damage, scores.regained),
        "observed_dice": bootstrap_mean(scores.observed_dice),
        "adjusted_dice": bootstrap_mean(scores.adjusted_dice),
        "twin_observed": bootstrap_mean(scores.twin_observed),
        "twin_removed": bootstrap_mean(scores.twin_removed),
        "adjusted_gain": bootstrap_mean(scores.adjusted_gain),
        "off_target": bootstrap_mean(scores.off_target),
        "null_effect": bootstrap_mean(scores.null_effect),
        "harm_to_clean": bootstrap_mean(scores.harm),
        "effectiveness": float(np.median(scores.effectiveness)) if scores.effectiveness else None,
        "amplification": float(np.median(scores.amplification)) if scores.amplification else None,
        "detection_auroc": auroc(scores.strength_with, scores.strength_without),
        "localised": float(np.mean(scores.peak_inside)) if scores.peak_inside else None,
        "strength_order": float(np.nanmean(scores.strength_order)),
        "by_modality": {
            modality: _recovery(*_of_modality(scores, modality)) for modality in sorted(set(scores.modality))
        },
    }


def _of_modality(scores: _Scores, modality: str) -> tuple[list[float], list[float]]:
    mine = [i for i, name in enumerate(scores.modality) if name == modality]
    return [scores.damage[i] for i in mine], [scores.regained[i] for i in mine]


def _recovery(damage: list[float], regained: list[float]) -> dict[str, Any]:
    mean = bootstrap_mean(damage)
    recovery: Mean | None = bootstrap_ratio(regained, damage) if mean.mean >= LEAST_DAMAGE else None
    return {"scans": mean.count, "damage": mean, "regained": bootstrap_mean(regained), "recovery": recovery}


def _total(table: dict[str, Any]) -> dict[str, Any]:
    scored = [row for row in table.values() if row["recovery"] is not None]
    lost = sum(row["damage"].mean for row in scored)
    located = [row["localised"] for row in table.values() if row["localised"] is not None]
    return {
        "confounders scored": len(scored),
        "recovered 30 % or more": sum(row["recovery"].mean >= PARTLY_FROM for row in scored),
        "mean recovery": float(np.mean([row["recovery"].mean for row in scored])) if scored else None,
        "recovery of all damage": sum(row["regained"].mean for row in scored) / lost if lost else None,
        "twin agreement gained on": sum(row["twin_removed"].mean > row["twin_observed"].mean for row in scored),
        "observed Dice on confounded scans": float(np.mean([row["observed_dice"].mean for row in table.values()])),
        "adjusted Dice on confounded scans": float(np.mean([row["adjusted_dice"].mean for row in table.values()])),
        "mean off-target change": float(np.mean([row["off_target"].mean for row in table.values()])),
        "mean null effect": float(np.mean([row["null_effect"].mean for row in table.values()])),
        "largest harm to clean scans": max(row["harm_to_clean"].mean for row in table.values()),
        "mean detection AUROC": float(np.mean([row["detection_auroc"] for row in table.values()])),
        "worst detection AUROC": min(row["detection_auroc"] for row in table.values()),
        "local maps that peak inside": float(np.mean(located)),
    }
