"""What a run tells of itself: the losses of its stages as a picture, and a model card in Markdown."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

from causalseg.checkpoints import CheckpointEntry
from training.data.rows import Row
from training.recipe import Recipe
from training.resume import read_progress
from training.runs import load_architecture, read_record


def write_curves(recipe: Recipe, run_dir: Path) -> Path:
    """`curves.png`: the losses of every stage that has learnt, weighted as they were summed."""
    histories = {
        name: saved["history"] for name in recipe.stage_names if (saved := read_progress(run_dir / name)) is not None
    }
    figure, axes = plt.subplots(len(histories), 1, figsize=(9, 3 * len(histories)), squeeze=False, layout="constrained")
    for axis, (name, history) in zip(axes[:, 0], histories.items(), strict=True):
        for loss in sorted({key for one in history for key in one} - {"step"}):
            points = [(one["step"], one[loss]) for one in history if loss in one]
            axis.plot(*zip(*points, strict=True), marker=".", label=loss)
        axis.set(title=name, xlabel="step", ylabel="weighted loss")
        axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    path = run_dir / "curves.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def write_card(
    recipe: Recipe, run_dir: Path, entry: CheckpointEntry | None = None, validation: Sequence[Row] = ()
) -> Path:
    """`card.md`: what the run learnt from and how; what was chosen on which scans, once there is a released entry."""
    begun = [stage for stage in recipe.stages if (run_dir / stage.name / "record.json").exists()]
    records = {stage.name: read_record(run_dir / stage.name) for stage in begun}
    architecture = load_architecture(run_dir / begun[0].name)
    data = list(dict.fromkeys(line for record in records.values() for line in record.data))
    lines = [f"# {recipe.name}", "", "Not a medical device.", "", "## Learnt from", ""]
    lines += [f"- {line}" for line in data]
    lines += ["", f"The network sees squares of {architecture.input_side_px} px.", "", "## Stages", ""]
    lines += ["| stage | kind | starts from | epochs | scans known | seed | commit |", "|---|---|---|---|---|---|---|"]
    for stage in begun:
        record = records[stage.name]
        scans = ", ".join(f"{name} {count}" for name, count in sorted(record.scans.items()))
        start = ", ".join(stage.start)
        lines.append(
            f"| {stage.name} | {stage.stage} | {start} | {stage.epochs} | {scans} | {record.seed} | {record.commit} |"
        )
    lines += ["", "![losses](curves.png)", ""]
    if entry is not None:
        chosen = Counter(row.set for row in validation)
        lines += ["## Released", "", f"- {entry.name} {entry.version}, SHA-256 {entry.sha256}", f"- {entry.licence}"]
        lines += [
            f"- chosen on validation scans alone ({', '.join(f'{name} {n}' for name, n in sorted(chosen.items()))}): "
            f"presence threshold {entry.presence_threshold}, temperature {entry.temperature}, detection thresholds "
            f"{dict(entry.detection_thresholds) or 'none'} (else {entry.detection_threshold})",
            f"- asked of every scan: {', '.join(entry.targets)}",
            "",
        ]
    path = run_dir / "card.md"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
