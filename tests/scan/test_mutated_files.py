"""Mutated files neither crash, nor hang, nor swell; `python -m tests.scan.mutated_files 1000` tries more of them."""

import json
import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="memory is measured with the module resource")
@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_mutated_files_are_read_or_refused_in_time_and_memory(count: int) -> None:
    command = [sys.executable, "-m", "tests.scan.mutated_files", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)

    assert report["faults"] == []
    assert report["read"] + report["refused"] == count and report["read"] > 10 and report["refused"] > 10
    assert report["slowest_seconds"] < 100  # 10 s are for the file, the rest for a worker to start on a busy machine
    assert report["largest_mb"] < 2048 and report["largest_worker_mb"] < 2048
