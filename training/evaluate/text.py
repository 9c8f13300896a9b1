"""Does the text count? Absent things, sides, wrong descriptions, and equal ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from causalseg.annotations import dice
from causalseg.engine import EncodedScan, Engine
from training.data import Row, load_mask
from training.data.descriptions import HELD_OUT_ABSENT, ORGAN, neutral
from training.evaluate.measures import bootstrap_mean
from training.evaluate.scans import (
    ABSENT_TARGETS,
    LUNGS,
    Groups,
    OnProgress,
    as_scan,
    no_progress,
    reported,
    spread,
    things,
)

_HALF_FROM = 0.8
"""Share of a mask that must lie in the half of the picture that the words name."""


def text_tables(engine: Engine, groups: Groups, on_progress: OnProgress = no_progress) -> dict[str, Any]:
    """All tables of this module, of up to 40, 30 and 20 scans a set; without lungs there is no table of sides."""
    return {
        "absent": absent_table(engine, things(groups), 40, on_progress),
        **({"sides": side_table(engine, groups[LUNGS])} if LUNGS in groups else {}),
        "text": text_table(engine, things(groups), 30),
        "derangement": derangement_table(engine, things(groups), 20),
    }


def absent_table(engine: Engine, groups: Groups, per_set: int, on_progress: OnProgress = no_progress) -> dict[str, Any]:
    """Share of descriptions of something of another organ that are answered with an empty mask.

    Of targets whose organ is known only: of another one nothing is certainly absent.
    """
    empty: dict[str, list[float]] = {"another data set's target": [], "a thing never named in training": []}
    for rows in reported([*groups.values()], on_progress):
        for index, row in enumerate(spread([row for row in rows if row.target in ORGAN], per_set)):
            encoded = engine.encode(as_scan(row))
            others = [text for text in ABSENT_TARGETS if ORGAN[text] != ORGAN[row.target]]
            for answers, texts in zip(empty.values(), (others, HELD_OUT_ABSENT), strict=True):
                answers.append(float(not engine.segment(encoded, texts[index % len(texts)]).mask.any()))
    return {what: bootstrap_mean(answers) for what, answers in empty.items()}


def side_table(engine: Engine, rows: Sequence[Row]) -> dict[str, Any]:
    """Left and right lung: share of scans whose two masks lie on the side that the words say (of the picture)."""
    followed = [_follows_sides(engine.encode(as_scan(row)), engine) for row in rows]
    return {"scans": len(rows), "left / right lung followed": bootstrap_mean(followed)}


def _follows_sides(encoded: EncodedScan, engine: Engine) -> float:
    left, right = (engine.segment(encoded, f"{side} lung").mask for side in ("left", "right"))
    half = left.shape[1] // 2
    inside = (left[:, :half].sum() / max(left.sum(), 1), right[:, half:].sum() / max(right.sum(), 1))
    return float(min(inside) > _HALF_FROM)


def text_table(engine: Engine, groups: Groups, per_set: int) -> dict[str, Any]:
    """Dice with the neutral, the descriptive and a meaningless description, on sets that have a descriptive one."""
    return {
        name: _means([_dice_by_text(engine, row) for row in spread([row for row in rows if row.text], per_set)])
        for name, rows in groups.items()
    }


def _dice_by_text(engine: Engine, row: Row) -> dict[str, float]:
    encoded, mask = engine.encode(as_scan(row)), load_mask(row.mask)
    texts = {"neutral": neutral(row.target), "descriptive": row.text, "the word 'region'": "region"}
    return {kind: dice(engine.segment(encoded, text).mask, mask) for kind, text in texts.items()}


def derangement_table(engine: Engine, groups: Groups, per_set: int) -> dict[str, Any]:
    """What a wrong description costs when it is one of the same class, and how much equal descriptions differ.

    The descriptive text of a scan is swapped with another scan's of the same set and target, so that only size, count
    and place are wrong; and four ways to ask for the same thing are compared by the Dice of their masks.
    """
    table: dict[str, Any] = {}
    for name, rows in groups.items():
        chosen = spread([row for row in rows if row.text], per_set)
        table[name] = _means([_deranged(engine, row, chosen) for row in chosen])
    return table


def _deranged(engine: Engine, row: Row, rows: Sequence[Row]) -> dict[str, float]:
    encoded, mask = engine.encode(as_scan(row)), load_mask(row.mask)
    own = swapped = float("nan")
    other = next((one for one in rows if one.target == row.target and one.text != row.text), None)
    if other is not None:
        own, swapped = (dice(engine.segment(encoded, text).mask, mask) for text in (row.text, other.text))
    first, *others = (engine.segment(encoded, text).mask for text in _paraphrases(row.target))
    return {
        "own description": own,
        "another scan's": swapped,
        "drop": own - swapped,
        "agreement of paraphrases": float(np.mean([dice(first, one) for one in others])),
    }


def _paraphrases(target: str) -> list[str]:
    name = neutral(target)
    return [name, f"the {name}", f"segment the {name}", f"where is the {name}?"]


def _means(scans: list[dict[str, float]]) -> dict[str, Any]:
    """Mean of every column over the scans that have it."""
    return {str(name): bootstrap_mean(values.dropna()) for name, values in pd.DataFrame(scans).items()}
