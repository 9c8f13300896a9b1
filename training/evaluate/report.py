"""Tables of an evaluation as JSON and as Markdown, each with what made them: checkpoint, commit, command."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from causalseg.checkpoints import PROJECT_DIR, CheckpointEntry
from training.evaluate.measures import Mean

RESULTS_DIR = PROJECT_DIR / "docs" / "results"
_COLUMNS = {
    "damage": "damage",
    "recovery": "recovery",
    "observed_dice": "observed Dice",
    "adjusted_dice": "adjusted Dice",
    "twin_observed": "twin, observed",
    "twin_removed": "twin, removed",
    "adjusted_gain": "adjusted gain",
    "off_target": "off-target",
    "null_effect": "null effect",
    "harm_to_clean": "harm to clean",
    "effectiveness": "effect",
    "amplification": "besides",
    "detection_auroc": "AUROC",
    "localised": "peak inside",
    "strength_order": "strength order",
}


def provenance(entry: CheckpointEntry, command: str) -> dict[str, str]:
    """What made a table: checkpoint and its SHA-256, the commit of the code, the command."""
    return {
        "checkpoint": f"{entry.name} {entry.version}",
        "sha256": entry.sha256,
        "commit": commit_of_code(),
        "command": command,
    }


def commit_of_code() -> str:
    """The commit of this working copy; "unknown" where there is none."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=PROJECT_DIR, capture_output=True, text=True, check=False
    ).stdout.strip()
    return commit or "unknown"


def write_report(name: str, tables: Mapping[str, Any], made_by: Mapping[str, str], folder: Path = RESULTS_DIR) -> Path:
    """Write `<name>.json` and `<name>.md`; the Markdown's path."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = _plain({"made_by": dict(made_by), **tables})
    (folder / f"{name}.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    path = folder / f"{name}.md"
    path.write_text(_markdown(name, tables, made_by), encoding="utf-8")
    return path


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return round(value, 5) if isinstance(value, float) else value


def _markdown(name: str, tables: Mapping[str, Any], made_by: Mapping[str, str]) -> str:
    lines = [f"# {name}", "", *(f"- {key}: `{value}`" for key, value in made_by.items()), ""]
    lines += ["Dice is the mean of per-image Dice at the scan's own size; intervals are 95 % bootstrap.", ""]
    if "segmentation" in tables:
        lines += _segmentation_lines(tables["segmentation"])
    if "faithfulness" in tables:
        lines += _faithfulness_lines(tables["faithfulness"])
    for key in ("absent", "sides", "typed together", "speed"):
        if key in tables:
            lines += [f"## {key}", "", "| what | value |", "|---|---|"]
            lines += [f"| {what} | {_cell(value)} |" for what, value in tables[key].items()] + [""]
    if "finetune" in tables:
        lines += _finetune_lines(tables["finetune"])
    if "rivals" in tables:
        lines += ["## rivals, clean and confounded scans", "", *_grid("pictures of", tables["rivals"])]
        lines += ["## means of the source sets and of the unseen sites", "", *_grid("mean", tables["kinds"])]
    if "sites" in tables:
        lines += ["## one site left out", "", *_grid("test", tables["sites"])]
    if "planted" in tables:
        lines += _planted_lines(tables)
    corners = {
        "boxes": "set",
        "typed": "left out",
        "text": "set",
        "derangement": "set",
        "branches": "set",
        "rounds": "round",
        "poison": "corrections",
    }
    for key, corner in corners.items():
        if key in tables:
            lines += [f"## {key}", "", *_grid(corner, tables[key])]
    return "\n".join(lines)


def _grid(corner: str, rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A table of rows with equal keys."""
    columns = list(next(iter(rows.values())))
    lines = [f"| {corner} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    return [
        *lines,
        *(f"| {name} | {' | '.join(_cell(row[key]) for key in columns)} |" for name, row in rows.items()),
        "",
    ]


def _segmentation_lines(table: Mapping[str, Any]) -> list[str]:
    rows = {name: _flat(row) for name, row in table.items() if isinstance(row, Mapping) and name != "means"}
    lines = ["## segmentation", "", *_grid("set", rows)]
    lines += [f"- {name}: {value:.3f}" for name, value in table["means"].items()]
    return [*lines, "", f"Expected calibration error of the pixels: {table['pixel_calibration_error']:.4f}.", ""]


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    sizes = ", ".join(f"{name} {value.mean:.3f} ({value.count})" for name, value in row["by size"].items())
    flat = {key: value for key, value in row.items() if key != "by size"}
    return {**flat, "by size": sizes, "normal_scans_empty": row.get("normal_scans_empty")}


def _faithfulness_lines(table: Mapping[str, Any]) -> list[str]:
    lines = ["## faithfulness of the switches", "", f"Twins: {asdict(table['protocol'])}.", ""]
    lines += [f"| confounder | {' | '.join(_COLUMNS.values())} |", "|---" * (len(_COLUMNS) + 1) + "|"]
    for name, row in table["confounders"].items():
        lines.append(f"| {name} | {' | '.join(_cell(row[key], interval=False) for key in _COLUMNS)} |")
    lines += ["", *(f"- {key}: {_cell(value)}" for key, value in table["total"].items()), ""]
    return lines


def _finetune_lines(table: Mapping[str, Any]) -> list[str]:
    lines = [f"Before: {', '.join(f'{name} {_cell(mean)}' for name, mean in table['before'].items())}.", ""]
    rounds = {name: row for name, row in table.items() if name != "before"}
    columns = list(next(iter(rounds.values())))
    lines += [f"| way | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    return [*lines, *(f"| {name} | {' | '.join(map(_cell, row.values()))} |" for name, row in rounds.items()), ""]


def _planted_lines(tables: Mapping[str, Any]) -> list[str]:
    lines = [
        "## planted shortcut: Dice by test",
        "",
        *(f"- {key}: {_cell(v)}" for key, v in tables["facts"].items()),
        "",
    ]
    lines += _grid("model", tables["planted"])
    return [*lines, "## paired gains", "", *_grid("pair", tables["gains"])]


def _cell(value: object, *, interval: bool = True) -> str:
    if value is None:
        return "-"
    if isinstance(value, Mean):
        return str(value) if interval else f"{value.mean:.3f}"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
