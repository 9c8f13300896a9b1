"""Stages restore and detect: what each learns, what it draws, and that unknown teaches nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from causalseg.causal.dictionary import load_dictionary
from causalseg.checkpoints import kept_state
from causalseg.models.build import Architecture
from causalseg.models.network import CausalSegNetwork
from training.data import Squares
from training.data.carried import Carried
from training.loop import learn
from training.runs import fresh_network
from training.stages.detect import REAL_STRENGTH, DetectSettings, DetectTrainer
from training.stages.restore import RestoreSettings, RestoreTrainer

DICTIONARY = load_dictionary()
PLACE = {entry.id: k for k, entry in enumerate(DICTIONARY)}
ROWS = np.arange(4, 12)
"""Ultrasound and dermoscopy."""


def fresh() -> CausalSegNetwork:
    return fresh_network(Architecture(channels=32, code_width=16, input_side_px=64))


def carried(squares: Squares, labels: Sequence[Mapping[str, bool]] | None = None) -> Carried:
    return Carried.of(squares.rows, DICTIONARY, labels or [{} for _ in squares.rows])


def restore(squares: Squares, **settings: Any) -> RestoreTrainer:
    given = {"epochs": 1, "batch_size": 8, "cut_px": 32} | settings
    return RestoreTrainer(fresh(), squares, RestoreSettings.model_validate(given), carried(squares))


def detect(squares: Squares, labels: Sequence[Mapping[str, bool]] | None = None, **settings: Any) -> DetectTrainer:
    given = {"epochs": 1, "batch_size": 8, "relit_share": 0.0} | settings
    return DetectTrainer(fresh(), squares, DetectSettings.model_validate(given), carried(squares, labels))


def sources() -> tuple[np.random.Generator, torch.Generator]:
    return np.random.default_rng(0), torch.Generator().manual_seed(0)


def moved_by(trainer: RestoreTrainer | DetectTrainer, run_dir: Path) -> set[str]:
    before = {name: value.clone() for name, value in kept_state(trainer.network).items()}
    learn(trainer, run_dir)
    return {
        name.split(".")[0]
        for name, value in kept_state(trainer.network).items()
        if not torch.equal(value, before[name])
    }


def test_each_learns_its_own_part_alone(squares: Squares, tmp_path: Path) -> None:
    assert moved_by(restore(squares), tmp_path / "restore") == {"restorer"}
    assert moved_by(detect(squares), tmp_path / "detect") == {"presence"}


def test_a_part_of_a_pair_is_cut_where_the_confounder_changed_it(squares: Squares) -> None:
    trainer = restore(squares, whole_share=0.0, shares={"null": 0.0, "kept_other": 0.0, "both": 0.0})
    pairs = trainer.draw(ROWS, *sources())
    assert pairs.inputs.shape[-2:] == (32, 32)
    for i, twin in enumerate(pairs.twins):
        if np.abs(twin.input_u8.astype(int) - twin.goal_u8).max() > 8:
            assert not torch.equal(pairs.inputs[i], pairs.goals[i])


def test_a_pair_that_changes_nothing_wants_the_picture_back(squares: Squares) -> None:
    trainer = restore(squares, shares={"null": 1.0})
    pairs = trainer.draw(ROWS, *sources())
    assert torch.equal(pairs.inputs, pairs.goals) and all(twin.is_null for twin in pairs.twins)
    assert trainer.losses(ROWS, *sources(), 0)["picture"].detach() > 0


def test_restoring_learns_a_batch(squares: Squares) -> None:
    trainer = restore(squares, shares={"null": 0.0})
    restorer = trainer.restorer
    optimizer = torch.optim.AdamW(restorer.parameters(), 2e-3)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = trainer.losses(ROWS, *sources(), 0)["picture"]
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_what_is_put_in_weighs_and_what_is_unknown_does_not(squares: Squares) -> None:
    trainer = detect(squares, shares={"null": 1.0})
    _, told = trainer.draw(ROWS, *sources())
    derm = [place for place, i in enumerate(ROWS) if squares.rows[i].modality == "dermoscopy"]
    absent = told.strength[derm][:, PLACE["hair"]] == 0
    assert (told.weight[derm][:, PLACE["hair"]][absent] == 0).all()
    assert (told.weight[derm][:, PLACE["sensor_noise"]] > 0).all()
    put = told.strength > 0
    assert (told.weight[put] == trainer.settings.positive_weight).all()


@pytest.mark.parametrize("there", [True, False])
def test_what_people_say_of_a_real_scan_is_taught(squares: Squares, there: bool) -> None:
    """Every second scan is said to have hair; nothing is put in."""
    labels = [{"hair": i % 2 == 0} for i in range(len(squares.rows))]
    trainer, hair = detect(squares, labels, shares={"null": 1.0}), PLACE["hair"]
    _, told = trainer.draw(ROWS, *sources())
    said = [
        place
        for place, i in enumerate(ROWS.tolist())
        if squares.rows[i].modality == "dermoscopy" and labels[i]["hair"] is there
        if told.weight[place, hair] != trainer.settings.positive_weight
    ]
    assert said
    for place in said:
        assert told.strength[place, hair] == pytest.approx(REAL_STRENGTH if there else 0)
        assert told.weight[place, hair] == trainer.settings.real_weight
        assert bool(told.is_somewhere[place, hair]) is there and bool(told.map_is_known[place, hair]) is not there
