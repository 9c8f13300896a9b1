"""Somebody who saves and saves, in a process of their own: `python -m tests.annotations.store.writer FOLDER FIRST`.

Before each mask a draft of it is kept. What is acknowledged is said on standard output: the mask's seed.
"""

import sys
from itertools import count
from pathlib import Path

from causalseg.annotations import LabelStore
from causalseg.annotations.store import drafts
from tests.annotations.samples import make_mask, make_scan, save


def main(folder: str, first: str) -> None:
    """Save until killed."""
    store = LabelStore(Path(folder))
    for seed in count(int(first)):
        drafts.keep(store, make_scan(), make_mask(seed), person="ana", description="draft", seconds_spent=float(seed))
        save(store, seed, description=str(seed))
        sys.stdout.write(f"{seed}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
