"""The gate lets through what is surely better and forgets nothing, and says why it stops the rest."""

import pytest

from causalseg.versions import Comparison, Score
from training.finetune.learn import LearnConfig
from training.finetune.scores import GateRules, judge


def comparison(change: float, spread: float = 0.0) -> Comparison:
    return Comparison(
        Score(0.6, 0.5, 0.7, 10),
        Score(0.6 + change, 0.5, 0.7, 10),
        Score(change, change - spread, change + spread, 10),
    )


GOOD = {"corrections": comparison(0.1, 0.05), "replay": comparison(-0.002), "switches": comparison(0.0)}


def test_better_and_not_forgetful_is_promoted_with_a_sentence_on_each_measure() -> None:
    passed, reasons = judge(GOOD, GateRules())

    assert passed
    assert len(reasons) == 3
    assert all(reason.endswith(".") for reason in reasons)


@pytest.mark.parametrize(
    ("measure", "found", "says"),
    [
        ("corrections", comparison(0.1, 0.2), "not surely"),
        ("corrections", comparison(-0.01, 0.002), "Not better on corrections held back"),
        ("replay", comparison(-0.02), "Worse on the scans it learnt from before"),
        ("switches", comparison(-0.05), "Worse on made-up scans"),
        ("statements", comparison(-0.1), "Worse on what people say"),
    ],
)
def test_each_shortfall_stops_it(measure: str, found: Comparison, says: str) -> None:
    passed, reasons = judge(GOOD | {measure: found}, GateRules())

    assert not passed
    assert any(says in reason for reason in reasons)


def test_a_measure_that_is_no_number_stops_it() -> None:
    nan = float("nan")
    lost = Comparison(*(Score(nan, nan, nan, 0) for _ in range(3)))

    for measure in GOOD:
        assert not judge(GOOD | {measure: lost}, GateRules())[0]


@pytest.mark.parametrize("wrong", [{"members": 1}, {"steps": 4}])
def test_settings_that_leave_nothing_to_judge_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 2 and steps at least 5"):
        LearnConfig(**wrong)  # pyright: ignore[reportArgumentType]
