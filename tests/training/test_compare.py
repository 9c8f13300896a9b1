"""The checkpoint beside rivals: gains are paired, and a model compared with itself gains nothing."""

from pathlib import Path

import numpy as np
import pytest

from causalseg.engine import Engine
from training.compare import ADJUSTED, OBSERVED, comparison_table, means_of_kinds
from training.data import Row, read_index
from training.evaluate import evaluation_rows
from training.faithfulness import Protocol
from training.report import write_report

FEW = Protocol(scans=2, strength=0.8)


@pytest.fixture(scope="module")
def groups(data_dir: Path) -> dict[str, list[Row]]:
    return evaluation_rows(read_index(data_dir))


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load("causalseg-lite")


def test_gains_are_paired_with_the_observed_answer_of_each_rival(
    groups: dict[str, list[Row]], engine: Engine, tmp_path: Path
) -> None:
    table = comparison_table(engine, {"itself": engine}, groups, FEW)
    assert {"clean: kvasir", "clean: isic", "confounded: hair", "confounded: all"} <= set(table)
    for row in table.values():
        assert row["itself"] == row[OBSERVED]
        assert row["adjusted over itself"] == row["adjusted over observed"]
        np.testing.assert_allclose(row["adjusted over itself"].mean, row[ADJUSTED].mean - row[OBSERVED].mean, atol=1e-9)
    each = [row["pictures"] for name, row in table.items() if name.startswith("confounded: ")]
    assert each[-1] == sum(each[:-1]) > 0
    kinds = means_of_kinds(table)
    clean = [row[ADJUSTED].mean for name, row in table.items() if name.startswith("clean: ")]
    np.testing.assert_allclose(kinds["ID"][ADJUSTED], np.mean(clean))
    report = write_report("rivals", {"rivals": table, "kinds": kinds}, {"checkpoint": "x"}, tmp_path)
    assert "| confounded: hair |" in report.read_text(encoding="utf-8")
