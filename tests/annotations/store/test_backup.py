from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from causalseg.annotations import LabelStore, review
from causalseg.annotations.store import backup, drafts
from causalseg.errors import StoreError
from tests.annotations.samples import make_mask, make_scan, save


def test_copy_is_the_store(store: LabelStore, tmp_path: Path) -> None:
    revisions = [save(store, seed) for seed in range(4)]
    review.approve(store, revisions[2], reviewer="ben")
    drafts.keep(store, make_scan(), make_mask(7), person="ana", description="heart")

    copy = backup.copy_to(store, tmp_path / "copies" / "one")

    assert copy.revisions(make_scan().sha256) == revisions and copy.events() == store.events()
    assert review.approved(copy) == [revisions[2]] and copy.scans() == store.scans()
    for seed, revision in enumerate(revisions):
        np.testing.assert_array_equal(copy.mask(revision), make_mask(seed))
        np.testing.assert_array_equal(copy.image_u8(revision), make_scan().image_u8)
    np.testing.assert_array_equal(drafts.find(copy, "ana")[0].mask, make_mask(7))
    assert save(copy, 9).number == 5 and len(store.revisions(make_scan().sha256)) == 4


def test_copy_made_while_others_save_is_whole(store: LabelStore, tmp_path: Path) -> None:
    save(store, 0)
    with ThreadPoolExecutor(3) as pool:
        saving = [pool.submit(save, store, seed) for seed in range(1, 30)]
        copies = [backup.copy_to(store, tmp_path / str(number)) for number in range(3)]
        for job in saving:
            job.result()

    for copy in copies:
        for revision in copy.revisions(make_scan().sha256):
            np.testing.assert_array_equal(copy.mask(revision), store.mask(revision))


def test_folder_with_something_in_it_is_left_alone(store: LabelStore, tmp_path: Path) -> None:
    save(store)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")

    with pytest.raises(StoreError, match="is not empty"):
        backup.copy_to(store, tmp_path / "full")

    assert [path.name for path in (tmp_path / "full").iterdir()] == ["thesis.txt"]
