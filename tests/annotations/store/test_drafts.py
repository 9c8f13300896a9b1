from dataclasses import replace

import numpy as np
import pytest

from causalseg.annotations import LabelStore
from causalseg.annotations.store import drafts
from causalseg.annotations.queue import flags
from causalseg.annotations.label_records import KeptDraft
from causalseg.errors import BadCorrection
from tests.annotations.samples import make_mask, make_scan, save


def keep(store: LabelStore, seed: int, *, person: str = "ana", description: str = "lung") -> KeptDraft:
    return drafts.keep(store, make_scan(), make_mask(seed), person=person, description=description)


def test_draft_is_there_again_after_a_restart(store: LabelStore) -> None:
    scan, mask, proposed = make_scan(), make_mask(1), make_mask(2)

    kept = drafts.keep(
        store,
        scan,
        mask,
        person=" ana ",
        description="left lung",
        removed=["hair"],
        model="causalseg-lite",
        parent_sha256="f" * 64,
        proposed=proposed,
        seconds_spent=3.5,
        index=2,
    )
    (found,) = drafts.find(LabelStore(store.folder), "ana")

    for draft in (kept, found):
        assert (draft.scan_sha256, draft.index, draft.person) == (scan.sha256, 2, "ana")
        assert (draft.description, draft.removed, draft.model) == ("left lung", ("hair",), "causalseg-lite")
        assert (draft.parent_sha256, draft.seconds_spent) == ("f" * 64, 3.5)
        np.testing.assert_array_equal(draft.mask, mask)
        np.testing.assert_array_equal(draft.proposed, proposed)
        np.testing.assert_array_equal(store.picture_u8(draft.image_sha256), scan.image_u8)
    assert found.kept_at == kept.kept_at


def test_draft_is_no_label(store: LabelStore) -> None:
    keep(store, 1)

    assert store.revisions(make_scan().sha256) == []
    assert not store.masks.exists()
    assert store.work_of(make_scan().sha256, "ana").state == "in_progress"


def test_next_draft_takes_the_place_of_the_one_before(store: LabelStore) -> None:
    for seed in range(5):
        keep(store, seed)

    (draft,) = drafts.find(store, "ana")
    np.testing.assert_array_equal(draft.mask, make_mask(4))
    assert [event.kind for event in store.events()] == ["added", "began"]


def test_people_pictures_and_descriptions_have_drafts_of_their_own(store: LabelStore) -> None:
    keep(store, 1)
    keep(store, 2, description="heart")
    keep(store, 3, person="ben")
    drafts.keep(store, make_scan(), make_mask(4), person="ana", description="lung", index=7)

    found = drafts.find(store, "ana")

    assert [(draft.description, draft.index) for draft in found] == [("lung", 7), ("heart", 0), ("lung", 0)]
    assert len(drafts.find(store, "ana", make_scan().sha256, 0)) == 2
    assert drafts.find(store, "ana", make_scan(9).sha256) == []
    assert len(drafts.find(store, "ben")) == 1


def test_saving_ends_the_draft_of_that_description(store: LabelStore) -> None:
    keep(store, 1)
    keep(store, 2, description="heart")

    save(store, 1, description="lung")

    assert [draft.description for draft in drafts.find(store, "ana")] == ["heart"]


def test_thrown_away_draft_leaves_what_was_before_it(store: LabelStore) -> None:
    draft = keep(store, 1)
    drafts.discard(store, draft)
    assert store.work_of(make_scan().sha256, "ana").state == "not_started"
    save(store)
    draft = keep(store, 2)
    assert store.work_of(make_scan().sha256, "ana").state == "in_progress"

    drafts.discard(store, draft)
    drafts.discard(store, draft)

    assert drafts.find(store, "ana") == [] and store.work_of(make_scan().sha256, "ana").state == "done"


def test_picture_seen_through_another_window_is_kept_with_the_draft(store: LabelStore) -> None:
    scan = make_scan()
    brighter = replace(scan, image_u8=scan.image_u8 // 2 + 100)
    keep(store, 1)

    draft = drafts.keep(store, brighter, make_mask(1), person="ana", description="lung")

    np.testing.assert_array_equal(store.picture_u8(draft.image_sha256), brighter.image_u8)
    np.testing.assert_array_equal(store.reopened(scan.sha256).image_u8, scan.image_u8)


def test_draft_of_another_size_is_refused(store: LabelStore) -> None:
    small = np.zeros((3, 3), dtype=bool)

    with pytest.raises(BadCorrection, match="the scan has 12 x 17 px"):
        drafts.keep(store, make_scan(), small, person="ana", description="lung")

    assert not store.folder.exists()


def test_callers_mask_may_change_afterwards(store: LabelStore) -> None:
    mask = make_mask(1)
    draft = drafts.keep(store, make_scan(), mask, person="ana", description="lung", proposed=mask)

    mask[:] = False

    np.testing.assert_array_equal(draft.mask, make_mask(1))
    np.testing.assert_array_equal(draft.proposed, make_mask(1))
