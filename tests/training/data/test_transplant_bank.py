"""The bank gives artefacts of the rows it was given, and of no other."""

from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Bool, UInt8

from tests.training.data.scenes import scene
from training.data import Row
from training.data.transplants import TransplantBank


def _row(name: str, split: str) -> Row:
    return Row("isic", split, "source", "dermoscopy", "skin lesion", name, "", Path(name), Path(name), "")


ROWS = [_row(name, split) for name, split in [("a", "train"), ("b", "train"), ("c", "test"), ("d", "train")]]
LABELS: list[dict[str, bool]] = [{"hair": True, "ruler": False}, {"hair": False}, {"hair": True}, {"ruler": True}]


class Pictures:
    """Scans by row, and which of them were looked at."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows, self.seen = rows, list[str]()

    def __call__(self, index: int) -> tuple[UInt8[np.ndarray, "h w 3"], Bool[np.ndarray, "h w"]]:
        name = self.rows[index].patient
        self.seen.append(name)
        drawn = scene("hair")
        return (drawn.carrying_u8 if name in "ac" else drawn.clean_u8), np.zeros((256, 256), bool)


def _bank_of(split: str) -> tuple[TransplantBank, Pictures]:
    chosen = [i for i, row in enumerate(ROWS) if row.split == split]
    rows = [ROWS[i] for i in chosen]
    pictures = Pictures(rows)
    return TransplantBank(rows, [LABELS[i] for i in chosen], pictures), pictures


@pytest.mark.parametrize(("split", "source"), [("train", "a"), ("test", "c")])
def test_a_bank_looks_at_its_own_split_alone(split: str, source: str) -> None:
    bank, pictures = _bank_of(split)

    for seed in range(5):
        assert bank.draw("hair", "dermoscopy", np.random.default_rng(seed)) is not None

    assert pictures.seen == [source]  # once: then it is kept


def test_free_is_what_somebody_said_is_free() -> None:
    bank, _ = _bank_of("train")

    assert [bank.rows[i].patient for i in bank.free_scans("hair")] == ["b"]
    assert [bank.rows[i].patient for i in bank.free_scans("ruler", "dermoscopy")] == ["a"]
    assert bank.free_scans("ruler", "ultrasound") == []
    assert bank.kinds() == {"hair": ("dermoscopy",), "ruler": ("dermoscopy",)}


def test_a_scan_with_what_hair_is_mistaken_for_is_no_source_of_hair() -> None:
    bank = TransplantBank(ROWS[:2], [{"hair": True, "ruler": True}, {"hair": True}], Pictures(ROWS))

    assert bank.sources("hair") == [1]


def test_what_is_kept_is_what_was_lifted() -> None:
    bank, _ = _bank_of("train")
    first, again = bank.lifted("hair", 0), bank.lifted("hair", 0)

    assert first is not None and again is not None
    np.testing.assert_array_equal(first.alpha, again.alpha)
    assert first.is_ratio and first.layer.shape == (256, 256, 3)


def test_no_source_gives_nothing() -> None:
    bank, _ = _bank_of("train")

    assert bank.draw("ink", "dermoscopy", np.random.default_rng(0)) is None
    assert bank.draw("ruler", "dermoscopy", np.random.default_rng(0)) is None  # labelled, but none is found


def test_labels_are_given_for_each_row() -> None:
    with pytest.raises(ValueError, match="labels"):
        TransplantBank(ROWS, LABELS[:1], Pictures(ROWS))
