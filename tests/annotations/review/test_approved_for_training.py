"""What may be learnt from is counted as fine-tuning takes it."""

from causalseg.annotations import LabelStore, review
from causalseg.annotations.review import confounder_statements
from causalseg.annotations.review.approved_for_training import Opinion, learnable, masks, too_few
from causalseg.annotations.store.scans import Facts
from tests.annotations.samples import make_scan, save

TRAIN, VAL = Facts(split="train"), Facts(split="val")


def approved(store: LabelStore, seed: int, **facts: object) -> None:
    review.approve(store, save(store, seed, scan=make_scan(seed), **facts), reviewer="ben")


def test_only_approved_masks_count_and_of_two_of_one_picture_the_newer(store: LabelStore) -> None:
    approved(store, 1, facts=TRAIN)
    approved(store, 1, facts=TRAIN, person="cleo")
    approved(store, 2, facts=TRAIN)
    approved(store, 3, facts=VAL)
    save(store, 4, scan=make_scan(4), facts=TRAIN)

    found = learnable(store)

    assert (found.corrections, found.patients, found.held_back) == (2, 2, 1)
    assert [one.person for one in masks(store, "train")] == ["cleo", "ana"]
    assert too_few(found.corrections, found.patients).startswith("There are 2 approved corrections of 2")


def test_it_is_enough_with_six_corrections_of_three_patients(store: LabelStore) -> None:
    for seed in range(6):
        approved(store, seed, facts=Facts(patient=f"p{seed % 3}", split="train"))

    found = learnable(store)
    assert too_few(found.corrections, found.patients) == ""


def test_what_people_contradict_is_counted_apart(store: LabelStore) -> None:
    first, second = make_scan(1), make_scan(2)
    for scan in (first, second):
        store.add(scan, person="ana", facts=TRAIN)
    confounder_statements.say(store, first.sha256, {"hair": True, "calipers": False}, person="ana")
    confounder_statements.say(store, first.sha256, {"hair": False}, person="ben")
    confounder_statements.say(store, second.sha256, {"hair": True}, person="ben")

    found = learnable(store)

    assert found.opinions == (
        Opinion("calipers", 0, 1, 0),
        Opinion("hair", 1, 0, 1),
    )
    assert found.statements == 2
