"""No number of the README's tables is typed by hand."""

import pytest

from training.evaluate.record import README_PATH, fill_readme
from training.evaluate.report import RESULTS_DIR


def test_the_readme_says_what_the_tables_say() -> None:
    readme = README_PATH.read_text(encoding="utf-8")
    assert fill_readme(readme, RESULTS_DIR) == readme


def test_a_number_typed_by_hand_does_not_survive() -> None:
    readme = README_PATH.read_text(encoding="utf-8")
    flattered = readme.replace("| confounder |", "| confounder of ours |")
    assert flattered != readme
    assert fill_readme(flattered, RESULTS_DIR) == readme


def test_a_readme_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="faithfulness"):
        fill_readme("# causalseg", RESULTS_DIR)
