"""What is said of a switch follows from what was measured of it, and nothing else."""

import pytest

from causalseg.ui import copy, panels
from causalseg.ui.reliability import NOT_MEASURED, reliability


@pytest.mark.parametrize(
    ("damage", "recovery", "word"),
    [
        (0.43, 0.65, copy.RELIABLE),
        (0.03, 0.5, copy.RELIABLE),
        (0.14, 0.3, copy.PARTLY),
        (0.14, 0.29, copy.UNRELIABLE),
        (0.14, -0.2, copy.UNRELIABLE),
        (0.029, 0.9, copy.HARDLY_MATTERS),
        (0.01, None, copy.HARDLY_MATTERS),
        (0.14, None, copy.NOT_MEASURED),
    ],
)
def test_the_word_follows_the_numbers(damage: float, recovery: float | None, word: str) -> None:
    metrics = {"switches": {"by confounder": {"hair": {"damage": damage, "recovery": recovery}}}}
    assert reliability(metrics, "hair").word == word


@pytest.mark.parametrize("metrics", [{}, {"switches": {}}, {"switches": {"by confounder": {"gain": {"damage": 1}}}}])
def test_what_was_not_measured_says_so(metrics: dict[str, dict[str, object]]) -> None:
    assert reliability(metrics, "hair") == NOT_MEASURED


def test_the_word_stands_beside_its_bar_with_its_numbers() -> None:
    measured = reliability({"switches": {"by confounder": {"hair": {"damage": 0.2, "recovery": 0.6}}}}, "hair")
    row = panels.bars([panels.Bar("hair", "Hair", 0.62, measured)], "scan 0")
    assert "0.62" in row and copy.RELIABLE in row and "0.60 of 0.20" in row
