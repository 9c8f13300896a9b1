"""The suites of real confounders and of controls: what they count, on scores that are known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from training.evaluate.control import _summary as control_summary
from training.evaluate.real import LabelledScan, _entry, _matched

PRESENT, ABSENT = 8, 12


THERE = np.array([True] * PRESENT + [False] * ABSENT)


def scan(there: bool, strength: float, found: bool, size: float) -> LabelledScan:
    dice = (0.6, 0.7) if there else (0.8, 0.8)
    return LabelledScan("isic", "dermoscopy", size, *dice, ("hair",) if found else (), {"hair": strength})


def scans(strength: float, *, found: bool = False) -> list[LabelledScan]:
    return [scan(bool(one), strength if one else 0.3, found and bool(one), 0.15) for one in THERE]


def test_real_detection_is_counted_against_labels() -> None:
    row = _entry(scans(0.9, found=True), THERE, "hair")
    assert row is not None
    assert row["auroc"]["mean"] == 1.0 and row["found"] == 1.0 and row["false"] == 0.0
    assert row["present"] == PRESENT and row["absent"] == ABSENT
    assert row["adjusted gain"].mean == pytest.approx(0.1)
    worse = _entry(scans(0.1), THERE, "hair")
    assert worse is not None and worse["auroc"]["mean"] == 0.0 and worse["found"] == 0.0


def test_too_few_labels_make_no_row() -> None:
    few = slice(0, PRESENT + 2)
    assert _entry(scans(0.9)[few], THERE[few], "hair") is None


def test_scans_without_it_are_weighed_by_the_sizes_of_those_with_it() -> None:
    present = [scan(True, 0.9, True, size) for size in (0.15, 0.15, 0.01, 0.15)]
    large, small = scan(False, 0.1, False, 0.15), replace(scan(False, 0.1, False, 0.01), observed=0.4)
    assert _matched(present, [large, small, small, small]) == pytest.approx(0.75 * 0.8 + 0.25 * 0.4)


def twins(own: float, control: float, damage: float = 0.2) -> pd.DataFrame:
    zero = dict.fromkeys(("moved_clean", "moved_other", "harm_clean"), 0.0)
    agreement = {"agreement_observed": 0.7, "agreement_own": 0.9, "agreement_control": 0.75}
    row = {"damage": damage, "own": own, "control": control, "broken": float(own < -0.02)} | zero | agreement
    return pd.DataFrame([row | {"strength": strength} for strength in (0.4, 0.8) for _ in range(6)])


def test_a_switch_is_scored_by_what_it_gives_back_beyond_its_control() -> None:
    row = control_summary(twins(own=0.1, control=0.04))
    assert row["own"].mean == pytest.approx(0.5) and row["control"].mean == pytest.approx(0.2)
    assert row["specificity"].mean == pytest.approx(0.3) and row["breakage"].mean == 0
    assert row["agreement over observed"].mean == pytest.approx(0.2)
    assert row["agreement over control"].mean == pytest.approx(0.15)


def test_what_does_no_damage_is_not_scored_and_what_makes_worse_is_breakage() -> None:
    row = control_summary(twins(own=-0.05, control=0.0, damage=0.01))
    assert row["specificity"] is None and row["breakage"].mean == 1
