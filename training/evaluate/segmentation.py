"""Segmentation and text tables of a checkpoint, through the same door as the app: `Engine`.

Every number is a mean of per-image Dice at the scan's own size (`training.evaluate.measures`).
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from causalseg.annotations import dice
from causalseg.engine import Engine
from causalseg.scan import Scan
from training.data import Row, load_image, load_mask
from training.data.descriptions import HELD_OUT_ABSENT, ORGAN, neutral
from training.evaluate.measures import CalibrationCounter, bootstrap_mean, expected_dice, risk_coverage_area

OnProgress = Callable[[int, int], object]
_Item = TypeVar("_Item")

ABSENT_TARGETS = ("polyp", "breast tumour", "skin lesion", "infected lung area", "glioma")
"""What the data sets show: asked of scans of the other organs."""
ID_SETS = ("kvasir", "busi", "isic", "qata", "btmri")
OOD_SETS = ("clinicdb", "bkai", "busbra")
SMALL, LARGE = 0.03, 0.15
"""Shares of the picture from which a thing is medium, and large: as in the descriptions."""
SITE_SCANS = 15
"""Fewest scans of a site that is named."""


def as_scan(row: Row) -> Scan:
    """A row's picture as the app would hold it."""
    image = load_image(row.image)
    return Scan(image, hashlib.sha256(row.image.read_bytes()).hexdigest(), "JPEG", row.modality)


def evaluation_rows(rows: Sequence[Row], *, split: str = "test") -> dict[str, list[Row]]:
    """Rows to report on, by set: a source's `split`, all of an unseen site; lungs and busi's normal scans apart."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.role == "source" and row.split != split:
            continue
        groups.setdefault(_group(row), []).append(row)
    return groups


def _group(row: Row) -> str:
    if row.set != "covidct":
        return row.set
    return "covidct lungs" if row.target == "lung" else f"covidct {row.role}"


@dataclass(slots=True)
class _SetScores:
    """One list entry a scan of a set whose mask is not empty."""

    observed: list[float] = field(default_factory=list)
    adjusted: list[float] = field(default_factory=list)
    found: list[float] = field(default_factory=list)
    confidence: list[float] = field(default_factory=list)
    mask_share: list[float] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)
    sites: list[str] = field(default_factory=list)
    normal_empty: list[float] = field(default_factory=list)
    """Of scans with an empty mask: whether the answer was empty too."""


def segmentation_table(
    engine: Engine, groups: dict[str, list[Row]], on_progress: OnProgress = lambda done, total: None
) -> dict[str, Any]:
    """Observed and adjusted Dice of every set with the neutral description, by size and at the worst site.

    Beside them: how often a true description was refused, and how well a scan's confidence (the Dice that its
    probabilities promise) sorts its risk.
    """
    table: dict[str, Any] = {}
    total, done = sum(map(len, groups.values())), 0
    calibration = CalibrationCounter()
    for name, rows in groups.items():
        scores = _SetScores()
        for row in rows:
            _score_scan(engine, row, scores, calibration)
            done += 1
            on_progress(done, total)
        table[name] = {"role": rows[0].role, **_set_summary(scores)}
    table["pixel_calibration_error"] = calibration.error
    table["means"] = _means(table)
    return table


def _score_scan(engine: Engine, row: Row, scores: _SetScores, calibration: CalibrationCounter) -> None:
    encoded, mask = engine.encode(as_scan(row)), load_mask(row.mask)
    text = neutral(row.target)
    answer = engine.segment(encoded, text)
    if not mask.any():
        scores.normal_empty.append(float(not answer.mask.any()))
        return
    scores.observed.append(dice(engine.segment(encoded, text, remove=None).mask, mask))
    scores.adjusted.append(dice(answer.mask, mask))
    scores.found.append(float(answer.found))
    scores.confidence.append(expected_dice(answer.probability, answer.probability > 0.5))
    scores.mask_share.append(float(mask.mean()))
    scores.patients.append(row.patient)
    scores.sites.append(row.site)
    calibration.add(answer.probability, mask)


def _set_summary(scores: _SetScores) -> dict[str, Any]:
    risks = [1 - value for value in scores.adjusted]
    summary: dict[str, Any] = {
        "scans": len(scores.observed),
        "observed": bootstrap_mean(scores.observed, scores.patients),
        "adjusted": bootstrap_mean(scores.adjusted, scores.patients),
        "refused": 1 - float(np.mean(scores.found)),
        "mean risk": float(np.mean(risks)),
        "area under risk-coverage": risk_coverage_area(risks, scores.confidence),
        "by size": _by_size(scores),
        "worst site": _worst_site(scores),
    }
    if scores.normal_empty:
        summary["normal_scans_empty"] = bootstrap_mean(scores.normal_empty)
    return summary


def _by_size(scores: _SetScores) -> dict[str, Any]:
    size = ["small" if share < SMALL else "medium" if share < LARGE else "large" for share in scores.mask_share]
    return {
        name: bootstrap_mean([value for value, own in zip(scores.adjusted, size, strict=True) if own == name])
        for name in ("small", "medium", "large")
        if name in size
    }


def _worst_site(scores: _SetScores) -> str:
    """The site (of at least `SITE_SCANS` scans) with the lowest adjusted Dice; empty where there are not two."""
    means = {
        site: np.mean(mine)
        for site in set(scores.sites)
        if len(mine := [v for v, own in zip(scores.adjusted, scores.sites, strict=True) if own == site]) >= SITE_SCANS
    }
    if len(means) < 2:
        return ""
    worst = min(means, key=lambda site: means[site])
    return f"{worst}: {means[worst]:.3f}"


def _means(table: dict[str, Any]) -> dict[str, float]:
    """Mean over the five source sets and over the three unseen sites that are reported together, and their harmonic."""
    means: dict[str, float] = {}
    for kind, names in (("ID", ID_SETS), ("OOD", OOD_SETS)):
        if all(name in table for name in names):
            for which in ("observed", "adjusted"):
                means[f"{kind} {which}"] = float(np.mean([table[name][which].mean for name in names]))
    if len(means) == 4:
        inside, outside = means["ID adjusted"], means["OOD adjusted"]
        means["HM adjusted"] = 2 * inside * outside / (inside + outside)
    return means


def absent_table(
    engine: Engine, groups: dict[str, list[Row]], per_set: int, on_progress: OnProgress = lambda done, total: None
) -> dict[str, Any]:
    """Share of descriptions of something of another organ that are answered with an empty mask."""
    known: list[float] = []
    unheard: list[float] = []
    sets = {name: rows for name, rows in groups.items() if name != "covidct lungs"}
    for done, rows in enumerate(sets.values()):
        for index, row in enumerate(spread(rows, per_set)):
            encoded = engine.encode(as_scan(row))
            others = [text for text in ABSENT_TARGETS if ORGAN[text] != ORGAN[row.target]]
            known.append(float(not engine.segment(encoded, others[index % len(others)]).mask.any()))
            held_out = HELD_OUT_ABSENT[index % len(HELD_OUT_ABSENT)]
            unheard.append(float(not engine.segment(encoded, held_out).mask.any()))
        on_progress(done + 1, len(sets))
    return {
        "another data set's target": bootstrap_mean(known),
        "a thing never named in training": bootstrap_mean(unheard),
    }


def side_table(engine: Engine, rows: Sequence[Row]) -> dict[str, Any]:
    """Left and right lung: share of scans whose two masks lie on the side that the words say (of the picture)."""
    followed: list[float] = []
    for row in rows:
        encoded = engine.encode(as_scan(row))
        centres = []
        for side in ("left", "right"):
            mask = engine.segment(encoded, f"{side} lung").mask
            half = mask.shape[1] // 2
            on_left = float(mask[:, :half].sum() / max(mask.sum(), 1))
            centres.append(on_left if side == "left" else 1 - on_left)
            centres[-1] *= bool(mask.any())
        followed.append(float(min(centres) > 0.8))
    return {"scans": len(rows), "left / right lung followed": bootstrap_mean(followed)}


def derangement_table(engine: Engine, groups: dict[str, list[Row]], per_set: int) -> dict[str, Any]:
    """What a wrong description costs when it is one of the same class, and how much equal descriptions differ.

    The descriptive text of a scan is swapped with another scan's of the same set and target, so that only size, count
    and place are wrong; and four ways to ask for the same thing are compared by the Dice of their masks.
    """
    table: dict[str, Any] = {}
    for name, rows in groups.items():
        own, swapped, same = [], [], []
        chosen = spread([row for row in rows if row.text], per_set)
        for row in chosen:
            other = next((r for r in chosen if r.target == row.target and r.text != row.text), None)
            encoded, mask = engine.encode(as_scan(row)), load_mask(row.mask)
            same.append(_agreement([engine.segment(encoded, text).mask for text in _paraphrases(row.target)]))
            if other is not None:
                own.append(dice(engine.segment(encoded, row.text).mask, mask))
                swapped.append(dice(engine.segment(encoded, other.text).mask, mask))
        drop = [a - b for a, b in zip(own, swapped, strict=True)]
        table[name] = {
            "own description": bootstrap_mean(own),
            "another scan's": bootstrap_mean(swapped),
            "drop": bootstrap_mean(drop),
            "agreement of paraphrases": bootstrap_mean(same),
        }
    return table


def _paraphrases(target: str) -> list[str]:
    name = neutral(target)
    return [name, f"the {name}", f"segment the {name}", f"where is the {name}?"]


def _agreement(masks: Sequence[np.ndarray]) -> float:
    return float(np.mean([dice(masks[0], other) for other in masks[1:]]))


def text_table(engine: Engine, groups: dict[str, list[Row]], per_set: int) -> dict[str, Any]:
    """Dice with the neutral, the descriptive and a meaningless description, on sets that have a descriptive one."""
    table: dict[str, Any] = {}
    for name, rows in groups.items():
        scores: dict[str, list[float]] = {"neutral": [], "descriptive": [], "the word 'region'": []}
        for row in spread([row for row in rows if row.text], per_set):
            encoded, mask = engine.encode(as_scan(row)), load_mask(row.mask)
            for kind, text in zip(scores, (neutral(row.target), row.text, "region"), strict=True):
                scores[kind].append(dice(engine.segment(encoded, text).mask, mask))
        table[name] = {kind: bootstrap_mean(values) for kind, values in scores.items()}
    return table


def spread(items: Sequence[_Item], count: int) -> list[_Item]:
    """At most `count` of the items, evenly spaced."""
    chosen = np.linspace(0, len(items) - 1, min(count, len(items))).astype(int)
    return [items[i] for i in np.unique(chosen)]
