"""Does a causal core pay? `causalseg`'s masks beside those of rivals that have none, scan by scan.

A rival is an observed segmenter with the same towers, trained on the same scans (`training.rivals`). Compared are

    clean       test scans of the five source sets and of three unseen sites, with the neutral description
    confounded  the twins of `training.faithfulness`: the same scans, confounders, strength, seeds and words

Gains are paired: Dice of the adjusted mask less the rival's Dice on the same picture; intervals resample patients.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from causalseg.annotations import dice
from causalseg.engine import Engine
from causalseg.scan import Scan
from training.data import Row, load_mask
from training.descriptions import neutral
from training.evaluate import ID_SETS, OOD_SETS, as_scan, spread
from training.faithfulness import Protocol, rows_for, twin_seed
from training.measures import bootstrap_mean

OnProgress = Callable[[int, int], object]

OBSERVED, ADJUSTED = "causalseg, observed", "causalseg, adjusted"
CLEAN_SCANS = 300
"""At most, of a set; evenly spaced."""


@dataclass(slots=True)
class _Paired:
    """Dice of every model on the same pictures."""

    dice: dict[str, list[float]] = field(default_factory=dict)
    patients: list[str] = field(default_factory=list)

    def add(self, scores: Mapping[str, float], patient: str) -> None:
        for name, score in scores.items():
            self.dice.setdefault(name, []).append(score)
        self.patients.append(patient)

    def summary(self, rivals: Sequence[str]) -> dict[str, Any]:
        """Means of all, and what the adjusted mask gains over the observed one and over each rival."""
        means = {name: bootstrap_mean(values, self.patients) for name, values in self.dice.items()}
        gains = {f"adjusted over {name}": self._gain(name) for name in rivals}
        return {"pictures": len(self.patients), **means, **gains, "adjusted over observed": self._gain(OBSERVED)}

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
    """A row for each set, for the sets of a kind together, for each confounder, and for all confounded pictures."""
    clean = {name: groups[name] for name in (*ID_SETS, *OOD_SETS) if name in groups}
    simulated = [entry for entry in engine.confounders if entry.simulator]
    total, table, everything = len(clean) + len(simulated), {}, _Paired()
    for done, (name, rows) in enumerate(clean.items()):
        paired = _Paired()
        for row in spread([row for row in rows if load_mask(row.mask).any()], CLEAN_SCANS):
            paired.add(_scores(engine, rivals, row, neutral(row.target), as_scan(row)), row.patient)
        table[f"clean: {name}"] = paired.summary(list(rivals))
        on_progress(done + 1, total)
    for done, entry in enumerate(simulated):
        paired = _Paired()
        for index, row in enumerate(rows_for(entry, groups, protocol.scans)):
            spoilt = engine.add(as_scan(row), entry.id, protocol.strength, twin_seed(protocol, index))
            scores = _scores(engine, rivals, row, row.target, spoilt)
            for one in (paired, everything):
                one.add(scores, row.patient)
        if paired.patients:
            table[f"confounded: {entry.id}"] = paired.summary(list(rivals))
        on_progress(len(clean) + done + 1, total)
    table["confounded: all"] = everything.summary(list(rivals))
    return table


def _scores(engine: Engine, rivals: Mapping[str, Engine], row: Row, text: str, scan: Scan) -> dict[str, float]:
    mask = load_mask(row.mask)
    return {name: dice(answer, mask) for name, answer in _answers(engine, rivals, text, scan)}


def _answers(engine: Engine, rivals: Mapping[str, Engine], text: str, scan: Scan) -> Iterator[tuple[str, np.ndarray]]:
    encoded = engine.encode(scan)
    yield OBSERVED, engine.segment(encoded, text, remove=None).mask
    yield ADJUSTED, engine.segment(encoded, text).mask
    for name, rival in rivals.items():
        yield name, rival.segment(rival.encode(scan), text, remove=None).mask


def means_of_kinds(table: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean Dice over the source sets (ID) and over the unseen sites (OOD), for each model and each gain."""
    kinds: dict[str, dict[str, float]] = {}
    for kind, sets in (("ID", ID_SETS), ("OOD", OOD_SETS)):
        rows = [table[f"clean: {name}"] for name in sets if f"clean: {name}" in table]
        if rows:
            kinds[kind] = {key: float(np.mean([row[key].mean for row in rows])) for key in rows[0] if key != "pictures"}
    return kinds
