"""No number of the documentation's tables is typed by hand."""

from pathlib import Path

import pytest

from training.evaluate.record import PAGES, TABLES, fill_tables, make_table
from training.evaluate.report import RESULTS_DIR, label_of, read_results, write_page

INDEX = RESULTS_DIR / "README.md"


@pytest.mark.parametrize("page", PAGES, ids=["readme", "results"])
def test_pages_say_what_the_tables_say(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert fill_tables(text) == text


def test_every_table_stands_in_the_page_of_results() -> None:
    text = INDEX.read_text(encoding="utf-8")
    assert all(f"<!-- {name} -->\n{make_table(name)}<!-- /{name} -->" in text for name in TABLES)


@pytest.mark.parametrize("name", sorted(path.stem for path in RESULTS_DIR.glob("*.json")))
def test_the_page_of_a_suite_says_what_its_json_says(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.json").write_bytes((RESULTS_DIR / f"{name}.json").read_bytes())
    page = write_page(name, tmp_path)
    assert page.read_text(encoding="utf-8") == (RESULTS_DIR / f"{name}.md").read_text(encoding="utf-8")


def test_a_number_typed_by_hand_does_not_survive() -> None:
    text = INDEX.read_text(encoding="utf-8")
    flattered = text.replace("| confounder |", "| confounder of ours |")
    assert flattered != text
    assert fill_tables(flattered) == text


@pytest.mark.parametrize("page", ["<!-- trust -->\n", "<!-- /trust -->", "<!-- truth -->\n<!-- /truth -->"])
def test_a_page_with_a_mark_too_few_or_unknown_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match=r"stands alone|no table truth"):
        fill_tables(page)


def test_a_page_without_marks_stays_as_it_is() -> None:
    assert fill_tables("# causalseg") == "# causalseg"


def test_trust_names_every_entry_once_and_both_means() -> None:
    table = make_table("trust")
    rows = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if line.startswith("| ")][1:]
    (rest,) = [line for line in table.splitlines() if line.startswith("Never tested")]
    named = [*rows, *rest.removesuffix(".").partition(": ")[2].split(", ")]
    assert sorted(named) == sorted(label_of(name) for name in read_results("control")["control"])
    assert "never seen" in table
