"""docs/store.md is true: its Python runs from top to bottom, and it names every table, state and file."""

import re
from pathlib import Path

import pytest

from causalseg.annotations import LabelStore
from causalseg.annotations.label_records import SPLITS, STATES
from tests.annotations.samples import save

DOCUMENT = Path(__file__).parents[2] / "docs" / "store.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}

    for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(compile(block, str(DOCUMENT), "exec"), names)

    assert LabelStore(tmp_path / "store").database.path.exists()


@pytest.mark.parametrize("word", [*STATES, *SPLITS])
def test_every_state_and_part_is_explained(word: str) -> None:
    assert f"`{word}`" in TEXT


def test_every_table_is_named(store: LabelStore) -> None:
    save(store)

    for (table,) in store.database.rows(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    ):
        assert f"`{table}`" in TEXT, table
