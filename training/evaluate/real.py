"""Real confounders: is what people see in a scan detected, and what does it do to the mask?

Labels are of test scans and of sites that nothing was learnt from; `training.data.labels` says who looked. For every
labelled entry, all scans of the modalities that it occurs in:

    AUROC           of z_k, labelled present against labelled absent
    found, false    share detected at the shipped threshold among present, among absent
    Dice            observed, where it is present, and where it is absent at the same sizes of the target
    adjusted gain   Dice of the adjusted mask less that of the observed one, where it is present
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from causalseg.annotations import dice
from causalseg.engine import Engine
from causalseg.errors import CannotLearn
from training.data import Row, load_mask
from training.data.labels import labelled_by
from training.evaluate.measures import auroc, bootstrap_mean
from training.evaluate.scans import OnProgress, as_scan, no_progress, reported

LEAST_SCANS = 5
"""Labelled present, and labelled absent, below which an entry has no row."""
_SIZE_EDGES = (0.02, 0.05, 0.1, 0.2)
"""Share of the picture that the target covers: scans with and without an artefact are compared within these."""


def real_tables(
    engine: Engine,
    rows: Sequence[Row],
    said: Float32[np.ndarray, "row confounder"],
    on_progress: OnProgress = no_progress,
) -> dict[str, Any]:
    """The table of entries, of entries by site, and the totals; `said` is 1, 0 or NaN.

    Raises:
        CannotLearn: no scan has a label.
    """
    labelled = [i for i, row in enumerate(rows) if row.target != "lung" and not np.isnan(said[i]).all()]
    if not labelled:
        raise CannotLearn("No test scan has labels of real confounders; put tables into DATA/real.")
    scans = [_scan(engine, rows[i]) for i in reported(labelled, on_progress)]
    entries, by_site = dict[str, Any](), dict[str, Any]()
    for k, entry in enumerate(engine.confounders):
        there = said[labelled, k]
        told = [i for i, scan in enumerate(scans) if not np.isnan(there[i]) and scan.modality in entry.modalities]
        if row := _entry([scans[i] for i in told], there[told] == 1, entry.id):
            entries[entry.id] = row
        for site in sorted({scans[i].set for i in told}):
            here = [i for i in told if scans[i].set == site]
            if row := _entry([scans[i] for i in here], there[here] == 1, entry.id):
                by_site[f"{entry.id}, {site}"] = row | {"labels": labelled_by(site)}
    return {"real": entries, "real_by_site": by_site, "total": _total(entries, by_site)}


@dataclass(frozen=True, slots=True)
class LabelledScan:
    """What is read off one scan; masks as drawn, whatever presence says of the target."""

    set: str
    modality: str
    size: float
    """Share of the picture that the target covers."""
    observed: float
    """Dice; not a number where there is no target."""
    adjusted: float
    detected: tuple[str, ...]
    strength: dict[str, float]


def _scan(engine: Engine, row: Row) -> LabelledScan:
    encoded, mask = engine.encode(as_scan(row)), load_mask(row.mask)
    detected = engine.detected(encoded)
    scores = np.nan, np.nan
    if mask.any():
        observed = engine.segment(encoded, row.target, remove=None).probability > 0.5
        adjusted = engine.segment(encoded, row.target, remove=detected).probability > 0.5 if detected else observed
        scores = dice(observed, mask), dice(adjusted, mask)
    return LabelledScan(row.set, row.modality, float(mask.mean()), *scores, detected, encoded.strength)


def _entry(scans: Sequence[LabelledScan], there: Bool[np.ndarray, " scan"], name: str) -> dict[str, Any] | None:
    """The measures of one entry over some scans; None where too few are labelled."""
    if there.sum() < LEAST_SCANS or (~there).sum() < LEAST_SCANS:
        return None
    strength = np.array([scan.strength[name] for scan in scans])
    found = np.array([name in scan.detected for scan in scans])
    shows = np.array([not np.isnan(scan.observed) for scan in scans])
    present, absent = ([scans[i] for i in np.flatnonzero(chosen & shows).tolist()] for chosen in (there, ~there))
    return {
        "present": int(there.sum()),
        "absent": int((~there).sum()),
        "auroc": _auroc(strength[there], strength[~there]),
        "found": float(found[there].mean()),
        "false": float(found[~there].mean()),
        "observed Dice with": bootstrap_mean(scan.observed for scan in present),
        "observed Dice without, same sizes": _matched(present, absent),
        "adjusted gain": bootstrap_mean(scan.adjusted - scan.observed for scan in present),
    }


def _auroc(positive: np.ndarray, negative: np.ndarray) -> Any:
    """With an interval over resampled scans."""
    rng = np.random.default_rng(0)
    drawn = [auroc(rng.choice(positive, len(positive)), rng.choice(negative, len(negative))) for _ in range(200)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {"mean": auroc(positive, negative), "low": float(low), "high": float(high), "count": len(positive)}


def _matched(present: Sequence[LabelledScan], absent: Sequence[LabelledScan]) -> float | None:
    """Mean Dice of the scans without it, weighted so that targets are as large as in those with it."""
    wanted, have = (np.digitize([scan.size for scan in scans], _SIZE_EDGES) for scans in (present, absent))
    scores = np.array([scan.observed for scan in absent])
    means = {size: float(scores[have == size].mean()) for size in np.unique(have).tolist()}
    shares = {size: int((wanted == size).sum()) for size in np.unique(wanted).tolist() if size in means}
    total = sum(shares.values())
    return sum(means[size] * count for size, count in shares.items()) / total if total else None


def _total(entries: Mapping[str, Any], by_site: Mapping[str, Any]) -> dict[str, Any]:
    if not entries:
        return {}
    aurocs = {name: row["auroc"]["mean"] for name, row in entries.items()}
    known = [row["auroc"]["mean"] for row in by_site.values()]
    return {
        "entries": len(entries),
        "mean AUROC": float(np.mean([*aurocs.values()])),
        "worst AUROC": min(aurocs.values()),
        "worst entry": min(aurocs, key=lambda name: aurocs[name]),
        "mean AUROC by site": float(np.mean(known)),
        "mean found": float(np.mean([row["found"] for row in entries.values()])),
        "mean false": float(np.mean([row["false"] for row in entries.values()])),
    }
