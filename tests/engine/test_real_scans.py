"""With the shared scans beside the checkout: the embedded checkpoint on a few real test rows."""

from pathlib import Path

import numpy as np
import pytest

from causalseg import Engine
from causalseg.annotations import dice
from training.data import Row, load_mask, read_index
from training.evaluate.scans import as_scan


@pytest.fixture(scope="module")
def rows(shared_dir: Path) -> list[Row]:
    return [row for row in read_index(shared_dir / "data") if row.split == "test" and row.text]


@pytest.mark.parametrize(("name", "least"), [("kvasir", 0.75), ("isic", 0.78), ("clinicdb", 0.60)])
def test_masks_of_real_scans_are_about_as_good_as_reported(
    engine: Engine, rows: list[Row], name: str, least: float
) -> None:
    mine = [row for row in rows if row.set == name][:16]

    scores = [dice(engine.segment(engine.encode(as_scan(row)), row.target).mask, load_mask(row.mask)) for row in mine]

    assert len(scores) == 16
    assert np.mean(scores) >= least


def test_a_real_scan_of_another_organ_shows_nothing(engine: Engine, rows: list[Row]) -> None:
    mine = [row for row in rows if row.set == "isic"][:8]

    empty = [not engine.segment(engine.encode(as_scan(row)), "breast tumour").mask.any() for row in mine]

    assert sum(empty) >= 7
