"""Two processes learn what one learns of the same batches: the mean of the gradients, one writer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from training.resume import read_progress

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-5
"""Of a weight: floats are added in another order, and AdamW divides by small numbers."""
LAUNCH = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m"]


def run_world(data_dir: Path, out: Path, *, launch: list[str]) -> None:
    command = [sys.executable, *launch, "tests.training.parallel_world", str(data_dir), str(out)]
    out.mkdir()
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(data_dir: Path, tmp_path: Path) -> None:
    run_world(data_dir, tmp_path / "two", launch=LAUNCH)
    run_world(data_dir, tmp_path / "one", launch=["-m"])

    one, first, second = (
        torch.load(tmp_path / name, weights_only=True) for name in ("one/left-0.pt", "two/left-0.pt", "two/left-1.pt")
    )
    for name, value in one["tiny"].items():
        torch.testing.assert_close(first["tiny"][name], value, rtol=0, atol=TOLERANCE, msg=name)
    for stage in ("tiny", "stage"):
        for name, value in first[stage].items():
            if "running" not in name and "num_batches" not in name:  # statistics are those of a process's own scans
                torch.testing.assert_close(second[stage][name], value, rtol=0, atol=0, msg=name)
    assert {path.name for path in (tmp_path / "two" / "tiny").iterdir()} == {"progress.pt"}
    curves = [read_progress(tmp_path / name / "stage") for name in ("one", "two")]
    told = [sum(losses["mask"] for losses in curve["history"]) for curve in curves if curve]
    assert told[0] == pytest.approx(told[1], rel=0.3)  # eight steps of other views and questions


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from causalseg.errors import CannotLearn
    from tests.training.parallel_world import train_tiny
    from training.devices import accelerator

    monkeypatch.setattr(type(accelerator()), "num_processes", 3)
    with pytest.raises(CannotLearn, match="shared equally by 3"):
        train_tiny(tmp_path)
