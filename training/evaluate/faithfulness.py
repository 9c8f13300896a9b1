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

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from causalseg.annotations import dice
from causalseg.causal.dictionary import Confounder
from causalseg.causal.recovery import LEAST_DAMAGE, PARTLY_FROM
from causalseg.causal.simulate import simulate
from causalseg.engine import EncodedScan, Engine, Segmentation
from causalseg.errors import CannotLearn
from training.data import Row, load_mask
from training.evaluate.measures import auroc, bootstrap_mean, bootstrap_ratio, moved_area, projection
from training.evaluate.scans import Groups, OnProgress, as_scan, no_progress, reported


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


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """A clean test scan with what does not depend on the confounder."""

    row: Row
    mask: np.ndarray
    encoded: EncodedScan
    clean: Segmentation
    clean_dice: float


def faithfulness_table(
    engine: Engine, groups: Groups, protocol: Protocol, on_progress: OnProgress = no_progress
) -> dict[str, Any]:
    """Every measure of this module for every confounder, over all scans and by modality.

    Raises:
        CannotLearn: the scans take no confounder.
    """
    cases: dict[str, _Case] = {}
    table: dict[str, Any] = {}
    simulated = [entry for entry in engine.confounders if entry.simulator]
    for number, entry in enumerate(reported(simulated, on_progress)):
        rng, rows = np.random.default_rng([protocol.seed, number]), rows_for(entry, groups, protocol.scans)
        for row in rows:
            if _key(row) not in cases:
                cases[_key(row)] = _clean_case(engine, row)
        twins = [
            _twin_scores(engine, cases[_key(row)], entry, protocol, twin_seed(protocol, index), rng)
            for index, row in enumerate(rows)
        ]
        on_ladder = rows[:: max(len(rows) // protocol.ladder_scans, 1)]
        order = [_strength_order(engine, cases[_key(row)], entry, protocol) for row in on_ladder]
        if twins:
            table[entry.id] = _summary(pd.DataFrame(twins), order)
    if not table:
        raise CannotLearn("No described scan of a source set takes a known confounder; give a folder with some.")
    return {"protocol": asdict(protocol), "confounders": table, "total": _total(table)}


def rows_for(entry: Confounder, groups: Groups, count: int) -> list[Row]:
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


def _key(row: Row) -> str:
    return str(row.image) + row.target


def _clean_case(engine: Engine, row: Row) -> _Case:
    encoded, mask = engine.encode(as_scan(row)), load_mask(row.mask)
    clean = engine.segment(encoded, row.target, remove=None)
    return _Case(row, mask, encoded, clean, dice(clean.mask, mask))


def _twin_scores(
    engine: Engine, case: _Case, entry: Confounder, protocol: Protocol, seed: int, rng: np.random.Generator
) -> dict[str, Any]:
    """The measures of one twin by name; not a number where something was not to be measured on it."""
    text, k, clean = case.row.target, entry.id, case.clean
    spoilt = engine.encode(engine.add(case.encoded.scan, k, protocol.strength, seed))
    observed = engine.segment(spoilt, text, remove=None)
    restored = engine.segment(spoilt, text, remove=[k])
    other = str(rng.choice([name for name in spoilt.strength if name != k]))
    beside = engine.segment(spoilt, text, remove=[other]).mask
    needless = engine.segment(case.encoded, text, remove=[k]).mask
    observed_dice, adjusted_dice = dice(observed.mask, case.mask), dice(engine.segment(spoilt, text).mask, case.mask)
    change = projection(restored.probability - observed.probability, clean.probability - observed.probability)
    return {
        "modality": case.row.modality,
        "damage": case.clean_dice - observed_dice,
        "regained": dice(restored.mask, case.mask) - observed_dice,
        "observed_dice": observed_dice,
        "adjusted_dice": adjusted_dice,
        "twin_observed": dice(observed.mask, clean.mask),
        "twin_removed": dice(restored.mask, clean.mask),
        "adjusted_gain": adjusted_dice - observed_dice,
        "off_target": moved_area(beside, observed.mask, clean.mask),
        "null_effect": moved_area(needless, clean.mask, clean.mask),
        "harm_to_clean": case.clean_dice - dice(needless, case.mask),
        "effectiveness": np.nan if change is None else change[0],
        "amplification": np.nan if change is None else change[1],
        "strength_with": spoilt.strength[k],
        "strength_without": case.encoded.strength[k],
        "localised": _peak_is_inside(engine, case, spoilt, entry, protocol, seed) if entry.scope == "local" else np.nan,
    }


def _peak_is_inside(
    engine: Engine, case: _Case, spoilt: EncodedScan, entry: Confounder, protocol: Protocol, seed: int
) -> float:
    """Whether the cell where a_k is largest touches the region that was changed."""
    image_u8 = case.encoded.scan.image_u8
    region = simulate(image_u8, entry.simulator or "", strength=protocol.strength, seed=seed).region
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


_MEANS = (
    "observed_dice", "adjusted_dice", "twin_observed", "twin_removed", "adjusted_gain", "off_target", "null_effect",
    "harm_to_clean",
)  # fmt: skip


def _summary(twins: pd.DataFrame, strength_order: list[float]) -> dict[str, Any]:
    return {
        **recovery(twins["damage"], twins["regained"]),
        **{name: bootstrap_mean(twins[name]) for name in _MEANS},
        **{name: _if_any(np.median, twins[name]) for name in ("effectiveness", "amplification")},
        "detection_auroc": auroc(twins["strength_with"], twins["strength_without"]),
        "localised": _if_any(np.mean, twins["localised"]),
        "strength_order": float(np.nanmean(strength_order)),
        "by_modality": {
            str(name): recovery(mine["damage"], mine["regained"]) for name, mine in twins.groupby("modality")
        },
    }


def _if_any(statistic: Callable[..., Any], values: Iterable[float]) -> float | None:
    """A statistic of what was measured; None where nothing was."""
    measured = [value for value in values if not np.isnan(value)]
    return float(statistic(measured)) if measured else None


def recovery(damage: Iterable[float], regained: Iterable[float]) -> dict[str, Any]:
    """Damage, what was regained of it, and their ratio, which is None below `LEAST_DAMAGE`."""
    mean = bootstrap_mean(damage)
    ratio = bootstrap_ratio(regained, damage) if mean.mean >= LEAST_DAMAGE else None
    return {"scans": mean.count, "damage": mean, "regained": bootstrap_mean(regained), "recovery": ratio}


def _total(table: dict[str, Any]) -> dict[str, Any]:
    scored = [row for row in table.values() if row["recovery"] is not None]
    lost = sum(row["damage"].mean for row in scored)
    means = {name: [row[name].mean for row in table.values()] for name in _MEANS}
    detection = [row["detection_auroc"] for row in table.values()]
    located = [row["localised"] for row in table.values() if row["localised"] is not None]
    return {
        "confounders scored": len(scored),
        "recovered 30 % or more": sum(row["recovery"].mean >= PARTLY_FROM for row in scored),
        "mean recovery": float(np.mean([row["recovery"].mean for row in scored])) if scored else None,
        "recovery of all damage": sum(row["regained"].mean for row in scored) / lost if lost else None,
        "twin agreement gained on": sum(row["twin_removed"].mean > row["twin_observed"].mean for row in scored),
        "observed Dice on confounded scans": float(np.mean(means["observed_dice"])),
        "adjusted Dice on confounded scans": float(np.mean(means["adjusted_dice"])),
        "mean off-target change": float(np.mean(means["off_target"])),
        "mean null effect": float(np.mean(means["null_effect"])),
        "largest harm to clean scans": max(means["harm_to_clean"]),
        "mean detection AUROC": float(np.mean(detection)),
        "worst detection AUROC": min(detection),
        "local maps that peak inside": float(np.mean(located)) if located else None,
    }
