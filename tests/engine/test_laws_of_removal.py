"""The do-operator's laws on the embedded checkpoint (Monteiro et al., arXiv 2303.01274: composition, effectiveness)."""

from itertools import permutations

import numpy as np
import pytest

from causalseg import Engine, Scan
from tests.same import ROUNDING

Phantom = tuple[Scan, str]
MOST_MOVED_U8 = 2.0
"""Grey values of a byte that removing an absent confounder moves a pixel by, mean of a picture, of half of them."""


def moved_share(one: np.ndarray, other: np.ndarray) -> float:
    return float((one != other).mean())


def test_removing_nothing_changes_nothing_and_no_pixel(engine: Engine, phantom: Phantom) -> None:
    encoded = engine.encode(phantom[0])

    observed = engine.segment(encoded, phantom[1], remove=None)
    nothing = engine.segment(encoded, phantom[1], remove=[])

    np.testing.assert_array_equal(observed.probability, nothing.probability)
    np.testing.assert_array_equal(engine.without(encoded, []), phantom[0].image_u8)
    assert observed.removed == nothing.removed == ()


@pytest.mark.parametrize("written", [["over_exposure"] * 2, ["over_exposure", "sensor_noise"] * 2], ids=["one", "two"])
def test_an_entry_named_twice_equals_once(engine: Engine, phantom: Phantom, written: list[str]) -> None:
    encoded = engine.encode(engine.add(phantom[0], "over_exposure", 0.9, 1))
    once_written = list(dict.fromkeys(written))

    once = engine.segment(encoded, phantom[1], remove=once_written)
    twice = engine.segment(encoded, phantom[1], remove=written)

    np.testing.assert_array_equal(once.probability, twice.probability)
    np.testing.assert_array_equal(engine.without(encoded, once_written), engine.without(encoded, written))
    assert set(twice.removed) == set(written) and len(twice.removed) == len(once_written)


def test_the_order_of_removals_does_not_matter(engine: Engine, phantom: Phantom) -> None:
    encoded = engine.encode(engine.add(phantom[0], "over_exposure", 0.9, 1))
    orders = [list(order) for order in permutations(["over_exposure", "sensor_noise", "burned_in_text"])]

    answers = [engine.segment(encoded, phantom[1], remove=order).probability for order in orders]
    pictures = [engine.without(encoded, order) for order in orders]

    for answer, picture in zip(answers[1:], pictures[1:], strict=True):
        np.testing.assert_array_equal(answer, answers[0])
        np.testing.assert_array_equal(picture, pictures[0])


def test_removing_what_is_absent_changes_little(engine: Engine, phantom: Phantom) -> None:
    """Nothing shuts a removal out: that the picture is left alone is learnt, so it is bounded and not exact."""
    encoded = engine.encode(phantom[0])
    absent = [entry.id for entry in engine.confounders if entry.id not in engine.detected(encoded)]
    before = phantom[0].image_u8.astype(np.int16)

    moved = [np.abs(engine.without(encoded, [name]) - before).mean() for name in absent]

    assert np.median(moved) < MOST_MOVED_U8


def test_removing_what_is_present_acts(engine: Engine, phantom: Phantom) -> None:
    encoded = engine.encode(engine.add(phantom[0], "over_exposure", 1.0, 1))

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
