"""Does a switch do what it names? Every removal beside those of other, absent confounders.

x is a test scan, y its mask, x_k the scan with confounder k put in, f(x, S) the mask with S removed; masks as drawn.

    damage        Dice(f(x), y) - Dice(f(x_k), y)
    own           Dice(f(x_k, {k}), y) - Dice(f(x_k), y): what the entry's own switch gives back
    control       the same, mean over `CONTROLS` other entries that are not in the scan
    specificity   (own - control) / damage, where damage is at least 0.03 at some strength
    breakage      share of scans that the own switch makes worse by more than 0.02
    moved, clean  area that removing k in full moves on the clean x, over the area of f(x)
    moved, other  area that the controls move on x_k, over the area of f(x)
    agreement     Dice(f(x_k, {k}), f(x)), beside the observed mask's and the controls'

A switch no better than its control is not a counterfactual, whatever it gives back.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from causalseg.annotations import dice
from causalseg.causal.dictionary import Confounder
from causalseg.causal.recovery import LEAST_DAMAGE
from causalseg.engine import EncodedScan, Engine
from causalseg.errors import CannotLearn
from causalseg.scan import Scan
from training.data import load_mask
from training.evaluate.faithfulness import rows_for
from training.evaluate.measures import bootstrap, bootstrap_mean, bootstrap_ratio, moved_area
from training.evaluate.scans import Groups, OnProgress, as_scan, no_progress, reported

CONTROLS = 5
WORSE_BY = 0.02


@dataclass(frozen=True, slots=True)
class ControlProtocol:
    """How the twins are drawn."""

    scans: int = 34
    """An entry, spread evenly over the sets that it applies to; each at every strength."""
    strengths: tuple[float, ...] = (0.4, 0.8, 1.0)
    seed: int = 11


@dataclass(frozen=True, slots=True, eq=False)
class _Clean:
    scan: Scan
    text: str
    truth: np.ndarray
    encoded: EncodedScan
    mask: np.ndarray
    dice: float


def control_table(
    engine: Engine, groups: Groups, protocol: ControlProtocol, on_progress: OnProgress = no_progress
) -> dict[str, Any]:
    """Every measure of this module for every entry that can be simulated, and the totals.

    Raises:
        CannotLearn: the scans take no confounder.
    """
    clean: dict[str, _Clean] = {}
    entries: dict[str, Any] = {}
    simulated = [entry for entry in engine.confounders if entry.simulator]
    for number, entry in enumerate(reported(simulated, on_progress)):
        rng = np.random.default_rng([protocol.seed, number])
        twins = []
        for index, row in enumerate(rows_for(entry, groups, protocol.scans)):
            key = f"{row.image} {row.target}"
            if key not in clean:
                clean[key] = _clean(engine, as_scan(row), row.target, row.mask)
            case = clean[key]
            others = _absent(engine, case.encoded, entry, rng)
            for strength in protocol.strengths:
                spoilt = engine.add(case.scan, entry.id, strength, protocol.seed * 1000 + index)
                twins.append({"strength": strength} | _scores(engine, case, spoilt, entry.id, others))
        if twins:
            entries[entry.id] = _summary(pd.DataFrame(twins))
    if not entries:
        raise CannotLearn("No described scan of a source set takes a known confounder; give a folder with some.")
    return {"protocol": asdict(protocol), "control": entries, "total": _total(entries)}


def _clean(engine: Engine, scan: Scan, text: str, mask_path: Any) -> _Clean:
    truth, encoded = load_mask(mask_path), engine.encode(scan)
    mask = _drawn(engine, encoded, text, ())
    return _Clean(scan, text, truth, encoded, mask, dice(mask, truth))


def _drawn(engine: Engine, encoded: EncodedScan, text: str, remove: Sequence[str]) -> np.ndarray:
    return engine.segment(encoded, text, remove=remove or None).probability > 0.5


def _absent(engine: Engine, encoded: EncodedScan, entry: Confounder, rng: np.random.Generator) -> list[str]:
    """Other entries that this modality's scans do not carry by themselves and that are not seen in this one."""
    modality = encoded.scan.modality
    seen = {*engine.detected(encoded), entry.id}
    able = [one.id for one in engine.confounders if modality not in one.native_to and one.id not in seen]
    return [str(name) for name in rng.choice(able, min(CONTROLS, len(able)), replace=False)]


def _scores(engine: Engine, case: _Clean, spoilt: Scan, k: str, others: Sequence[str]) -> dict[str, float]:
    encoded = engine.encode(spoilt)
    observed = _drawn(engine, encoded, case.text, ())
    own = _drawn(engine, encoded, case.text, (k,))
    beside = [_drawn(engine, encoded, case.text, (other,)) for other in others]
    needless = _drawn(engine, case.encoded, case.text, (k,))
    before = dice(observed, case.truth)
    given_back = dice(own, case.truth) - before
    return {
        "damage": case.dice - before,
        "own": given_back,
        "control": float(np.mean([dice(mask, case.truth) - before for mask in beside])),
        "broken": float(given_back < -WORSE_BY),
        "moved_clean": moved_area(needless, case.mask, case.mask),
        "moved_other": float(np.mean([moved_area(mask, observed, case.mask) for mask in beside])),
        "harm_clean": case.dice - dice(needless, case.truth),
        "agreement_observed": dice(observed, case.mask),
        "agreement_own": dice(own, case.mask),
        "agreement_control": float(np.mean([dice(mask, case.mask) for mask in beside])),
    }


def _summary(twins: pd.DataFrame) -> dict[str, Any]:
    columns = {str(name): twins[name].to_numpy() for name in twins.columns}
    strengths = columns.pop("strength")
    damage = {strength: columns["damage"][strengths == strength] for strength in np.unique(strengths).tolist()}
    worst = max(damage, key=lambda strength: float(damage[strength].mean()))
    own, control = (columns[name][strengths == worst] for name in ("own", "control"))
    lost = np.stack([own, control, damage[worst]], axis=1)
    agreement = np.stack([columns[f"agreement_{of}"] for of in ("own", "observed", "control")], axis=1)
    scored = float(damage[worst].mean()) >= LEAST_DAMAGE
    return {
        "twins": len(twins),
        "damage": {f"{strength:g}": bootstrap_mean(values) for strength, values in damage.items()},
        "most damage": bootstrap_mean(damage[worst]),
        "own": bootstrap_ratio(own, damage[worst]) if scored else None,
        "control": bootstrap_ratio(control, damage[worst]) if scored else None,
        "specificity": bootstrap(lost, lambda m: (m[:, 0] - m[:, 1]) / m[:, 2]) if scored else None,
        "breakage": bootstrap_mean(columns["broken"]),
        "moved, clean": bootstrap_mean(columns["moved_clean"]),
        "moved, other": bootstrap_mean(columns["moved_other"]),
        "harm to clean": bootstrap_mean(columns["harm_clean"]),
        "agreement over observed": bootstrap(agreement, lambda m: m[:, 0] - m[:, 1]),
        "agreement over control": bootstrap(agreement, lambda m: m[:, 0] - m[:, 2]),
    }


def _total(entries: dict[str, Any]) -> dict[str, Any]:
    scored = {name: row for name, row in entries.items() if row["specificity"] is not None}
    mean = {
        name: float(np.mean([row[name].mean for row in entries.values()]))
        for name in ("breakage", "moved, clean", "moved, other", "harm to clean", "agreement over observed",
                     "agreement over control")
    }  # fmt: skip
    if not scored:
        return mean
    return {
        "entries with damage": len(scored),
        "mean specificity": float(np.mean([row["specificity"].mean for row in scored.values()])),
        "better than its control": sum(row["specificity"].low > 0 for row in scored.values()),
        "mean own": float(np.mean([row["own"].mean for row in scored.values()])),
        "mean control": float(np.mean([row["control"].mean for row in scored.values()])),
    } | mean
