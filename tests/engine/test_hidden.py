"""What an opaque confounder covers is not known: no counterfactual mask grows beneath it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from causalseg import Engine, Scan
from causalseg.causal.intervention import Evidence
from causalseg.engine import EncodedScan, Segmentation, not_grown_where_hidden
from causalseg.phantoms import make_phantom

HW = (7, 9)
OPAQUE, SEE_THROUGH = "dark_frame", "mucus_bubbles"


def answer(probability: np.ndarray, *, found: bool) -> Segmentation:
    mask = (probability > 0.5) & found
    return Segmentation(mask, probability, 0.9 if found else 0.1, found, {}, (), seconds=0.0)


@pytest.fixture(scope="module")
def encoded(engine: Engine) -> EncodedScan:
    """An endoscopy with everything in the left half of it, as presence would see it."""
    made = make_phantom("endoscopy", 3)
    seen = engine.encode(Scan(made.image_u8, "phantom", "PNG", made.modality))
    maps = torch.zeros_like(seen.evidence.maps)
    maps[..., : maps.shape[-1] // 2] = 1
    return replace(seen, evidence=Evidence(maps, seen.evidence.codes))


@given(seed=st.integers(0, 2**32 - 1), found=st.tuples(st.booleans(), st.booleans()))
def test_nothing_is_added_where_it_is_hidden_and_nothing_changes_elsewhere(seed: int, found: tuple[bool, bool]) -> None:
    rng = np.random.default_rng(seed)
    before, after = (rng.random(HW, dtype=np.float32) for _ in range(2))
    hidden = rng.random(HW) < 0.5
    observed, given_ = answer(before, found=found[0]), answer(after, found=found[1])

    kept = not_grown_where_hidden(given_, observed, hidden)

    assert not (kept.mask & ~observed.mask & hidden).any()
    assert not (kept.mask & ~given_.mask).any()
    np.testing.assert_array_equal(kept.mask[~hidden], given_.mask[~hidden])
    np.testing.assert_array_equal(kept.probability[~hidden], given_.probability[~hidden])


def test_what_shrinks_where_it_is_hidden_stays_gone() -> None:
    observed, without = answer(np.full(HW, 0.9, np.float32), found=True), answer(np.zeros(HW, np.float32), found=True)

    assert not not_grown_where_hidden(without, observed, np.ones(HW, bool)).mask.any()


def test_a_place_is_hidden_where_an_opaque_confounder_is_removed_and_seen(engine: Engine, encoded: EncodedScan) -> None:
    hidden = engine.hidden(encoded, [OPAQUE])

    quarter = hidden.shape[1] // 4
    assert hidden.shape == encoded.scan.hw and hidden[:, :quarter].all() and not hidden[:, -quarter:].any()
    assert not engine.hidden(encoded, [SEE_THROUGH]).any()
    assert not engine.hidden(encoded, None).any()


def test_what_is_seen_nowhere_hides_nothing(engine: Engine, encoded: EncodedScan) -> None:
    nowhere = Evidence(0 * encoded.evidence.maps, encoded.evidence.codes)

    assert not engine.hidden(replace(encoded, evidence=nowhere), [OPAQUE]).any()


@pytest.mark.parametrize("removed", [(OPAQUE,), (OPAQUE, "sensor_noise", SEE_THROUGH), ("instrument", "position_box")])
@pytest.mark.parametrize("description", ["polyp", "unicorn"])
def test_no_counterfactual_mask_grows_beneath_a_cover(
    engine: Engine, encoded: EncodedScan, removed: tuple[str, ...], description: str
) -> None:
    observed = engine.segment(encoded, description, None)
    without = engine.segment(encoded, description, removed)
    hidden = engine.hidden(encoded, removed)

    assert hidden.any() and not (without.mask & ~observed.mask & hidden).any()
    assert not ((without.probability > 0.5) & (observed.probability <= 0.5) & hidden).any()


def test_the_masks_of_one_batch_do_not_grow_either(engine: Engine, encoded: EncodedScan) -> None:
    answers, observed = engine.counterfactuals(encoded, "polyp"), engine.segment(encoded, "polyp", None)

    for id_, without in answers.items():
        assert not (without.mask & ~observed.mask & engine.hidden(encoded, [id_])).any()


def test_without_anything_removed_the_scan_is_itself(engine: Engine, encoded: EncodedScan) -> None:
    np.testing.assert_array_equal(engine.without(encoded, None), encoded.scan.image_u8)
    assert engine.without(encoded, [OPAQUE]).shape == encoded.scan.image_u8.shape
