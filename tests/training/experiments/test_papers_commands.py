"""The papers from the shell: a run of either core begins, remembers what it is, and goes on."""

from pathlib import Path
from typing import cast

import pytest
import torch

from causalseg.models.build import build_network
from causalseg.models.causalclipseg import CausalClipSegNetwork
from tests.models.small import SIDE_PX, small_network
from training.__main__ import main
from training.data import read_index
from training.experiments.causalclipseg import branches_table
from training.resume import load_average
from training.runs import load_architecture


@pytest.mark.parametrize("core", ["causalclipseg", "mcdrl"])
def test_a_run_begins_and_goes_on(core: str, data_dir: Path, tmp_path: Path) -> None:
    """The data folder holds less than one batch, so that this costs no step."""
    command = ["train", core, "--data", str(data_dir), "--run", str(tmp_path / "run"), "--cache", str(tmp_path)]
    command += ["--channels", "16", "--dictionary", "endoscopy", "--epochs", "2"]

    assert main(command) == 0
    assert main(command) == 0

    architecture = load_architecture(tmp_path / "run")
    assert (architecture.core, architecture.channels, architecture.dictionary) == (core, 16, "endoscopy")
    assert load_average(tmp_path / "run", build_network(architecture)) == 2


def test_a_run_is_not_continued_as_something_else(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "architecture.json").write_text('{"core": "mcdrl"}')

    code = main(["train", "causalclipseg", "--data", str(data_dir), "--run", str(tmp_path), "--channels", "16"])

    assert code == 2
    assert "another architecture" in capsys.readouterr().err


def test_both_branches_are_scored_for_every_set(data_dir: Path) -> None:
    torch.manual_seed(0)
    network = cast("CausalClipSegNetwork", small_network("causalclipseg", "RN50")).eval()
    groups = {"kvasir": [row for row in read_index(data_dir) if row.set == "kvasir"]}

    table = branches_table(network, groups, SIDE_PX, 2)

    assert table.keys() == {"kvasir"}
    assert table["kvasir"].keys() == {"causal", "confounding", "mean mask"}
    assert all(value.count == 2 and 0 <= value.mean <= 1 for value in table["kvasir"].values())
