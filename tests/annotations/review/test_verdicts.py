import pytest

from causalseg.annotations import Facts, LabelStore, review
from causalseg.annotations.store import deletion
from causalseg.errors import BadCorrection, StoreError
from tests.annotations.samples import make_scan, save


def test_every_word_of_every_reviewer_stays(store: LabelStore) -> None:
    revision = save(store)

    said = [
        review.send_back(store, revision, reviewer="ben", note="the edge"),
        review.approve(store, revision, reviewer="cleo", note="it is fine"),
    ]

    assert review.of(store, revision) == said
    assert [(one.reviewer, one.verdict, one.note) for one in said] == [
        ("ben", "sent_back", "the edge"),
        ("cleo", "approved", "it is fine"),
    ]
    assert review.of(store, save(store, 1)) == []


def test_newest_approved_mask_of_each_person_picture_and_description_is_learnt_from(store: LabelStore) -> None:
    old, better, unseen = save(store, 1), save(store, 2), save(store, 3)
    heart, bens, other_slice = (
        save(store, 4, description="heart"),
        save(store, 5, person="ben"),
        save(store, 6, index=1),
    )
    for revision in (old, better, heart, bens, other_slice):
        review.approve(store, revision, reviewer="cleo")

    assert review.approved(store) == [better, heart, bens, other_slice]

    review.send_back(store, better, reviewer="cleo", note="after all not")
    review.approve(store, unseen, reviewer="cleo")
    deletion.delete_revision(store, bens, person="ben")
    assert review.approved(store) == [unseen, heart, other_slice]


def test_approved_masks_of_one_part_of_the_split(store: LabelStore) -> None:
    for seed, split in enumerate(("train", "val", "train", "test")):
        revision = save(store, seed, scan=make_scan(seed), facts=Facts(patient=f"P{seed}", split=split))
        review.approve(store, revision, reviewer="ben")

    training = review.approved(store, "train")

    assert [revision.scan_sha256 for revision in training] == [make_scan(0).sha256, make_scan(2).sha256]
    assert all(store.split_of(revision.scan_sha256) == "train" for revision in training)
    assert len(review.approved(store)) == 4


def test_deleted_scan_is_not_learnt_from(store: LabelStore) -> None:
    review.approve(store, save(store), reviewer="ben")

    deletion.delete_scan(store, make_scan().sha256, person="ana")

    assert review.approved(store) == []


def test_review_needs_a_mask_and_a_name(store: LabelStore) -> None:
    revision = save(store)
    with pytest.raises(BadCorrection, match="Type your name"):
        review.approve(store, revision, reviewer="")
    deletion.delete_revision(store, revision, person="ana")

    with pytest.raises(StoreError, match="does not have this"):
        review.approve(store, revision, reviewer="ben")

    assert review.of(store, revision) == []
