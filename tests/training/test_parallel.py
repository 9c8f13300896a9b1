"""Two processes end where one does: the same draws for every row, the mean of the gradients, one writer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from causalseg.errors import CannotLearn
from training.parallel import Team, parts_of

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-5
"""Of a weight: floats are added in another order, and AdamW divides by small numbers."""
LAUNCH = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m"]


def run_world(data_dir: Path, out: Path, *, launch: list[str], parts: str) -> None:
    environment = os.environ | {"CAUSALSEG_PARTS": parts, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *launch, "tests.training.parallel_world", str(data_dir), str(out)]
    out.mkdir()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]


def test_two_processes_end_where_one_process_ends(data_dir: Path, tmp_path: Path) -> None:
    run_world(data_dir, tmp_path / "two", launch=LAUNCH, parts="2")
    run_world(data_dir, tmp_path / "one", launch=["-m"], parts="2")

    one, first, second = (
        torch.load(tmp_path / name, weights_only=True) for name in ("one/left-0.pt", "two/left-0.pt", "two/left-1.pt")
    )
    for stage, state in one.items():
        for name, value in state.items():
            torch.testing.assert_close(first[stage][name], value, rtol=0, atol=TOLERANCE, msg=f"{stage} {name}")
            torch.testing.assert_close(second[stage][name], first[stage][name], rtol=0, atol=0, msg=f"{stage} {name}")
    assert {path.name for path in (tmp_path / "two" / "tiny").iterdir()} == {"progress.pt"}


def test_a_run_of_two_parts_that_was_stopped_ends_where_a_straight_one_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.training.parallel_world import train_tiny

    monkeypatch.setenv("CAUSALSEG_PARTS", "2")
    straight = train_tiny(tmp_path / "straight").state_dict()
    monkeypatch.setattr("training.loop.save_progress", _save_then_stop)
    with pytest.raises(KeyboardInterrupt):
        train_tiny(tmp_path / "stopped")
    monkeypatch.undo()
    monkeypatch.setenv("CAUSALSEG_PARTS", "2")

    for name, value in train_tiny(tmp_path / "stopped").state_dict().items():
        torch.testing.assert_close(value, straight[name], rtol=0, atol=0, msg=name)


def _save_then_stop(*arguments: object) -> None:
    from training.resume import save_progress

    save_progress(*arguments)  # pyright: ignore[reportArgumentType]
    raise KeyboardInterrupt


@pytest.mark.parametrize(("parts", "processes"), [("3", 1), ("2", 4), ("0", 1), ("6", 2)])
def test_batches_that_cannot_be_shared_are_refused(parts: str, processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAUSALSEG_PARTS", parts)
    with pytest.raises(CannotLearn, match="divide the batch"):
        parts_of(8, processes)


def test_every_part_is_one_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CAUSALSEG_PARTS", raising=False)

    assert parts_of(8, 4) == 4 and parts_of(8, 1) == 1
    assert sorted(part for rank in range(3) for part in Team(3, rank).share(6)) == list(range(6))
