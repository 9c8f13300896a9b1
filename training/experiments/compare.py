"""Does a causal core pay? `causalseg`'s masks beside those of rivals that have none, scan by scan.

    python -m training run augmented --data FOLDER --run RUN    # a rival: recipes/augmented.yaml, recipes/plain.yaml
    python -m training compare --data FOLDER --rival RUN        # docs/results/rivals.md

A rival is an observed segmenter with the same towers, trained on the same scans. Compared are

    clean       test scans of the five source sets and of three unseen sites, with the neutral description
    confounded  the twins of `training.evaluate.faithfulness`: the same scans, confounders, strength, seeds and words

Gains are paired: Dice of the adjusted mask less the rival's Dice on the same picture; intervals resample patients.
Masks are compared as the decoders draw them, also where a model says that nothing like that is there: the threshold of
that answer is chosen apart for each, and a refusal would pass for a bad mask. How often each refuses stands beside it.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from jaxtyping import Bool

from causalseg.annotations import dice
from causalseg.checkpoints import find_entry
from causalseg.engine import Engine
from causalseg.errors import CannotLearn
from causalseg.scan import Scan
from training.data import Row, load_mask, load_squares, read_index
from training.data.descriptions import neutral
from training.evaluate.commands import Cache, Checkpoint, Data, Out
from training.evaluate.faithfulness import Protocol, rows_for, twin_seed
from training.evaluate.measures import Mean, bootstrap_mean
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
from training.runs import load_architecture, trained
from training.stages.release import choose_thresholds, new_entry

OBSERVED, ADJUSTED = "causalseg, observed", "causalseg, adjusted"
CLEAN_SCANS = 300
"""At most, of a set; evenly spaced."""
_ROUNDED = 1e-4
"""How far the same mean may be from itself in a report, which rounds."""

Picture = dict[str, Any]
"""What every model made of one picture: its patient, and by model a Dice and whether it refused."""


def compare(
    data: Data,
    rival: Annotated[list[Path], typer.Option(help="Run of a rival; repeat for more.")],
    checkpoint: Checkpoint = "causalseg-lite",
    join: Annotated[
        Path | None, typer.Option(help="rivals.json of the same checkpoint whose other rivals are kept.")
    ] = None,
    cache: Cache = Path("runs/squares"),
    out: Out = RESULTS_DIR,
) -> None:
    """A checkpoint beside rivals without a causal core."""
    rows = read_index(data)
    rivals = {run.name: _engine(run, rows, cache) for run in rival}
    table = comparison_table(Engine.load(checkpoint), rivals, evaluation_rows(rows), Protocol(), Bar("compare"))
    named = " ".join(f"--rival {run.name}" for run in rival)
    made_by = provenance(
        find_entry(checkpoint), f"python -m training compare --data FOLDER --checkpoint {checkpoint} {named}"
    )
    if join is not None:
        before = json.loads(join.read_text(encoding="utf-8"))
        table, joined = with_rivals_of(before, made_by, table), before["made_by"]
        made_by |= {"joined with": f"{joined['command']} (commit {joined['commit']})"}
    write_report("rivals", {"rivals": table, "kinds": means_of_kinds(table)}, made_by, out)


def _engine(run: Path, rows: Sequence[Row], cache: Path) -> Engine:
    """A run as an engine, with thresholds chosen as a released checkpoint's are."""
    network, architecture = trained(run), load_architecture(run)
    val = [row for row in rows if row.role == "source" and row.split == "val"]
    thresholds = choose_thresholds(network, load_squares(val, architecture.input_side_px, cache))
    return Engine(network, new_entry(run.name, *thresholds, architecture))


def comparison_table(
    engine: Engine,
    rivals: Mapping[str, Engine],
    groups: Groups,
    protocol: Protocol,
    on_progress: OnProgress = no_progress,
) -> dict[str, dict[str, Any]]:
    """A row for each set, for each confounder, and for all confounded pictures together."""
    clean = [name for name in (*ID_SETS, *OOD_SETS) if name in groups]
    table = {f"clean: {name}": summary(clean_pictures(engine, rivals, groups[name], CLEAN_SCANS)) for name in clean}
    everything: list[Picture] = []
    for entry in reported([entry for entry in engine.confounders if entry.simulator], on_progress):
        pictures: list[Picture] = []
        for index, row in enumerate(rows_for(entry, groups, protocol.scans)):
            spoilt = engine.add(as_scan(row), entry.id, protocol.strength, twin_seed(protocol, index))
            pictures.append(_picture(engine, rivals, row, row.target, spoilt, load_mask(row.mask)))
        everything += pictures
        if pictures:
            table[f"confounded: {entry.id}"] = summary(pictures)
    return table | {"confounded: all": summary(everything)}


def clean_pictures(engine: Engine, rivals: Mapping[str, Engine], rows: Sequence[Row], count: int) -> list[Picture]:
    """Every model on at most `count` of the rows, evenly spaced, with the neutral description; empty masks left out."""
    drawn = [(row, mask) for row in rows if (mask := load_mask(row.mask)).any()]
    return [
        _picture(engine, rivals, row, neutral(row.target), as_scan(row), mask) for row, mask in spread(drawn, count)
    ]


def _picture(
    engine: Engine,
    rivals: Mapping[str, Engine],
    row: Row,
    text: str,
    scan: Scan,
    mask: Bool[np.ndarray, "height width"],
) -> Picture:
    encoded = engine.encode(scan)
    answers = {OBSERVED: engine.segment(encoded, text, remove=None), ADJUSTED: engine.segment(encoded, text)}
    answers |= {name: rival.segment(rival.encode(scan), text, remove=None) for name, rival in rivals.items()}
    scores = {name: dice(answer.probability > 0.5, mask) for name, answer in answers.items()}
    return {"patient": row.patient, **scores} | {f"refused by {name}": not one.found for name, one in answers.items()}


def summary(pictures: Sequence[Picture]) -> dict[str, Any]:
    """Means of all, and what the adjusted mask gains over the observed one and over each rival, picture by picture."""
    frame = pd.DataFrame([*pictures])
    models = [str(name) for name in frame if name != "patient" and not str(name).startswith("refused by ")]
    gains = {
        f"adjusted over {'observed' if name == OBSERVED else name}": bootstrap_mean(
            frame[ADJUSTED] - frame[name], frame["patient"]
        )
        for name in (*(model for model in models if model not in (OBSERVED, ADJUSTED)), OBSERVED)
    }
    return {
        "pictures": len(frame),
        **{name: bootstrap_mean(frame[name], frame["patient"]) for name in models},
        **gains,
        **{f"refused by {name}": float(np.mean(frame[f"refused by {name}"])) for name in models},
    }


def with_rivals_of(before: Mapping[str, Any], made_by: Mapping[str, str], table: dict[str, Any]) -> dict[str, Any]:
    """`table` with the columns of the rivals that an earlier report of the same checkpoint and pictures holds too.

    Raises:
        CannotLearn: it is of another checkpoint, or its pictures or answers are others.
    """
    if before["made_by"]["sha256"] != made_by["sha256"] or before["rivals"].keys() != table.keys():
        raise CannotLearn("The earlier table is of another checkpoint or of other sets; compare its rivals anew.")
    joined: dict[str, Any] = {}
    for name, row in table.items():
        old = {
            key: Mean(**value) if isinstance(value, dict) else value for key, value in before["rivals"][name].items()
        }
        if old["pictures"] != row["pictures"] or abs(old[ADJUSTED].mean - row[ADJUSTED].mean) > _ROUNDED:
            raise CannotLearn(f"{name}: the earlier table has other pictures or answers; compare its rivals anew.")
        both = old | row
        joined[name] = {key: both[key] for key in sorted(both, key=_place)}
    return joined


def _place(key: str) -> int:
    """Columns in order: how many, the checkpoint's own, the rivals, gains, refusals."""
    if key == "pictures":
        return 0
    if key in (OBSERVED, ADJUSTED):
        return 1
    return 3 if key.startswith("adjusted over ") else 4 if key.startswith("refused by ") else 2


def means_of_kinds(table: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean Dice over the source sets (ID) and over the unseen sites (OOD), for each model and each gain."""
    kinds: dict[str, dict[str, float]] = {}
    for kind, sets in (("ID", ID_SETS), ("OOD", OOD_SETS)):
        rows = [table[f"clean: {name}"] for name in sets if f"clean: {name}" in table]
        if rows:
            keys = [key for key in rows[0] if key != "pictures"]
            kinds[kind] = {key: float(np.mean([_mean(row[key]) for row in rows])) for key in keys}
    return kinds


def _mean(value: Mean | float) -> float:
    return value.mean if isinstance(value, Mean) else value
