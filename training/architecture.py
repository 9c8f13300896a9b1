"""The architecture of a run, kept beside its progress: a run of another core can be released without being told it."""

import json
from dataclasses import asdict
from pathlib import Path

from causalseg.errors import CheckpointError
from causalseg.models.build import Architecture

_FILE = "architecture.json"


def save_architecture(run_dir: Path, architecture: Architecture) -> None:
    """Write `architecture` into the run's folder.

    Raises:
        CheckpointError: the run was begun with another one.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / _FILE
    if path.exists() and load_architecture(run_dir) != architecture:
        raise CheckpointError(f"{run_dir} was begun with another architecture; give it as before, or another --run")
    path.write_text(json.dumps(asdict(architecture), indent=1) + "\n", encoding="utf-8")


def load_architecture(run_dir: Path) -> Architecture:
    """The run's architecture; the default one where the run does not say (core `causalseg`)."""
    path = run_dir / _FILE
    if not path.exists():
        return Architecture()
    return Architecture(**json.loads(path.read_text(encoding="utf-8")))
