"""Does LiteMedSAM, asked for what lies in a drawn mask's box, come nearer to the true mask?

    python -m training boxes --data FOLDER    # docs/results/boxes.md

Two boxes a scan: that of the adjusted mask as the page proposes it, and that of the true mask with every side moved
by up to a tenth of the box, as by a hurried hand. Beside them the adjusted mask itself. Validation scans of the source
sets, and scans of the unseen sites, evenly spaced. LiteMedSAM may have learnt from some of these sets: nobody says.
"""

import time
from typing import Any

import numpy as np
import pandas as pd

from causalseg.annotations import dice
from causalseg.checkpoints import find_entry
from causalseg.engine import Engine
from causalseg.errors import BadCorrection
from causalseg.litemedsam import Mask, refine
from training.data import Row, load_mask, read_index
from training.data.descriptions import neutral
from training.evaluate.commands import Checkpoint, Data, Out
from training.evaluate.measures import bootstrap_mean
from training.evaluate.report import RESULTS_DIR, provenance, write_report
from training.evaluate.scans import (
    ID_SETS,
    OOD_SETS,
    Groups,
    OnProgress,
    as_scan,
    evaluation_rows,
    no_progress,
    reported,
    spread,
)
from training.progress import Bar

SCANS = 15
"""Of a set."""
HAND = 0.1
"""How far a side of the box is moved at most, as a share of the box."""


def boxes(data: Data, checkpoint: Checkpoint = "causalseg-lite", out: Out = RESULTS_DIR) -> None:
    """What refining a mask in its box gains."""
    groups = evaluation_rows(read_index(data), split="val")
    table = boxes_table(Engine.load(checkpoint), groups, SCANS, Bar("boxes"))
    command = f"python -m training boxes --data FOLDER --checkpoint {checkpoint}"
    write_report("boxes", {"boxes": table}, provenance(find_entry(checkpoint), command), out)


def boxes_table(
    engine: Engine, groups: Groups, count: int, on_progress: OnProgress = no_progress
) -> dict[str, dict[str, Any]]:
    """A row for each set of `ID_SETS` and `OOD_SETS`."""
    table: dict[str, dict[str, Any]] = {}
    for name in reported([name for name in (*ID_SETS, *OOD_SETS) if name in groups], on_progress):
        drawn = spread([row for row in groups[name] if load_mask(row.mask).any()], count)
        scans = pd.DataFrame([_scores(engine, row, number) for number, row in enumerate(drawn)])
        seconds = float(np.median(scans.pop("seconds, median")))
        means = {str(what): bootstrap_mean(values) for what, values in scans.items()}
        table[name] = {"scans": len(drawn), **means, "seconds, median": seconds}
    return table


def _scores(engine: Engine, row: Row, seed: int) -> dict[str, float]:
    scan, truth = as_scan(row), load_mask(row.mask)
    adjusted = engine.segment(engine.encode(scan), neutral(row.target)).probability > 0.5
    started = time.perf_counter()
    refined = _refined(scan.image_u8, adjusted)
    seconds = time.perf_counter() - started
    by_hand = _refined(scan.image_u8, by_a_hand(truth, np.random.default_rng(seed)))
    return {
        "adjusted mask": dice(adjusted, truth),
        "refined in its own box": dice(refined, truth),
        "gain": dice(refined, truth) - dice(adjusted, truth),
        "refined in a hand's box": dice(by_hand, truth),
        "seconds, median": seconds,
    }


def _refined(image_u8: np.ndarray, mask: Mask) -> Mask:
    """As the page does it: where nothing comes of it, the mask stays."""
    try:
        return refine(image_u8, mask)
    except BadCorrection:
        return mask


def by_a_hand(truth: Mask, rng: np.random.Generator) -> Mask:
    """The box of all that is true, drawn by a hurried hand, as one filled mask."""
    ys, xs = np.nonzero(truth)
    edges = [ys.min(), ys.max() + 1, xs.min(), xs.max() + 1]
    sides = [np.ptp(ys) + 1] * 2 + [np.ptp(xs) + 1] * 2
    moved = [round(edge + rng.uniform(-HAND, HAND) * side) for edge, side in zip(edges, sides, strict=True)]
    top, bottom, left, right = (max(0, edge) for edge in moved)
    drawn = np.zeros_like(truth)
    drawn[top:bottom, left:right] = True
    return drawn
