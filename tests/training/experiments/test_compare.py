"""The checkpoint beside rivals: gains are paired, and a model compared with itself gains nothing."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causalseg.engine import Engine
from causalseg.errors import CannotLearn
from training.data import Row, read_index
from training.evaluate.faithfulness import Protocol
from training.evaluate.report import write_report
from training.evaluate.scans import evaluation_rows
from training.experiments.compare import ADJUSTED, OBSERVED, comparison_table, means_of_kinds, with_rivals_of

FEW = Protocol(scans=2, strength=0.8)


@pytest.fixture(scope="module")
def groups(data_dir: Path) -> dict[str, list[Row]]:
    return evaluation_rows(read_index(data_dir))


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load("causalseg-lite")


@pytest.fixture(scope="module")
def table(groups: dict[str, list[Row]], engine: Engine) -> dict[str, dict[str, Any]]:
    """The checkpoint beside itself as its own rival."""
    return comparison_table(engine, {"itself": engine}, groups, FEW)


def beside(table: Mapping[str, Mapping[str, Any]], rival: str) -> dict[str, dict[str, Any]]:
    """The same table, with the rival by another name."""
    return {name: {key.replace("itself", rival): value for key, value in row.items()} for name, row in table.items()}


def test_gains_are_paired_with_the_observed_answer_of_each_rival(
    table: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
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


def test_rivals_of_an_earlier_report_are_kept_where_it_is_of_the_same_pictures(
    table: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    earlier, later = beside(table, "one"), beside(table, "other")
    made_by = {"sha256": "x"}
    write_report("rivals", {"rivals": earlier, "kinds": means_of_kinds(earlier)}, made_by, tmp_path)
    before = json.loads((tmp_path / "rivals.json").read_text(encoding="utf-8"))

    joined = with_rivals_of(before, made_by, later)

    for name, row in joined.items():
        assert list(row)[:3] == ["pictures", OBSERVED, ADJUSTED] and set(list(row)[3:5]) == {"one", "other"}
        assert row["other"] == later[name]["other"]
        np.testing.assert_allclose(row["one"].mean, earlier[name]["one"].mean, atol=1e-5)
    assert means_of_kinds(joined)["ID"].keys() >= {"one", "other", "adjusted over one", "refused by one"}
    with pytest.raises(CannotLearn, match="another checkpoint"):
        with_rivals_of(before, {"sha256": "y"}, later)
    before["rivals"]["clean: isic"]["pictures"] += 1
    with pytest.raises(CannotLearn, match="clean: isic"):
        with_rivals_of(before, made_by, later)
