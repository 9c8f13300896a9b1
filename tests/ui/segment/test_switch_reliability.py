"""What is said of a switch follows from what was measured of it, and nothing else."""

import pytest

from causalseg.ui.segment import panels, text
from causalseg.ui.segment.switch_reliability import NOT_MEASURED, reliability


@pytest.mark.parametrize(
    ("damage", "recovery", "word"),
    [
        (0.43, 0.65, text.RELIABLE),
        (0.03, 0.5, text.RELIABLE),
        (0.14, 0.3, text.PARTLY),
        (0.14, 0.29, text.UNRELIABLE),
        (0.14, -0.2, text.UNRELIABLE),
        (0.029, 0.9, text.HARDLY_MATTERS),
        (0.01, None, text.HARDLY_MATTERS),
        (0.14, None, text.NOT_MEASURED),
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
    assert "0.62" in row and text.RELIABLE in row and "0.60 of 0.20" in row
