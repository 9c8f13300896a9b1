"""Segmentation and text tables of a checkpoint, through the same door as the app: `Engine`.

Every number is a mean of per-image Dice at the scan's own size (`training.measures`).
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from causalseg.engine import Engine
from causalseg.scan.types import Scan
from training.data import Row, load_image, load_mask
from training.descriptions import HELD_OUT_ABSENT, ORGAN, neutral
from training.measures import CalibrationCounter, bootstrap_mean, dice

OnProgress = Callable[[int, int], object]

ABSENT_TARGETS = ("polyp", "breast tumour", "skin lesion", "infected lung area", "glioma")
"""What the data sets show: asked of scans of the other organs."""


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


def segmentation_table(
    engine: Engine, groups: dict[str, list[Row]], on_progress: OnProgress = lambda done, total: None
) -> dict[str, Any]:
    """Observed and adjusted Dice of every set with the neutral description, and how often a true one was refused."""
    table: dict[str, Any] = {}
    total, done = sum(map(len, groups.values())), 0
    calibration = CalibrationCounter()
    for name, rows in groups.items():
        observed, adjusted, found, patients = [], [], [], []
        normal_empty: list[float] = []
        for row in rows:
            encoded, mask = engine.encode(as_scan(row)), load_mask(row.mask)
            answer = engine.segment(encoded, row.target)
            if mask.any():
                observed.append(dice(engine.segment(encoded, row.target, remove=None).mask, mask))
                adjusted.append(dice(answer.mask, mask))
                found.append(answer.found)
                patients.append(row.patient)
                calibration.add(answer.probability, mask)
            else:
                normal_empty.append(float(not answer.mask.any()))
            done += 1
            on_progress(done, total)
        table[name] = {
            "role": rows[0].role,
            "scans": len(observed),
            "observed": bootstrap_mean(observed, patients),
            "adjusted": bootstrap_mean(adjusted, patients),
            "refused": 1 - float(np.mean(found)),
        }
        if normal_empty:
            table[name]["normal_scans_empty"] = bootstrap_mean(normal_empty)
    table["pixel_calibration_error"] = calibration.error
    return table


def absent_table(
    engine: Engine, groups: dict[str, list[Row]], per_set: int, on_progress: OnProgress = lambda done, total: None
) -> dict[str, Any]:
    """Share of descriptions of something of another organ that are answered with an empty mask."""
    known: list[float] = []
    unheard: list[float] = []
    sets = {name: rows for name, rows in groups.items() if name != "covidct lungs"}
    for done, rows in enumerate(sets.values()):
        for index, row in enumerate(_spread(rows, per_set)):
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


def text_table(engine: Engine, groups: dict[str, list[Row]], per_set: int) -> dict[str, Any]:
    """Dice with the neutral, the descriptive and a meaningless description, on sets that have a descriptive one."""
    table: dict[str, Any] = {}
    for name, rows in groups.items():
        scores: dict[str, list[float]] = {"neutral": [], "descriptive": [], "the word 'region'": []}
        for row in _spread([row for row in rows if row.text], per_set):
            encoded, mask = engine.encode(as_scan(row)), load_mask(row.mask)
            for kind, text in zip(scores, (neutral(row.target), row.text, "region"), strict=True):
                scores[kind].append(dice(engine.segment(encoded, text).mask, mask))
        table[name] = {kind: bootstrap_mean(values) for kind, values in scores.items()}
    return table


def _spread(rows: Sequence[Row], count: int) -> list[Row]:
    """At most `count` rows, evenly spaced."""
    chosen = np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)
    return [rows[i] for i in np.unique(chosen)]
