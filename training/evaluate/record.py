"""The measured tables of the documentation, written from `docs/results`: no number in them is typed by hand.

A table stands between `<!-- name -->` and `<!-- /name -->`, in whichever page wants it; `python -m training record`
fills those of the README and of docs/results/README.md, and writes every suite's own page anew.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from causalseg.checkpoints import PROJECT_DIR
from training.evaluate.figures import draw_recovery
from training.evaluate.report import RESULTS_DIR, read_results, render, write_page

PAGES = (PROJECT_DIR / "README.md", RESULTS_DIR / "README.md")
TABLES: Mapping[str, Sequence[str]] = {
    "trust": ["real", "control", "segmentation"],
    "real": ["real"],
    "control": ["control"],
    "faithfulness": ["faithfulness"],
    "segmentation": ["segmentation"],
    "text": ["text"],
    "rivals": ["rivals"],
    "rivals_0.4.0": ["rivals_0.4.0"],
    "sites": ["sites"],
    "typed": ["typed"],
    "planted": ["planted"],
    "finetune": ["finetune_lgg", "finetune_busbra", "finetune_bkai", "finetune_clinicdb"],
    "speed": ["speed"],
}
"""Name of a table -> suites it is read from. Its template is `templates/<name>.md.j2`."""
_TABLE = re.compile(r"(<!-- ([a-z_0-9.]+) -->\n).*?(<!-- /\2 -->)", re.DOTALL)
_MARK = re.compile(r"<!-- /?[a-z_0-9.]+ -->")


def record_results(results_dir: Path = RESULTS_DIR) -> None:
    """Fill the tables of `PAGES`; write the page of every suite in `results_dir`, and its figure."""
    for page in PAGES:
        page.write_text(fill_tables(page.read_text(encoding="utf-8"), results_dir), encoding="utf-8")
    for path in sorted(results_dir.glob("*.json")):
        write_page(path.stem, results_dir)
    draw_recovery(read_results("faithfulness", results_dir), results_dir / "faithfulness.png")


def fill_tables(page: str, results_dir: Path = RESULTS_DIR) -> str:
    """`page` with every table made anew from the JSON files of `results_dir`.

    Raises:
        FileNotFoundError: a suite has not been evaluated.
        ValueError: a mark is of no table, or stands without its other half.
    """
    if stray := _MARK.search(_TABLE.sub("", page)):
        raise ValueError(f"{stray[0]} stands alone: a table stands between <!-- name --> and <!-- /name -->.")
    if unknown := [name for _, name, _ in _TABLE.findall(page) if name not in TABLES]:
        raise ValueError(f"There is no table {unknown[0]}; there are {', '.join(TABLES)}.")
    return _TABLE.sub(lambda table: table[1] + make_table(table[2], results_dir) + table[3], page)


def make_table(name: str, results_dir: Path = RESULTS_DIR) -> str:
    """One table as Markdown, and the checkpoints that it was measured on."""
    suites = [read_results(suite, results_dir) for suite in TABLES[name]]
    checkpoints = sorted({one["made_by"]["checkpoint"] for one in suites if "checkpoint" in one["made_by"]})
    measured = f"\n\nMeasured on `{'`, `'.join(checkpoints)}`." if checkpoints else ""
    return render(name, suites=suites, results=suites[0]).strip("\n") + f"{measured}\n"
