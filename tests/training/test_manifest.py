"""What a manifest entry says of a checkpoint is what the tables of its results say."""

import json
from pathlib import Path
from typing import Any

import pytest

from causalseg.ui.segment import text
from causalseg.ui.segment.switch_reliability import removal, seen_in_real_scans
from training.manifest import summarize_results

SEGMENTATION = {"kvasir": {"adjusted": {"mean": 0.9}}, "pixel_calibration_error": 0.02, "means": {"all": 0.9}}


def mean(value: float, low: float | None = None) -> dict[str, float]:
    return {"mean": value, "low": value - 0.1 if low is None else low, "high": value + 0.1, "count": 30}


def control(damage: float, own: float | None, low: float = 0.0) -> dict[str, Any]:
    scored = {"own": None, "control": None, "specificity": None}
    if own is not None:
        scored = {"own": mean(own), "control": mean(0.4), "specificity": mean(own - 0.4, low)}
    return {"most damage": mean(damage)} | scored


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write(tmp_path, "segmentation", {"segmentation": SEGMENTATION})
    return tmp_path


def write(folder: Path, name: str, table: dict[str, Any]) -> None:
    (folder / f"{name}.json").write_text(json.dumps(table), encoding="utf-8")


def test_tables_that_were_not_made_are_left_out(results: Path) -> None:
    metrics = summarize_results(results)
    assert "real" not in metrics and "switches" not in metrics
    assert metrics["means"] == SEGMENTATION["means"]


def test_a_switch_is_compared_with_removing_something_else(results: Path) -> None:
    rows = {"hair": control(0.2, 0.6, 0.05), "ink": control(0.2, 0.5, -0.1), "gain": control(0.01, None)}
    write(results, "control", {"control": rows, "total": {"mean specificity": 0.15}})

    metrics = summarize_results(results)
    switches = metrics["switches"]["by confounder"]

    assert switches["hair"] == {"damage": 0.2, "recovery": 0.6, "control": 0.4, "better than control": True}
    assert switches["ink"]["better than control"] is False
    assert switches["gain"] == {"damage": 0.01, "recovery": None}
    assert metrics["switches"]["mean specificity"] == 0.15
    words = [removal(metrics, name).word for name in ("hair", "ink", "gain")]
    assert words == [text.RELIABLE, text.UNRELIABLE, text.HARDLY_MATTERS]


def test_real_confounders_say_how_well_they_are_told_and_who_labelled_them(results: Path) -> None:
    row = {"present": 12, "absent": 40, "auroc": mean(0.9312), "found": 0.8, "false": 0.1}
    sites = {"hair, isic": "people", "hair, ph2": "an AI reader", "ink, isic": "people", "gain, busi": "an AI reader"}
    by_site = {name: row | {"labels": who} for name, who in sites.items()}
    write(results, "real", {"real": dict.fromkeys(("hair", "ink", "gain", "ruler"), row), "real_by_site": by_site})

    metrics = summarize_results(results)

    assert metrics["real"]["hair"] == {"auroc": 0.931, "present": 12, "absent": 40, "labels": "both"}
    assert [metrics["real"][name]["labels"] for name in ("ink", "gain")] == ["people", "an AI reader"]
    assert "labels" not in metrics["real"]["ruler"]
    assert seen_in_real_scans(metrics, "ruler").word == text.real_scans(0.931)


def test_the_tables_that_every_checkpoint_has_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        summarize_results(tmp_path)
