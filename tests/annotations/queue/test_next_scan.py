from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalseg.annotations import Facts, LabelStore, queue, review
from causalseg.annotations.label_records import Signal
from causalseg.annotations.queue import Policy, Turn, flags, next_scan, picture_signals, skip
from causalseg.annotations.store import deletion, drafts
from causalseg.errors import BadCorrection, StoreError
from tests.annotations.samples import make_mask, make_scan, save

CHOSEN = Policy(control_share=0.0)
SHA256S = [make_scan(seed).sha256 for seed in range(40)]


def fill(store: LabelStore, count: int = 5) -> LabelStore:
    for seed in range(count):
        store.add(make_scan(seed), person="importer")
    return store


def look(store: LabelStore, seed: int, uncertainty: float = 0.0, disagreement: float = 0.0, angle: float = 0.0) -> None:
    """The signal of a made-up model that sees one angle in every picture."""
    embedding = np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)
    picture_signals.put(store, {(SHA256S[seed], 0): Signal(uncertainty, disagreement, embedding)}, model="fake")


def seed_of(turn: Turn | None) -> int | None:
    return None if turn is None else SHA256S.index(turn.scan.sha256)


def test_empty_store_has_nothing(store: LabelStore) -> None:
    assert next_scan(store, "ana") is None


def test_without_a_model_pictures_come_as_they_came(store: LabelStore) -> None:
    fill(store, 3)

    turn = next_scan(store, "ana", CHOSEN)

    assert turn is not None and (seed_of(turn), turn.index, turn.why) == (0, 0, "arrival")
    assert turn.reason == "The next one in the order in which they came: no model has looked at what is left."
    np.testing.assert_array_equal(store.picture_u8(turn.image_sha256), make_scan(0).image_u8)
    assert seed_of(next_scan(store, "ana", CHOSEN)) == 0
    assert seed_of(next_scan(store, "ana", CHOSEN, after=(SHA256S[0], 0))) == 1


def test_what_the_model_doubts_comes_first_with_its_reason(store: LabelStore) -> None:
    fill(store)
    for seed, uncertainty in enumerate([0.1, 0.2, 0.9, 0.3, 0.4]):
        look(store, seed, uncertainty, angle=float(seed))

    turn = next_scan(store, "ana", CHOSEN)

    assert turn is not None and (seed_of(turn), turn.why) == (2, "uncertainty")
    assert turn.reason == "The model doubts its mask here more than in 100 % of the 5 pictures that are left."


def test_what_counterfactuals_disagree_on_comes_first_where_that_is_asked_for(store: LabelStore) -> None:
    fill(store)
    for seed in range(5):
        look(store, seed, uncertainty=5.0 - seed, disagreement=float(seed))

    turn = next_scan(store, "ana", Policy(control_share=0.0, uncertainty=0.1))

    assert turn is not None and (seed_of(turn), turn.why) == (4, "disagreement")
    assert turn.reason == "Switching confounders moves its mask more than in 100 % of the 5 pictures that are left."


def test_what_is_unlike_everything_labelled_comes_first(store: LabelStore) -> None:
    fill(store)
    for seed, angle in enumerate([0.0, 0.1, 1.5, 0.2, 3.0]):
        look(store, seed, angle=angle)
    policy = Policy(control_share=0.0, uncertainty=0.0, disagreement=0.0)
    for seed, angle_of_the_next in ((0, 4), (4, 2), (2, 3), (3, 1)):
        save(store, scan=make_scan(seed))

        turn = next_scan(store, "ana", policy)

        assert turn is not None and seed_of(turn) == angle_of_the_next
        assert turn.reason.startswith(
            "It is less like anything labelled so far" if seed != 3 else "It is the last new one"
        )


@given(
    values=st.lists(st.tuples(*[st.floats(0, 9)] * 2), min_size=1, max_size=12),
    angles=st.randoms(use_true_random=False),
)
def test_picture_that_is_best_by_every_criterion_is_worth_most(
    values: list[tuple[float, float]], angles: np.random.Generator
) -> None:
    numbers = np.array([*values, (10.0, 10.0)])
    embeddings = np.array(
        [[np.cos(a), np.sin(a)] for a in [angles.uniform(0, 3) for _ in values] + [np.pi]], np.float32
    )
    labelled = np.array([[1.0, 0.0]], np.float32)

    value = queue.value_of_labelling(numbers[:, 0], numbers[:, 1], embeddings, labelled)

    assert value.sum(axis=1).argmax() == len(values)
    assert ((value > 0) & (value <= 1)).all()


def test_control_share_is_random_and_written_down(store: LabelStore) -> None:
    fill(store, 10)
    for seed in range(10):
        look(store, seed, uncertainty=float(seed))

    turns = [next_scan(store, "ana", Policy(control_share=0.3, seed=7)) for _ in range(100)]

    counts = Counter(turn.why for turn in turns if turn is not None)
    assert counts["control"] / 100 == pytest.approx(0.3, abs=0.1) and set(counts) == {"control", "uncertainty"}
    controls = {seed_of(turn) for turn in turns if turn is not None and turn.why == "control"}
    assert len(controls) > 5
    served = [event for event in store.events() if event.kind == "served"]
    assert Counter(event.detail["why"] for event in served) == counts
    assert served[3].detail == {"why": served[3].detail["why"], "left": 10, "draw": 3, "seed": 7, "control_share": 0.3}
    assert "as 30 % are" in next(turn.reason for turn in turns if turn is not None and turn.why == "control")


def test_same_seed_draws_the_same(tmp_path: Path) -> None:
    runs = []
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        store = fill(LabelStore(tmp_path / name), 8)
        policy = Policy(control_share=0.5, seed=seed)
        runs.append([(seed_of(turn), turn.why) for _ in range(20) if (turn := next_scan(store, "ana", policy))])

    assert runs[0] == runs[1] != runs[2]


def test_what_is_done_or_flagged_never_comes_back(store: LabelStore) -> None:
    fill(store, 4)
    save(store, scan=make_scan(0))
    review.approve(store, save(store, scan=make_scan(1)), reviewer="ben")
    flags.flag(store, SHA256S[2], "ana")

    assert {seed_of(next_scan(store, "ana")) for _ in range(30)} == {3}
    save(store, scan=make_scan(3))
    assert next_scan(store, "ana") is None


def test_what_one_flags_another_may_get(store: LabelStore) -> None:
    fill(store, 1)
    flags.flag(store, SHA256S[0], "ana")

    assert seed_of(next_scan(store, "ben")) == 0


def test_what_was_sent_back_comes_first_with_its_note(store: LabelStore) -> None:
    fill(store, 3)
    revision = save(store, scan=make_scan(1))
    review.send_back(store, revision, reviewer="ben", note="the edge is too wide.")

    turn = next_scan(store, "ana")

    assert turn is not None and (seed_of(turn), turn.why) == (1, "sent_back")
    assert turn.reason == "A reviewer sent it back: the edge is too wide."
    assert seed_of(next_scan(store, "cleo", CHOSEN)) == 0


def test_order_is_new_then_begun_then_skipped(store: LabelStore) -> None:
    fill(store, 4)
    drafts.keep(store, make_scan(0), make_mask(0), person="ana", description="lung")
    skip(store, SHA256S[1], "ana")
    given = []
    for _ in range(4):
        turn = next_scan(store, "ana", CHOSEN)
        assert turn is not None
        given.append((seed_of(turn), turn.why))
        if turn.why != "skipped":
            skip(store, turn.scan.sha256, "ana")

    assert given == [(2, "arrival"), (3, "arrival"), (0, "begun"), (1, "skipped")]


def test_skipped_ones_go_round(store: LabelStore) -> None:
    fill(store, 3)
    given = []
    for _ in range(7):
        turn = next_scan(store, "ana", CHOSEN)
        assert turn is not None
        given.append(seed_of(turn))
        skip(store, turn.scan.sha256, "ana")

    assert given == [0, 1, 2, 0, 1, 2, 0]


def test_skipping_what_was_sent_back_holds_until_it_is_sent_back_again(store: LabelStore) -> None:
    fill(store, 2)
    revision = save(store, scan=make_scan(0))
    review.send_back(store, revision, reviewer="ben", note="wider")
    skip(store, SHA256S[0], "ana")
    assert seed_of(next_scan(store, "ana", CHOSEN)) == 1

    review.send_back(store, revision, reviewer="ben", note="much wider")

    turn = next_scan(store, "ana", CHOSEN)
    assert turn is not None and (seed_of(turn), turn.reason) == (0, "A reviewer sent it back: much wider")


def test_two_people_at_once_get_two_pictures(store: LabelStore) -> None:
    fill(store, 12)

    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda number: seed_of(next_scan(store, f"person {number}")), range(12)))

    assert sorted(given, key=str) == sorted(range(12), key=str)
    assert next_scan(store, "late") is None


def test_picture_that_was_given_away_and_left_is_free_again_later(store: LabelStore) -> None:
    fill(store, 1)
    assert seed_of(next_scan(store, "ana")) == 0

    assert next_scan(store, "ben") is None
    assert seed_of(next_scan(store, "ben", Policy(claim_minutes=0.0))) == 0


def test_picture_goes_to_as_many_readers_as_are_wanted(store: LabelStore) -> None:
    fill(store, 1)
    save(store, person="ana")

    assert next_scan(store, "ben") is None
    assert seed_of(next_scan(store, "ben", Policy(readers=2))) == 0
    save(store, person="ben")
    assert next_scan(store, "cleo", Policy(readers=2)) is None


def test_only_what_is_asked_for(store: LabelStore) -> None:
    known = [Facts("P0", "ct", "test"), Facts("P1", "mri", "train"), Facts("P2", "ct", "train")]
    for seed, facts in enumerate(known):
        store.add(make_scan(seed), person="ana", facts=facts)

    assert seed_of(next_scan(store, "ana", Policy(modality="ct", split="train"))) == 2
    assert next_scan(store, "ana", Policy(modality="mri", split="test")) is None


def test_deleted_scan_is_not_given(store: LabelStore) -> None:
    fill(store, 1)
    deletion.delete_scan(store, SHA256S[0], person="ana")

    assert next_scan(store, "ana") is None


def test_signals_of_models_with_other_embeddings_do_not_stop_the_queue(store: LabelStore) -> None:
    fill(store, 4)
    save(store, scan=make_scan(0))
    for seed, features in enumerate((3, 3, 5, 5)):
        signal = Signal(float(seed), 0.0, np.ones(features, dtype=np.float32))
        picture_signals.put(store, {(SHA256S[seed], 0): signal}, model=str(features))

    assert seed_of(next_scan(store, "ana", CHOSEN)) == 3


def test_skip_needs_a_picture_and_a_name(store: LabelStore) -> None:
    with pytest.raises(StoreError, match="does not have this scan"):
        skip(store, SHA256S[0], "ana")
    with pytest.raises(BadCorrection, match="Type your name"):
        next_scan(store, "")


@pytest.mark.parametrize(
    "wrong", [{"control_share": 1.1}, {"control_share": -0.1}, {"diversity": -1.0}, {"readers": 0}]
)
def test_policy_that_makes_no_sense_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="must be"):
        Policy(**wrong)
