"""Confounders left out of training: what is left out, and how their typed names are scored."""

from pathlib import Path

import numpy as np
import torch

from causalseg.causal.dictionary import load_dictionary
from causalseg.engine import Engine
from training.data import read_index
from training.evaluate.faithfulness import Protocol
from training.evaluate.report import write_report
from training.evaluate.scans import evaluation_rows
from training.experiments.typed import LEFT_OUT, known_entries, typed_tables
from training.runs import observed_alone


def test_the_five_are_not_in_training_and_nothing_else_is_missing() -> None:
    everything = {entry.id for entry in load_dictionary()}
    assert everything - {entry.id for entry in known_entries()} == {*LEFT_OUT}
    assert len(LEFT_OUT) == 5


def test_a_core_at_its_start_knows_the_checkpoints_observed_pass_and_no_confounder() -> None:
    network = observed_alone("causalseg-lite").eval()
    engine = Engine.load("causalseg-lite")
    released = engine._checkpoint  # pyright: ignore[reportPrivateUsage]
    own, other = network.state_dict(), released.state_dict()
    for name, value in own.items():
        if name.startswith(("image_tower.", "neck.", "decoder.")):
            torch.testing.assert_close(value, other[name].cpu(), rtol=0, atol=0)
    for part in ("presence.", "restorer."):
        assert any(not torch.equal(own[name], other[name].cpu()) for name in own if name.startswith(part))


def test_typed_switches_are_scored_against_clean_twins(data_dir: Path, tmp_path: Path) -> None:
    groups = evaluation_rows(read_index(data_dir))
    tables = typed_tables(Engine.load("causalseg-lite"), groups, Protocol(scans=2))
    assert tables["typed"].keys() == {*LEFT_OUT} - {"ghosting"}  # no set here is of MRI
    row = tables["typed"]["motion_blur"]
    assert row["scans"] > 0 and 0 <= row["detection AUROC"] <= 1
    scored = [name for name, own in tables["typed"].items() if own["recovery"] is not None]
    assert tables["typed together"]["scored"] == len(scored)
    if scored:
        means = [tables["typed"][name]["recovery"].mean for name in scored]
        np.testing.assert_allclose(tables["typed together"]["mean recovery"], np.mean(means))
    assert "## typed together" in write_report("typed", tables, {}, tmp_path).read_text(encoding="utf-8")
