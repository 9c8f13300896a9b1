"""Pictures of the reports."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from causalseg.causal.recovery import PARTLY_FROM, RELIABLE_FROM, worth
from training.evaluate.report import label_of

_COLOURS = {"reliable": "#2a7f62", "partly reliable": "#c58b1b", "unreliable": "#b0413e"}


def draw_recovery(results: Mapping[str, Any], path: Path) -> None:
    """A bar for every switch whose confounder does damage: its recovery, with its interval and its word's colour."""
    scored = {name: row["recovery"] for name, row in results["faithfulness"]["confounders"].items() if row["recovery"]}
    names = sorted(scored, key=lambda name: scored[name]["mean"])
    means = [scored[name]["mean"] for name in names]
    ends = [[abs(scored[name]["mean"] - scored[name][end]) for name in names] for end in ("low", "high")]
    figure = Figure(figsize=(6.4, 0.3 * len(names) + 1.2), dpi=90, layout="constrained")
    axes = figure.subplots()
    axes.barh(
        [label_of(name) for name in names], means, xerr=ends, color=[_COLOURS[worth(mean)] for mean in means],
        error_kw={"lw": 0.8, "ecolor": "#333333"},
    )  # fmt: skip
    for limit, word in ((PARTLY_FROM, "partly reliable from"), (RELIABLE_FROM, "reliable from")):
        axes.axvline(limit, color="#888888", lw=0.8, ls="--", label=word)
    axes.set(xlabel="share of the lost Dice given back, 95 % interval", xlim=(min(0, *means) - 0.3, 1.1))
    figure.savefig(path, metadata={"Software": None})
