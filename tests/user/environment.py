"""The environment of a user, made of requirements.txt alone, and what is run in it."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv" / "bin" / "python"
"""Of `make environment`: what `make demo` starts the app with."""
LONGEST_SECONDS = 1200
"""Of a command on a machine that is busy; each takes seconds where it is not."""


def run(
    arguments: Sequence[str], *, cwd: Path = ROOT, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """What Python says in the user's environment, started in `cwd` with the project to be imported."""
    own = os.environ | {"PYTHONPATH": str(ROOT)} | dict(environment or {})
    return subprocess.run(
        [PYTHON, *arguments], cwd=cwd, env=own, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
    )
