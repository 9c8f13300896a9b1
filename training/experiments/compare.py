"""Does a causal core pay? `causalseg`'s masks beside those of rivals that have none, scan by scan.

A rival is an observed segmenter with the same towers, trained on the same scans (see `rivals`). Compared are

    clean       test scans of the five source sets and of three unseen sites, with the neutral description
    confounded  the twins of `training.evaluate.faithfulness`: the same scans, confounders, strength, seeds and words

Gains are paired: Dice of the adjusted mask less the rival's Dice on the same picture; intervals resample patients.
Masks are compared as the decoders draw them, also where a model says that nothing like that is there: the threshold of
that answer is chosen apart for each, and a refusal would pass for a bad mask. How often each refuses stands beside it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from causalseg.annotations import dice
from causalseg.engine import Engine, Segmentation
from causalseg.errors import CannotLearn
from causalseg.scan import Scan
from training.data import Row, load_mask
from training.data.descriptions import neutral
from training.evaluate.faithfulness import Protocol, rows_for, twin_seed
from training.evaluate.measures import Mean, bootstrap_mean
from training.evaluate.scans import ID_SETS, OOD_SETS, as_scan, spread

OnProgress = Callable[[int, int], object]

OBSERVED, ADJUSTED = "causalseg, observed", "causalseg, adjusted"
CLEAN_SCANS = 300
"""At most, of a set; evenly spaced."""
_ROUNDED = 1e-4
"""How far the same mean may be from itself in a report, which rounds."""


@dataclass(slots=True)
class Paired:
    """Dice of every model on the same pictures."""

    dice: dict[str, list[float]] = field(default_factory=dict)
    refused: dict[str, list[bool]] = field(default_factory=dict)
    patients: list[str] = field(default_factory=list)

    def add(self, answers: Mapping[str, Segmentation], mask: np.ndarray, patient: str) -> None:
        """One picture, answered by every model."""
        for name, answer in answers.items():
            self.dice.setdefault(name, []).append(dice(answer.probability > 0.5, mask))
            self.refused.setdefault(name, []).append(not answer.found)
        self.patients.append(patient)

    def join(self, other: "Paired") -> None:
        """All pictures of `other` too."""
        for name in other.dice:
            self.dice.setdefault(name, []).extend(other.dice[name])
            self.refused.setdefault(name, []).extend(other.refused[name])
        self.patients.extend(other.patients)

    def summary(self, rivals: Sequence[str]) -> dict[str, Any]:
        """Means of all, and what the adjusted mask gains over the observed one and over each rival."""
        means = {name: bootstrap_mean(values, self.patients) for name, values in self.dice.items()}
        gains = {f"adjusted over {name}": self._gain(name) for name in rivals}
        refused = {f"refused by {name}": float(np.mean(values)) for name, values in self.refused.items()}
        over_observed = {"adjusted over observed": self._gain(OBSERVED)}
        return {"pictures": len(self.patients), **means, **gains, **over_observed, **refused}

    def _gain(self, name: str) -> Any:
        differences = np.subtract(self.dice[ADJUSTED], self.dice[name]).tolist()
        return bootstrap_mean(differences, self.patients)


def comparison_table(
    engine: Engine,
    rivals: Mapping[str, Engine],
    groups: dict[str, list[Row]],
    protocol: Protocol,
    on_progress: OnProgress = lambda done, total: None,
) -> dict[str, Any]:
    """A row for each set, for each confounder, and for all confounded pictures together."""
    clean = {name: groups[name] for name in (*ID_SETS, *OOD_SETS) if name in groups}
    simulated = [entry for entry in engine.confounders if entry.simulator]
    total, table, everything = len(clean) + len(simulated), {}, Paired()
    for done, (name, rows) in enumerate(clean.items()):
        table[f"clean: {name}"] = clean_pictures(engine, rivals, rows, CLEAN_SCANS).summary(list(rivals))
        on_progress(done + 1, total)
    for done, entry in enumerate(simulated):
        paired = Paired()
        for index, row in enumerate(rows_for(entry, groups, protocol.scans)):
            spoilt = engine.add(as_scan(row), entry.id, protocol.strength, twin_seed(protocol, index))
            answers = _answers(engine, rivals, row.target, spoilt)
            paired.add(answers, load_mask(row.mask), row.patient)
        everything.join(paired)
        if paired.patients:
            table[f"confounded: {entry.id}"] = paired.summary(list(rivals))
        on_progress(len(clean) + done + 1, total)
    table["confounded: all"] = everything.summary(list(rivals))
    return table


def clean_pictures(engine: Engine, rivals: Mapping[str, Engine], rows: Sequence[Row], count: int) -> Paired:
    """Every model on at most `count` of the rows, evenly spaced, with the neutral description; empty masks left out."""
    paired, drawn = Paired(), [(row, mask) for row in rows if (mask := load_mask(row.mask)).any()]
    for row, mask in spread(drawn, count):
        paired.add(_answers(engine, rivals, neutral(row.target), as_scan(row)), mask, row.patient)
    return paired


def _answers(engine: Engine, rivals: Mapping[str, Engine], text: str, scan: Scan) -> dict[str, Segmentation]:
    encoded = engine.encode(scan)
    own = {OBSERVED: engine.segment(encoded, text, remove=None), ADJUSTED: engine.segment(encoded, text)}
    return own | {name: rival.segment(rival.encode(scan), text, remove=None) for name, rival in rivals.items()}


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
