"""`python -m training run`: a recipe from its start to a released checkpoint, resumable at any moment.

RUN/<stage>/       a run's folder each (see `training.runs`)
RUN/release/       a manifest with one entry, and the weights that it names
RUN/curves.png     losses of every stage
RUN/card.md        the model card
"""

import hashlib
import json
import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from causalseg.causal.dictionary import load_dictionary
from causalseg.checkpoints import MANIFEST_PATH, PROJECT_DIR, CheckpointEntry
from causalseg.errors import CannotLearn
from training.card import write_card, write_curves
from training.data import Row, epoch_indices, load_squares, read_index, train_rows
from training.data.carried import Carried
from training.data.labels import label_folders, labels_of, read_labels
from training.data.transplants import TransplantBank
from training.devices import accelerator
from training.evaluate.report import commit_of_code
from training.loop import LoopSettings, learn
from training.manifest import write_entry
from training.progress import Bar
from training.recipe import ObserveStep, Recipe, ReleaseSettings, RestoreStep, Step, load_recipe
from training.resume import epochs_done
from training.runs import (
    RunRecord,
    architecture_of,
    begin_run,
    data_behind,
    load_architecture,
    started,
    trained,
)
from training.stages.detect import DetectTrainer
from training.stages.observe import ObserveTrainer
from training.stages.release import Origin, chosen_entry
from training.stages.release import release as write_weights
from training.stages.restore import RestoreTrainer

logger = logging.getLogger(__name__)

Data = Annotated[Path, typer.Option(help="Folder with index.csv, label store, or parquet shards.")]
Cache = Annotated[Path, typer.Option(help="Where squashed scans are kept.")]
CACHE = Path("runs/squares")


def run(
    recipe: Annotated[str, typer.Argument(help="A recipe's name (lite, tiny, plain, augmented) or a YAML file.")],
    data: Data,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run; made, or resumed. [default: runs/RECIPE]")
    ] = None,
    only: Annotated[str | None, typer.Option(help="One stage of the recipe, by its name.")] = None,
    cache: Cache = CACHE,
) -> None:
    """Train a recipe from its start to a released checkpoint, or go on with it."""
    made = load_recipe(recipe)
    run_recipe(made, data, run or Path("runs") / made.name, cache, only=only)


def release(
    data: Data,
    run: Annotated[Path, typer.Option(help="Folder of a stage's run.")],
    version: Annotated[str, typer.Option(help="Of the checkpoint, as the manifest tells it.")],
    licence: Annotated[str, typer.Option(help="Of the weights, as the manifest tells it.")] = Origin().licence,
    project: Annotated[Path, typer.Option(help="Whose manifest and assets/checkpoints are written.")] = PROJECT_DIR,
    cache: Cache = CACHE,
) -> None:
    """Choose thresholds on validation scans, write weights and manifest entry of a run."""
    release_run(
        run, validation_rows(read_index(data)), ReleaseSettings(version=version, licence=licence), data, project, cache
    )


def run_recipe(recipe: Recipe, data: Path, run_dir: Path, cache: Path, *, only: str | None = None) -> None:
    """Every stage that is not done yet, then the release.

    Raises:
        CannotLearn: there is nothing to learn from, or no such stage.
        CheckpointError: the run was begun with other settings or other data.
    """
    torch.set_flush_denormal(True)
    if only is not None and only not in recipe.stage_names:
        raise CannotLearn(f"There is no stage {only}; there are {', '.join(recipe.stage_names)}.")
    rows = _at_most(read_index(data), recipe.scans_a_set)
    learnt_from = train_rows(rows)
    if not learnt_from:
        raise CannotLearn(f"{data} has no row of role source and split train to learn from.")
    clock = _Clock(recipe, learnt_from)
    for stage in recipe.stages:
        if only in (None, stage.name):
            clock.start(stage)
            _run_stage(recipe, stage, learnt_from, data, run_dir, cache)
            if accelerator().is_main_process:
                write_curves(recipe, run_dir)
                write_card(recipe, run_dir)
            clock.end(stage)
    if recipe.release is not None and only is None and accelerator().is_main_process:
        validation = _drawn(validation_rows(rows), recipe.release.draws)
        last = run_dir / recipe.stages[-1].name
        entry = release_run(last, validation, recipe.release, data, run_dir / "release", cache)
        write_card(recipe, run_dir, entry, validation)


def release_run(
    run: Path, validation: Sequence[Row], settings: ReleaseSettings, data: Path, project: Path, cache: Path
) -> CheckpointEntry:
    """Thresholds, weights and manifest entry of a run's network, into the manifest below `project`.

    Raises:
        CannotLearn: no validation scan shows anything.
        FileNotFoundError: the run has not finished an epoch.
    """
    network, architecture = trained(run), load_architecture(run)
    squares = load_squares(validation, architecture.input_side_px, cache, on_progress=Bar("validation scans"))
    origin = Origin(tuple(data_behind(str(run))), settings.licence)
    labels = labels_of(validation, read_labels(label_folders(data)), data)
    chosen = chosen_entry(settings.version, network, squares, architecture, origin, labels)
    entry = write_weights(network, chosen, project)
    write_entry(entry, project / MANIFEST_PATH.name)
    return entry


def validation_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows that a release chooses on: role `source`, split `val`."""
    return [row for row in rows if row.role == "source" and row.split == "val"]


def _run_stage(recipe: Recipe, stage: Step, rows: list[Row], data: Path, run_dir: Path, cache: Path) -> None:
    folder = run_dir / stage.name
    starts = [_place(recipe, start, run_dir) for start in stage.start]
    architecture = recipe.architecture or architecture_of(starts[0])
    facts = [(row.set, row.split, row.role, row.modality, row.target, row.patient, row.image.name) for row in rows]
    lines = [line for start in starts for line in data_behind(start)] + [recipe.line_of(row.set) for row in rows]
    record = RunRecord(
        start=stage.start,
        scans=dict(Counter(row.set for row in rows)),
        rows_sha256=hashlib.sha256(json.dumps(facts).encode()).hexdigest(),
        data=list(dict.fromkeys(lines)),
        seed=stage.seed,
        commit=commit_of_code(),
    )
    begin_run(folder, architecture, record)
    if epochs_done(folder, stage.model_dump(mode="json")) == stage.epochs:
        return
    network = started(architecture, starts, stage.seed)
    with accelerator().main_process_first():
        squares = load_squares(rows, architecture.input_side_px, cache, on_progress=Bar("scans"))
    if isinstance(stage, ObserveStep):
        learn(ObserveTrainer(network, squares, stage), folder)
        return
    labels = labels_of(rows, read_labels(label_folders(data)), data)
    carried, bank = Carried.of(rows, load_dictionary(), labels), TransplantBank.of_squares(squares, labels)
    if isinstance(stage, RestoreStep):
        learn(RestoreTrainer(network, squares, stage, carried, bank), folder)
    else:
        learn(DetectTrainer(network, squares, stage, carried, bank), folder)


def _place(recipe: Recipe, start: str, run_dir: Path) -> str:
    """A stage of the recipe is a folder of its run; all else is what it says."""
    return str(run_dir / start) if start in recipe.stage_names else start


def _at_most(rows: Sequence[Row], count: int | None) -> list[Row]:
    """The first `count` scans of each set and split in a fixed shuffle; all without a count."""
    if count is None:
        return list(rows)
    seen, kept = Counter[tuple[str, str, str]](), list[Row]()
    for index in np.random.default_rng(0).permutation(len(rows)):
        row = rows[index]
        seen[row.set, row.split, row.target] += 1
        if seen[row.set, row.split, row.target] <= count:
            kept.append(row)
    return kept


def _drawn(rows: list[Row], draws: dict[str, int]) -> list[Row]:
    chosen = epoch_indices(rows, draws, np.random.default_rng(0)) if rows else []
    return [rows[index] for index in sorted(chosen)]


@dataclass(slots=True)
class _Clock:
    """How long the stages that are left will take, judged by those that this process ran."""

    recipe: Recipe
    rows: list[Row]
    seconds: float = 0.0
    scans: int = 0
    started: float = 0.0

    def start(self, stage: LoopSettings) -> None:
        names = self.recipe.stage_names
        number = [one is stage for one in self.recipe.stages].index(True)
        left = sum(self._scans_of(one) for one in self.recipe.stages[number:])
        told = f", about {self.seconds / self.scans * left / 60:.0f} min for all that is left" if self.scans else ""
        logger.info("stage %d of %d, %s%s", number + 1, len(names), names[number], told)
        self.started = time.monotonic()

    def end(self, stage: LoopSettings) -> None:
        took = time.monotonic() - self.started
        if took > 10:  # else it was done already
            self.seconds, self.scans = self.seconds + took, self.scans + self._scans_of(stage)

    def _scans_of(self, stage: LoopSettings) -> int:
        return stage.epochs * len(epoch_indices(self.rows, stage.draws, np.random.default_rng(0)))
