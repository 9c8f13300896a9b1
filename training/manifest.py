"""The manifest of checkpoints, written: an entry put in, and what an entry says of its checkpoint's measurements."""

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from causalseg.checkpoints import MANIFEST_PATH, CheckpointEntry


def write_entry(entry: CheckpointEntry, path: Path = MANIFEST_PATH) -> None:
    """Put `entry` into the manifest in place of the one of its name."""
    manifest: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    values = TypeAdapter(CheckpointEntry).dump_python(entry, mode="json", exclude={"name"})
    manifest[entry.name] = {key: value for key, value in values.items() if value not in (None, "", {}, [])}
    header = "# Every checkpoint that the app can load. Written by `python -m training`.\n"
    path.write_text(header + yaml.safe_dump(manifest, sort_keys=False, width=110), encoding="utf-8")


def summarize_results(results_dir: Path) -> dict[str, Any]:
    """What a manifest entry says of a checkpoint: adjusted Dice of every set, and the totals of its switches.

    Raises:
        FileNotFoundError: the tables have not been made.
    """
    segmentation = json.loads((results_dir / "segmentation.json").read_text(encoding="utf-8"))["segmentation"]
    faithfulness = json.loads((results_dir / "faithfulness.json").read_text(encoding="utf-8"))["faithfulness"]
    dice = {name: row["adjusted"]["mean"] for name, row in segmentation.items() if "adjusted" in _as_dict(row)}
    return {
        "mean per-image Dice, adjusted mask, neutral description": dice,
        "pixel calibration error": segmentation["pixel_calibration_error"],
        "means": segmentation["means"],
        "switches": {
            **faithfulness["total"],
            "by confounder": {name: _switch(row) for name, row in faithfulness["confounders"].items()},
        },
    }


def _as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _switch(row: dict[str, Any]) -> dict[str, Any]:
    """Damage and recovery (None where there is too little to recover) over all scans, and by modality."""
    by_modality = {name: _means(of_modality) for name, of_modality in row["by_modality"].items()}
    return {**_means(row), "by modality": by_modality}


def _means(row: dict[str, Any]) -> dict[str, float | None]:
    recovery = row["recovery"]
    return {
        "damage": round(row["damage"]["mean"], 3),
        "recovery": None if recovery is None else round(recovery["mean"], 3),
    }
