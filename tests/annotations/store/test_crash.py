"""kill -9 in the middle of a hundred saves: what was acknowledged is there and whole, nothing is half-written."""

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from causalseg.annotations import LabelStore
from causalseg.annotations.store import deletion, drafts
from tests.annotations.samples import make_mask, make_scan, save

ROOT = Path(__file__).parents[3]
SAVES = 100
SAVES_BETWEEN_KILLS = 17
SAVE_SECONDS = 0.03
"""About as long as a save takes: a kill falls into any of its steps."""


def saved_until_killed(store: LabelStore, first: int, chance: random.Random) -> list[int]:
    """Seeds that a writer acknowledged before it was killed."""
    command = [sys.executable, "-m", "tests.annotations.store.writer", str(store.folder), str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(SAVES_BETWEEN_KILLS)]
        time.sleep(chance.uniform(0, SAVE_SECONDS))  # the moment of death, not a wait for anything
        writer.kill()
        return acknowledged + [int(line) for line in writer.stdout if line.endswith("\n")]


@pytest.mark.parametrize("saves", [SAVES // 4, pytest.param(SAVES, marks=pytest.mark.slow)])
def test_nothing_acknowledged_is_lost_and_nothing_is_half(store: LabelStore, saves: int) -> None:
    chance, acknowledged = random.Random(0), []
    while len(acknowledged) < saves:
        first = acknowledged[-1] + 1 if acknowledged else 0
        acknowledged += saved_until_killed(store, first, chance)

        revisions = store.revisions(make_scan().sha256)
        assert set(acknowledged) <= {int(revision.description) for revision in revisions}
        assert [revision.number for revision in revisions] == list(range(1, len(revisions) + 1))
        for revision in revisions:
            np.testing.assert_array_equal(store.mask(revision), make_mask(int(revision.description)))
            np.testing.assert_array_equal(store.image_u8(revision), make_scan().image_u8)
        (draft,) = drafts.find(store, "ana")
        assert draft.seconds_spent >= acknowledged[-1]
        np.testing.assert_array_equal(draft.mask, make_mask(int(draft.seconds_spent)))
        assert store.database.rows("PRAGMA integrity_check") == [("ok",)]

    assert save(store, 1).number == len(store.revisions(make_scan().sha256))
    deletion.purge(store, person="ana")
    assert not list(store.folder.rglob("*.part"))
