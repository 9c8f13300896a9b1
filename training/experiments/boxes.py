"""Does LiteMedSAM, asked for what lies in a drawn mask's box, come nearer to the true mask?

Two boxes a scan: that of the adjusted mask as the page proposes it, and that of the true mask with every side moved
by up to a tenth of the box, as by a hurried hand. Beside them the adjusted mask itself. Validation scans of the source
sets, and scans of the unseen sites, evenly spaced. LiteMedSAM may have learnt from some of these sets: nobody says.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from causalseg.annotations import dice
from causalseg.checkpoints import find_entry
from causalseg.engine import Engine
from causalseg.errors import BadCorrection
from causalseg.litemedsam import Mask, refine
from training.data import Row, load_mask, read_index
from training.data.descriptions import neutral
from training.evaluate.measures import bootstrap_mean
from training.evaluate.report import RESULTS_DIR, provenance, write_report
from training.evaluate.scans import ID_SETS, OOD_SETS, as_scan, evaluation_rows, spread
from training.progress import Bar

SCANS = 15
"""Of a set."""
HAND = 0.1
"""How far a side of the box is moved at most, as a share of the box."""

OnProgress = Callable[[int, int], object]


@dataclass(slots=True)
class _Scores:
    """One list entry a scan."""

    adjusted: list[float] = field(default_factory=list)
    own_box: list[float] = field(default_factory=list)
    hand_box: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Put `boxes` among the other commands."""
    parser = commands.add_parser("boxes", parents=[shared], help="what refining a mask in its box gains")
    parser.add_argument("--checkpoint", default="causalseg-lite")
    parser.add_argument("--out", type=Path, default=RESULTS_DIR)
    parser.set_defaults(command=_boxes)


def _boxes(options: argparse.Namespace) -> None:
    groups = evaluation_rows(read_index(options.data), split="val")
    table = boxes_table(Engine.load(options.checkpoint), groups, SCANS, Bar("boxes"))
    command = f"python -m training boxes --data FOLDER --checkpoint {options.checkpoint}"
    write_report("boxes", {"boxes": table}, provenance(find_entry(options.checkpoint), command), options.out)


def boxes_table(
    engine: Engine, groups: dict[str, list[Row]], count: int, on_progress: OnProgress = lambda done, total: None
) -> dict[str, Any]:
    """A row for each set of `ID_SETS` and `OOD_SETS`."""
    names = [name for name in (*ID_SETS, *OOD_SETS) if name in groups]
    table: dict[str, Any] = {}
    for done, name in enumerate(names):
        drawn = [row for row in groups[name] if load_mask(row.mask).any()]
        table[name] = _summary(_scores(engine, spread(drawn, count)))
        on_progress(done + 1, len(names))
    return table


def _scores(engine: Engine, rows: Sequence[Row]) -> _Scores:
    scores = _Scores()
    for number, row in enumerate(rows):
        scan, truth = as_scan(row), load_mask(row.mask)
        adjusted = engine.segment(engine.encode(scan), neutral(row.target)).probability > 0.5
        started = time.perf_counter()
        refined = _refined(scan.image_u8, adjusted)
        scores.seconds.append(time.perf_counter() - started)
        scores.adjusted.append(dice(adjusted, truth))
        scores.own_box.append(dice(refined, truth))
        by_hand = _by_hand(truth, np.random.default_rng(number))
        scores.hand_box.append(dice(_refined(scan.image_u8, by_hand), truth))
    return scores


def _refined(image_u8: np.ndarray, mask: Mask) -> Mask:
    """As the page does it: where nothing comes of it, the mask stays."""
    try:
        return refine(image_u8, mask)
    except BadCorrection:
        return mask


def _by_hand(truth: Mask, rng: np.random.Generator) -> Mask:
    """The box of all that is true, drawn by a hurried hand, as one filled mask."""
    ys, xs = np.nonzero(truth)
    edges = [ys.min(), ys.max() + 1, xs.min(), xs.max() + 1]
    sides = [np.ptp(ys) + 1] * 2 + [np.ptp(xs) + 1] * 2
    moved = [round(edge + rng.uniform(-HAND, HAND) * side) for edge, side in zip(edges, sides, strict=True)]
    top, bottom, left, right = (max(0, edge) for edge in moved)
    drawn = np.zeros_like(truth)
    drawn[top:bottom, left:right] = True
    return drawn


def _summary(scores: _Scores) -> dict[str, Any]:
    gains = np.subtract(scores.own_box, scores.adjusted).tolist()
    return {
        "scans": len(gains),
        "adjusted mask": bootstrap_mean(scores.adjusted),
        "refined in its own box": bootstrap_mean(scores.own_box),
        "gain": bootstrap_mean(gains),
        "refined in a hand's box": bootstrap_mean(scores.hand_box),
        "seconds, median": float(np.median(scores.seconds)),
    }
