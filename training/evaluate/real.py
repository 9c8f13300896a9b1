"""Real confounders: is what people see in a scan detected, and what does it do to the mask?

Labels are of test scans and of sites that nothing was learnt from; `training.data.labels` says who looked. For every
labelled entry, all scans of the modalities that it occurs in:

    AUROC           of z_k, labelled present against labelled absent
    found, false    share detected at the shipped threshold among present, among absent
    Dice            observed, where it is present, and where it is absent at the same sizes of the target
    adjusted gain   Dice of the adjusted mask less that of the observed one, where it is present
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float32

from causalseg.annotations import dice
from causalseg.engine import Engine
from causalseg.errors import CannotLearn
from training.data import Row, load_mask
from training.data.labels import labelled_by
from training.evaluate.measures import auroc, bootstrap_mean
from training.evaluate.scans import OnProgress, as_scan, no_progress, reported

LEAST_SCANS = 5
"""Labelled present, and labelled absent, below which an entry has no row."""
_SIZE_BINS = (0.0, 0.02, 0.05, 0.1, 0.2, 1.0)
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
    scans = pd.DataFrame([_scan(engine, rows[i]) for i in reported(labelled, on_progress)])
    entries, by_site = {}, {}
    for k, entry in enumerate(engine.confounders):
        mine = scans.assign(there=said[labelled, k])
        mine = mine[mine["there"].notna() & mine["modality"].isin(entry.modalities)]
        if row := _entry(mine, entry.id):
            entries[entry.id] = row
        for site, here in mine.groupby("set"):
            if row := _entry(here, entry.id):
                by_site[f"{entry.id}, {site}"] = row | {"labels": labelled_by(str(site))}
    return {"real": entries, "real_by_site": by_site, "total": _total(entries, by_site)}


def _scan(engine: Engine, row: Row) -> dict[str, Any]:
    """Strengths, size and Dice of one scan; masks as drawn, whatever presence says of the target."""
    encoded, mask = engine.encode(as_scan(row)), load_mask(row.mask)
    observed = engine.segment(encoded, row.target, remove=None).probability > 0.5
    detected = engine.detected(encoded)
    adjusted = engine.segment(encoded, row.target, remove=detected).probability > 0.5 if detected else observed
    scores = {"observed": dice(observed, mask), "adjusted": dice(adjusted, mask)} if mask.any() else {}
    facts = {"set": row.set, "modality": row.modality, "size": float(mask.mean()), "detected": detected}
    return {"observed": np.nan, "adjusted": np.nan} | facts | scores | {"strength": encoded.strength}


def _entry(scans: pd.DataFrame, name: str) -> dict[str, Any] | None:
    """The measures of one entry over some scans; None where too few are labelled."""
    there = scans["there"] == 1
    if there.sum() < LEAST_SCANS or (~there).sum() < LEAST_SCANS:
        return None
    strength = scans["strength"].map(lambda of: of[name])
    found = scans["detected"].map(lambda ids: name in ids)
    present = scans[there & scans["observed"].notna()]
    return {
        "present": int(there.sum()),
        "absent": int((~there).sum()),
        "auroc": _auroc(strength[there].to_numpy(), strength[~there].to_numpy()),
        "found": float(found[there].mean()),
        "false": float(found[~there].mean()),
        "observed Dice with": bootstrap_mean(present["observed"]),
        "observed Dice without, same sizes": _matched(present, scans[~there & scans["observed"].notna()]),
        "adjusted gain": bootstrap_mean(present["adjusted"] - present["observed"]),
    }


def _auroc(positive: np.ndarray, negative: np.ndarray) -> Any:
    """With an interval over resampled scans."""
    rng = np.random.default_rng(0)
    drawn = [auroc(rng.choice(positive, len(positive)), rng.choice(negative, len(negative))) for _ in range(200)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {"mean": auroc(positive, negative), "low": float(low), "high": float(high), "count": len(positive)}


def _matched(present: pd.DataFrame, absent: pd.DataFrame) -> float | None:
    """Mean Dice of the scans without it, weighted so that targets are as large as in those with it."""
    sizes = [pd.cut(one["size"], _SIZE_BINS, labels=False) for one in (present, absent)]
    of_bin = absent.groupby(sizes[1])["observed"].mean()
    shares = sizes[0].value_counts()
    common = shares.index.intersection(of_bin.index)
    if not len(common):
        return None
    return float((of_bin[common] * shares[common]).sum() / shares[common].sum())


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
