import numpy as np
import pytest

from causalseg.annotations import Facts, LabelStore
from causalseg.annotations.store import deletion, drafts, statistics
from causalseg.annotations.queue import flags
from tests.annotations.samples import make_mask, make_scan, save


def test_store_in_numbers(store: LabelStore) -> None:
    for seed, split in enumerate(("train", "train", "val", "test")):
        store.add(make_scan(seed), person="ana", facts=Facts(patient=f"P{seed}", split=split))
    save(store, 1, seconds_spent=10.0, proposed=make_mask(1))
    save(store, 2, seconds_spent=5.0, proposed=np.zeros_like(make_mask(1)))
    save(store, 3, index=1)
    save(store, 4, person="ben", scan=make_scan(1))
    flags.flag(store, make_scan(1).sha256, "ana")
    drafts.keep(store, make_scan(2), make_mask(5), person="ben", description="lung")
    deletion.delete_scan(store, make_scan(3).sha256, person="ana")

    found = statistics.count(store)

    assert (found.scans, found.pictures, found.labels, found.drafts) == (3, 4, 4, 1)
    assert found.states == {"done": 3, "flagged": 1, "in_progress": 1}
    assert found.splits == {"train": 2, "val": 1} and found.modalities == {"ct": 3}
    assert [(one.person, one.labels, one.pictures, one.seconds_spent) for one in found.people] == [
        ("ana", 3, 2, 15.0),
        ("ben", 1, 1, 0.0),
    ]
    assert found.people[0].mean_dice_to_proposed == pytest.approx(0.5)
    assert found.people[1].mean_dice_to_proposed is None
    assert found.bytes_on_disk == sum(path.stat().st_size for path in store.folder.rglob("*") if path.is_file())


def test_untouched_pictures_are_counted_too(store: LabelStore) -> None:
    store.add(make_scan(), person="ana")

    assert statistics.count(store).states == {"not_started": 1}


def test_empty_store_counts_nothing(store: LabelStore) -> None:
    found = statistics.count(store)

    assert (found.scans, found.pictures, found.labels, found.people, found.bytes_on_disk) == (0, 0, 0, (), 0)
