"""The README's measured tables, written from `docs/results`: no number in it is typed by hand.

A table stands between `<!-- name -->` and `<!-- /name -->`. `python -m training record` fills them.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from causalseg.causal.dictionary import load_dictionary
from causalseg.causal.recovery import LEAST_DAMAGE, worth
from causalseg.checkpoints import PROJECT_DIR

README_PATH = PROJECT_DIR / "README.md"


def fill_readme(readme: str, results_dir: Path) -> str:
    """`readme` with every table made anew from the JSON files of `results_dir`.

    Raises:
        FileNotFoundError: a suite has not been evaluated.
        ValueError: a table's marks are missing from the README.
    """
    for name, (suites, lines) in _TABLES.items():
        results = [json.loads((results_dir / f"{suite}.json").read_text(encoding="utf-8")) for suite in suites]
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        checkpoints = sorted({one["made_by"]["checkpoint"] for one in results if "checkpoint" in one["made_by"]})
        measured_on = ["", f"Measured on `{'`, `'.join(checkpoints)}`."] if checkpoints else []
        text = "\n".join([*lines(*results), *measured_on]) + "\n"
        readme, count = pattern.subn(lambda found, text=text: found[1] + text + found[2], readme)
        if count != 1:
            raise ValueError(f"the README needs one table between <!-- {name} --> and <!-- /{name} -->")
    return readme


def _grid(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def _interval(mean: Mapping[str, float]) -> str:
    return f"{mean['mean']:.3f} [{mean['low']:.3f}, {mean['high']:.3f}]"


def _faithfulness(results: Mapping[str, Any]) -> list[str]:
    table, labels = results["faithfulness"], {entry.id: entry.label for entry in load_dictionary()}
    scored = [(name, row) for name, row in table["confounders"].items() if row["recovery"] is not None]
    scored.sort(key=lambda item: -item[1]["recovery"]["mean"])
    rows = [
        (
            labels[name],
            f"{row['damage']['mean']:.3f}",
            f"{row['recovery']['mean']:.2f} [{row['recovery']['low']:.2f}, {row['recovery']['high']:.2f}]",
            worth(row["recovery"]["mean"]),
            f"{row['twin_observed']['mean']:.3f} -> {row['twin_removed']['mean']:.3f}",
            f"{row['harm_to_clean']['mean']:.3f}",
        )
        for name, row in scored
    ]
    total = table["total"]
    columns = ("confounder", "damage", "recovery", "the switch is", "twin agreement, observed -> removed", "harm")
    return [
        *_grid(columns, rows),
        "",
        f"Mean recovery of these {total['confounders scored']}: {total['mean recovery']:.2f}; of all damage together "
        f"{total['recovery of all damage']:.2f}. The other {len(table['confounders']) - len(scored)} confounders take "
        f"less than {LEAST_DAMAGE} of Dice.",
        f"Off-target change {total['mean off-target change']:.3f}, null effect {total['mean null effect']:.3f} (shares "
        f"of the mask's area); detection AUROC mean {total['mean detection AUROC']:.3f}, worst "
        f"{total['worst detection AUROC']:.3f}; Dice over all confounded scans "
        f"{total['observed Dice on confounded scans']:.3f} observed, "
        f"{total['adjusted Dice on confounded scans']:.3f} adjusted.",
    ]


def _segmentation(results: Mapping[str, Any]) -> list[str]:
    table = results["segmentation"]
    sets = [(name, row) for name, row in table.items() if isinstance(row, dict) and "adjusted" in row]
    sets.sort(key=lambda item: (item[1]["role"], item[0]))
    rows = [
        (name, row["role"], str(row["scans"]), _interval(row["observed"]), _interval(row["adjusted"]))
        for name, row in sets
    ]
    means = table["means"]
    normal = [row["normal_scans_empty"] for _, row in sets if "normal_scans_empty" in row]
    refused = max(row["refused"] for _, row in sets)
    return [
        *_grid(("set", "role", "scans", "observed", "adjusted"), rows),
        "",
        f"Mean over kvasir, busi, isic, qata, btmri (ID): {means['ID adjusted']:.3f}; over clinicdb, bkai, busbra "
        f"(OOD): {means['OOD adjusted']:.3f} adjusted, {means['OOD observed']:.3f} observed; harmonic mean "
        f"{means['HM adjusted']:.3f}.",
        f"At most {refused:.1%} of the true descriptions of a set were refused. Expected calibration error of the "
        f"pixels: {table['pixel_calibration_error']:.3f}.",
        *(
            f"Of busi's {empty['count']} normal test scans {empty['mean']:.0%} got an empty mask when asked for a "
            "tumour."
            for empty in normal
        ),
    ]


def _text(results: Mapping[str, Any]) -> list[str]:
    known, unheard = results["absent"].values()
    sides = results["sides"]
    return [
        f"Of descriptions of something of another organ {known['mean']:.1%} get an empty mask and a sentence "
        f"({unheard['mean']:.1%} for things never named in training).",
        f"“Left lung” and “right lung” are both followed on {sides['left / right lung followed']['mean']:.0%} of "
        f"{sides['scans']} scans.",
    ]


def _rivals(results: Mapping[str, Any]) -> list[str]:
    table, kinds = results["rivals"], results["kinds"]
    shown = [name for name in table if name.startswith("clean: ")] + ["confounded: all"]
    models = _models(table[shown[0]])
    rows = [_means_row(name, table[name], models) for name in shown]
    rows += [(f"mean, {kind}", "", *(f"{kinds[kind][model]:.3f}" for model in models)) for kind in kinds]
    refusals = [(model, kinds["OOD"][f"refused by {model}"]) for model in models]
    unseen = ", ".join(f"{share:.1%} by {model}" for model, share in refusals)
    return [
        *_grid(("pictures of", "pictures", *models), rows),
        "",
        *_rival_gains(results),
        "",
        f"Masks as drawn, whatever the presence answer says; on unseen sites it refuses true things: {unseen}.",
    ]


def _rival_gains(results: Mapping[str, Any]) -> list[str]:
    row = results["rivals"]["confounded: all"]
    return _gains("On all confounded pictures", row, _models(row))


def _sites(results: Mapping[str, Any]) -> list[str]:
    table = results["sites"]
    models = _models(table["all of them"])
    rows = [_means_row(name, row, models) for name, row in table.items()]
    return [
        *_grid(("test", "pictures", *models), rows),
        "",
        *_gains("On all three sites", table["all of them"], models),
    ]


def _models(row: Mapping[str, Any]) -> list[str]:
    """Whose Dice a row of a comparison holds."""
    return [key for key in row if key != "pictures" and not key.startswith(("adjusted over ", "refused by "))]


def _means_row(name: str, row: Mapping[str, Any], models: Sequence[str]) -> tuple[str, ...]:
    return name, str(row["pictures"]), *(f"{row[model]['mean']:.3f}" for model in models)


def _gains(where: str, row: Mapping[str, Any], models: Sequence[str]) -> list[str]:
    rivals = ["observed", *(model for model in models if f"adjusted over {model}" in row)]
    gains = ", ".join(f"over {rival} {_interval(row[f'adjusted over {rival}'])}" for rival in rivals)
    return [f"{where}, scan by scan, the adjusted mask has {gains}."]


def _typed(results: Mapping[str, Any]) -> list[str]:
    labels = {entry.id: entry.label for entry in load_dictionary()}
    rows = [
        (
            labels[name],
            f"{row['damage']['mean']:.3f}",
            "-" if row["recovery"] is None else _interval(row["recovery"]),
            "-" if row["recovery"] is None else _interval(row["recovery by another's name"]),
            f"{row['harm to clean']['mean']:.3f}",
            f"{row['detection AUROC']:.3f}",
        )
        for name, row in results["typed"].items()
    ]
    columns = ("typed, never in training", "damage", "recovery", "recovery by another's name", "harm", "AUROC")
    return _grid(columns, rows)


def _planted(results: Mapping[str, Any]) -> list[str]:
    tests = ("aligned", "absent", "misleading", "gap")
    rows = [(name, *(_interval(row[test]) for test in tests)) for name, row in results["planted"].items()]
    gains = results["gains"]
    over = ", ".join(
        f"over {rival} {_interval(gains[f'causalseg, calipers removed over {rival}']['worst'])}"
        for rival in ("plain", "augmented")
    )
    return [
        *_grid(("model", "aligned", "absent", "misleading", "gap, aligned - misleading"), rows),
        "",
        f"In the worst test, calipers removed has {over}.",
    ]


def _finetune(*sites: Mapping[str, Any]) -> list[str]:
    rows = []
    for results in sites:
        table, ten = results["finetune"], results["finetune"]["heads, 10 corrections"]
        rows.append(
            (
                _site_of(results["made_by"]["command"]),
                f"{table['before']['site']['mean']:.3f}",
                _interval(ten["gain on the site"]),
                _interval(ten["change on the source tests"]),
                f"{round(ten['let through by the gate'] * ten['seeds'])} of {ten['seeds']}",
            )
        )
    columns = ("site", "Dice before", "gain by 10 corrections", "change on the source sets", "let through by the gate")
    return _grid(columns, rows)


def _site_of(command: str) -> str:
    words = command.split()
    return words[words.index("--site") + 1]


def _speed(results: Mapping[str, Any]) -> list[str]:
    return _grid(("what", "value"), [(name, f"{value:.3f}") for name, value in results["speed"].items()])


_TABLES: Mapping[str, tuple[Sequence[str], Callable[..., list[str]]]] = {
    "faithfulness": (["faithfulness"], _faithfulness),
    "segmentation": (["segmentation"], _segmentation),
    "text": (["text"], _text),
    "rivals": (["rivals"], _rivals),
    "rivals_0.4.0": (["rivals_0.4.0"], _rival_gains),
    "sites": (["sites"], _sites),
    "typed": (["typed"], _typed),
    "planted": (["planted"], _planted),
    "finetune": (["finetune_lgg", "finetune_busbra", "finetune_bkai", "finetune_clinicdb"], _finetune),
    "speed": (["speed"], _speed),
}
"""Name of the table -> suites it is read from, and how it is written."""
