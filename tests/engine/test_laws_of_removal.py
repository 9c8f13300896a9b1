"""The do-operator's laws on the embedded checkpoint (Monteiro et al., arXiv 2303.01274: composition, effectiveness)."""

from itertools import permutations

import numpy as np

from causalseg import Engine, Scan
from causalseg.causal.presence import GATE_FROM
from tests.same import ROUNDING

Phantom = tuple[Scan, str]


def moved_share(one: np.ndarray, other: np.ndarray) -> float:
    return float((one != other).mean())


def test_removing_nothing_changes_nothing(engine: Engine, phantom: Phantom) -> None:
    encoded = engine.encode(phantom[0])

    observed = engine.segment(encoded, phantom[1], remove=None)
    nothing = engine.segment(encoded, phantom[1], remove=[])

    np.testing.assert_allclose(observed.probability, nothing.probability, rtol=0, atol=ROUNDING)
    assert observed.removed == nothing.removed == ()


def test_removing_twice_is_removing_once(engine: Engine, phantom: Phantom) -> None:
    encoded = engine.encode(engine.add(phantom[0], "low_contrast", 0.9, 1))

    once = engine.segment(encoded, phantom[1], remove=["low_contrast"])
    twice = engine.segment(encoded, phantom[1], remove=["low_contrast", "low_contrast"])

    np.testing.assert_allclose(once.probability, twice.probability, rtol=0, atol=ROUNDING)
    assert twice.removed == ("low_contrast",)


def test_the_order_of_removals_does_not_matter(engine: Engine, phantom: Phantom) -> None:
    encoded = engine.encode(engine.add(phantom[0], "over_exposure", 0.9, 1))
    chosen = ["over_exposure", "sensor_noise", "burned_in_text"]

    answers = [engine.segment(encoded, phantom[1], remove=list(order)).probability for order in permutations(chosen)]

    for answer in answers[1:]:
        np.testing.assert_allclose(answer, answers[0], rtol=0, atol=ROUNDING)


def test_removing_what_is_surely_absent_changes_nothing_at_all(engine: Engine, phantom: Phantom) -> None:
    encoded = engine.encode(phantom[0])
    absent = [name for name, strength in encoded.strength.items() if strength <= GATE_FROM]
    assert len(absent) >= 10

    observed = engine.segment(encoded, phantom[1], remove=None)
    removed = engine.segment(encoded, phantom[1], remove=absent)

    np.testing.assert_allclose(observed.probability, removed.probability, rtol=0, atol=ROUNDING)


def test_removing_what_is_present_acts(engine: Engine, phantom: Phantom) -> None:
    encoded = engine.encode(engine.add(phantom[0], "over_exposure", 1.0, 1))
    assert encoded.strength["over_exposure"] > GATE_FROM

    observed = engine.segment(encoded, phantom[1], remove=None)
    removed = engine.segment(encoded, phantom[1], remove=["over_exposure"])

    assert np.abs(observed.probability - removed.probability).max() > 0.01


def test_adjusted_mask_removes_what_is_detected(engine: Engine, phantom: Phantom) -> None:
    encoded = engine.encode(engine.add(phantom[0], "under_exposure", 0.9, 1))

    adjusted = engine.segment(encoded, phantom[1])
    by_hand = engine.segment(encoded, phantom[1], remove=engine.detected(encoded))

    assert "under_exposure" in adjusted.removed
    assert adjusted.removed == engine.detected(encoded)
    np.testing.assert_allclose(adjusted.probability, by_hand.probability, rtol=0, atol=ROUNDING)


def test_one_batch_of_counterfactuals_equals_them_one_by_one(engine: Engine, phantom: Phantom) -> None:
    encoded = engine.encode(engine.add(phantom[0], "sensor_noise", 1.0, 1))

    batch = engine.counterfactuals(encoded, phantom[1])

    assert list(batch) == [entry.id for entry in engine.confounders]
    for name, together in batch.items():
        alone = engine.segment(encoded, phantom[1], remove=[name])
        assert together.removed == (name,)
        np.testing.assert_allclose(together.probability, alone.probability, atol=2e-3)
        assert moved_share(together.mask, alone.mask) < 1e-3
