import numpy as np
import pytest

from causalseg.annotations import LabelStore
from causalseg.annotations.label_records import Signal
from causalseg.annotations.queue import picture_signals
from causalseg.annotations.store import deletion
from causalseg.errors import StoreError
from tests.annotations.samples import make_scan


def signal(uncertainty: float = 0.5, disagreement: float = 0.25, seed: int = 0) -> Signal:
    return Signal(uncertainty, disagreement, np.random.default_rng(seed).normal(size=8).astype(np.float32))


def test_signal_comes_back_and_the_next_models_takes_its_place(store: LabelStore) -> None:
    store.add(make_scan(), person="ana", index=3)
    key = (make_scan().sha256, 3)
    picture_signals.put(store, {key: signal(0.1)}, model="one")

    picture_signals.put(store, {key: signal(0.9, seed=4)}, model="two")

    found = picture_signals.get(store, *key)
    assert found is not None and (found.uncertainty, found.disagreement) == (0.9, 0.25)
    np.testing.assert_array_equal(found.embedding, signal(seed=4).embedding)
    assert picture_signals.get(store, key[0], 0) is None


def test_pictures_that_a_model_has_not_looked_at(store: LabelStore) -> None:
    keys = []
    for seed in range(4):
        store.add(make_scan(seed), person="ana")
        keys.append((make_scan(seed).sha256, 0))
    picture_signals.put(store, {keys[1]: signal()}, model="one")
    deletion.delete_scan(store, keys[3][0], person="ana")

    assert picture_signals.missing(store, model="one") == [keys[0], keys[2]]
    assert picture_signals.missing(store, model="two", limit=2) == keys[:2]


def test_all_signals_are_kept_or_none(store: LabelStore) -> None:
    store.add(make_scan(), person="ana")
    known, unknown = (make_scan().sha256, 0), (make_scan(1).sha256, 0)

    with pytest.raises(StoreError, match="does not have this scan"):
        picture_signals.put(store, {known: signal(), unknown: signal()}, model="one")

    assert picture_signals.get(store, *known) is None


@pytest.mark.parametrize("uncertainty", [-0.1, float("nan"), float("inf")])
def test_signal_is_a_number(uncertainty: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        signal(uncertainty)
