"""What is said of a switch follows from what was measured of it, and nothing else."""

from typing import Any

import pytest

from causalseg.ui.segment import panels, text
from causalseg.ui.segment.switch_reliability import NEVER_TESTED, NOT_MEASURED, removal, seen_in_real_scans

TOLD = {"auroc": 0.934, "present": 40, "absent": 1060, "labels": "people"}


def measured(**scores: Any) -> dict[str, Any]:
    return {"switches": {"by confounder": {"hair": scores}}}


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
    assert removal(measured(damage=damage, recovery=recovery), "hair").word == word


@pytest.mark.parametrize("metrics", [{}, {"switches": {}}, {"switches": {"by confounder": {"gain": {"damage": 1}}}}])
def test_what_was_not_measured_says_so(metrics: dict[str, dict[str, object]]) -> None:
    assert removal(metrics, "hair") == NOT_MEASURED


def test_a_switch_that_is_no_better_than_another_is_unreliable_whatever_it_gives_back() -> None:
    mark = removal(measured(damage=0.2, recovery=0.9, control=0.8), "hair")
    no_better = removal(measured(damage=0.2, recovery=0.9, **{"better than control": False}), "hair")

    assert mark.word == text.RELIABLE
    assert no_better.word == text.UNRELIABLE and text.NO_BETTER in no_better.reason
    assert removal(measured(damage=0.2, recovery=0.9, **{"better than control": True}), "hair") == mark
    rare = removal(measured(damage=0.01, recovery=None, **{"better than control": False}), "hair")
    assert rare.word == text.HARDLY_MATTERS


@pytest.mark.parametrize("labels", text.LABELLED_BY)
def test_what_is_told_in_real_scans_says_on_how_many_and_who_looked(labels: str) -> None:
    mark = seen_in_real_scans({"real": {"hair": TOLD | {"labels": labels}}}, "hair")

    assert mark.word == "0.93"
    assert "40 real scans with it and 1,060 without" + text.LABELLED_BY[labels] in mark.reason
    assert mark.reason.endswith("scores higher in 93.")


def test_who_looked_is_left_out_where_it_is_not_known() -> None:
    told = {key: value for key, value in TOLD.items() if key != "labels"}
    assert "1,060 without." in seen_in_real_scans({"real": {"hair": told}}, "hair").reason


@pytest.mark.parametrize("metrics", [{}, {"real": {}}, {"real": {"gain": TOLD}}])
def test_what_was_never_tested_on_real_scans_says_so(metrics: dict[str, Any]) -> None:
    assert seen_in_real_scans(metrics, "hair") == NEVER_TESTED
    assert "Never tested on real scans" in NEVER_TESTED.reason


def test_both_marks_stand_beside_the_bar_with_their_reasons() -> None:
    metrics = measured(damage=0.2, recovery=0.6) | {"real": {"hair": TOLD}}
    marks = seen_in_real_scans(metrics, "hair"), removal(metrics, "hair")
    row = panels.bars([panels.Bar("hair", "Hair", 0.62, *marks)], "scan 0")

    assert "0.62" in row and f"{text.REAL_SCANS}: 0.93" in row and f"{text.REMOVAL}: {text.RELIABLE}" in row
    assert "0.60 of 0.20" in row and TOLD["labels"] in row
