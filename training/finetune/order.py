"""How another program has something fine-tuned: the command, whose lines cli.py describes. The Train page runs it."""

import sys
from pathlib import Path


def finetune_command(
    *, store: Path, versions: Path, checkpoint: str, parent: str, name: str, seed: int
) -> tuple[str, ...]:
    """The command that makes version `name` of `checkpoint` from `parent`, saying how far it is in lines of JSON."""
    return (
        *(sys.executable, "-m", "training", "finetune"),
        *("--store", str(store.resolve())),
        *("--versions", str(versions.resolve())),
        *("--checkpoint", checkpoint),
        *("--from", parent),
        f"--out={name}",
        *("--seed", str(seed)),
        *("--progress", "json"),
    )
