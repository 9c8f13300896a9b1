"""The commands of fine-tuning, as a person would give them; the dear ones are tested in test_finetune_run.py."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from causalseg.checkpoints import find_entry
from causalseg.versions import VersionStore
from tests.test_versions import CHANGE, card
from training.__main__ import main
from training.finetune.cli import _tell_progress, _tell_step


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Versions of the embedded checkpoint: one that may be promoted, one that may not."""
    entry = find_entry("causalseg-lite")
    for name, passed in (("good", True), ("bad", False)):
        made = replace(card(name, passed=passed), checkpoint=entry.name, checkpoint_sha256=entry.sha256)
        VersionStore(tmp_path).add(made, CHANGE)
    return tmp_path


def run(folder: Path, *arguments: str) -> int:
    return main(["versions", "--versions", str(folder), *arguments])


def test_versions_are_listed_promoted_and_rolled_back(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, served in (
        ((), "causalseg-lite"),
        (("--promote", "good"), "good"),
        (("--rollback", "causalseg-lite"), "causalseg-lite"),
        (("--rollback", "good"), "good"),
    ):
        assert run(folder, *arguments) == 0
        out = capsys.readouterr().out
        assert f"Served: {served}\n" in out
        assert "bad: from tiny, 10 corrections and 0 statements" in out
        assert "The masks held back are no better." in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--promote", "bad"], "not promoted: The masks held back are no better."),
        (["--promote", "none"], "There is no version 'none'; there are: bad, good."),
        (["--rollback", "good"], "never promoted"),
        (["--publish", "good"], "--repo OWNER/NAME"),
        (["--promote", "good", "--rollback", "good"], "at a time"),
        (["--checkpoint", "nothing"], "There is no checkpoint 'nothing'"),
    ],
)
def test_refusals_are_sentences_and_exit_code_2(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert run(folder, *arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert "Traceback" not in error


def test_fine_tuning_without_replay_features_says_how_to_make_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "none.npz")
    arguments = ["--store", str(tmp_path), "--out", "x", "--versions", str(tmp_path / "v"), "--replay", missing]

    assert main(["finetune", *arguments]) == 2
    assert "replay features none.npz" in capsys.readouterr().err
    assert not (tmp_path / "v").exists()


def test_a_program_reads_progress_and_the_curve_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    _tell_progress(1, 9)
    _tell_step(5, 5, 0.25)
    _tell_step(5, 7, 0.125)

    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"kind": "progress", "done": 1, "total": 9},
        {"kind": "step", "member": 0, "step": 5, "loss": 0.25},
        {"kind": "step", "member": 1, "step": 2, "loss": 0.125},
    ]
