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
    """What a manifest entry says of a checkpoint: adjusted Dice of every set, its switches, real confounders detected.

    A switch's damage, recovery and control are of the suite `control`, at the strength that takes most Dice. Without
    that suite, or that of real confounders, nothing is said of them.

    Raises:
        FileNotFoundError: the segmentation has not been evaluated.
    """
    segmentation = _table(results_dir, "segmentation")["segmentation"]
    controls, real = (_table(results_dir, name, or_none=True) for name in ("control", "real"))
    dice = {name: row["adjusted"]["mean"] for name, row in segmentation.items() if "adjusted" in _as_dict(row)}
    told: dict[str, Any] = {
        "mean per-image Dice, adjusted mask, neutral description": dice,
        "pixel calibration error": segmentation["pixel_calibration_error"],
        "means": segmentation["means"],
    }
    if controls:
        switches = {name: _switch(row) for name, row in controls["control"].items()}
        told["switches"] = {**controls["total"], "by confounder": switches}
    return told | ({"real": _seen_in_real_scans(real)} if real else {})


def _table(results_dir: Path, name: str, *, or_none: bool = False) -> dict[str, Any]:
    path = results_dir / f"{name}.json"
    return {} if or_none and not path.exists() else json.loads(path.read_text(encoding="utf-8"))


def _as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _switch(row: dict[str, Any]) -> dict[str, Any]:
    """Damage, what the switch and what others give back, and whether it is surely better."""
    damage, own, control = row["most damage"]["mean"], row["own"], row["control"]
    if own is None or control is None:
        return {"damage": round(damage, 3), "recovery": None}
    return {
        "damage": round(damage, 3),
        "recovery": round(own["mean"], 3),
        "control": round(control["mean"], 3),
        "better than control": row["specificity"]["low"] > 0,
    }


def _seen_in_real_scans(real: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Of each labelled confounder: how well it is told, on how many scans with it and without it, labelled by whom."""
    return {
        name: {
            "auroc": round(row["auroc"]["mean"], 3),
            "present": row["present"],
            "absent": row["absent"],
            **_labelled_by(name, real["real_by_site"]),
        }
        for name, row in real["real"].items()
    }


def _labelled_by(name: str, by_site: dict[str, Any]) -> dict[str, str]:
    """Nothing where no site alone has scans enough for a row, which is where the labels' origin stands."""
    who = {row["labels"] for entry, row in by_site.items() if entry.rpartition(", ")[0] == name}
    return {"labels": "both" if len(who) > 1 else who.pop()} if who else {}
