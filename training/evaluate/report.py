"""Tables of an evaluation as JSON, and as Markdown made from that JSON; each with what made it.

Every page is a Jinja2 template of `templates/`; a table is a pandas frame, its Markdown three lines here (pandas needs
`tabulate` for it).
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from causalseg.causal.dictionary import load_dictionary
from causalseg.causal.recovery import LEAST_DAMAGE, worth
from causalseg.checkpoints import PROJECT_DIR, CheckpointEntry

RESULTS_DIR = PROJECT_DIR / "docs" / "results"


def provenance(entry: CheckpointEntry | None, command: str) -> dict[str, str]:
    """What made a table: checkpoint and its SHA-256 where it is of one, the commit of the code, the command."""
    made_by = {} if entry is None else {"checkpoint": f"{entry.name} {entry.version}", "sha256": entry.sha256}
    return made_by | {"commit": commit_of_code(), "command": command}


def commit_of_code() -> str:
    """The commit of this working copy; "unknown" where there is none."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=PROJECT_DIR, capture_output=True, text=True, check=False
    ).stdout.strip()
    return commit or "unknown"


def write_report(name: str, tables: Mapping[str, Any], made_by: Mapping[str, str], folder: Path = RESULTS_DIR) -> Path:
    """Write `<name>.json` and `<name>.md`; the Markdown's path."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = json.dumps(_plain({"made_by": dict(made_by), **tables}), indent=1)
    (folder / f"{name}.json").write_text(plain + "\n", encoding="utf-8")
    return write_page(name, folder)


def write_page(name: str, folder: Path = RESULTS_DIR) -> Path:
    """Write `<name>.md` from `<name>.json`; its path."""
    tables = read_results(name, folder)
    path = folder / f"{name}.md"
    page = render("report", name=name, made_by=tables.pop("made_by"), tables=tables)
    path.write_text(page.rstrip("\n") + "\n", encoding="utf-8")
    return path


def read_results(name: str, folder: Path = RESULTS_DIR) -> dict[str, Any]:
    """The tables of one suite, and under "made_by" what made them.

    Raises:
        FileNotFoundError: the suite has not been evaluated.
    """
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def render(template: str, **values: object) -> str:
    """A template of `templates/` with `values` in it."""
    return _environment().get_template(f"{template}.md.j2").render(**values)


def grid(
    rows: Mapping[str, Mapping[str, Any]], corner: str, columns: Mapping[str, str] | None = None, interval: bool = True
) -> str:
    """A Markdown table, one line a row of `rows`; of `columns` (key -> heading) only, where they are given."""
    frame = pd.DataFrame([*rows.values()], index=[*rows], dtype=object)
    if columns is not None:
        frame = pd.DataFrame({heading: frame[key] for key, heading in columns.items()})
    cells = frame.map(lambda value: cell(value, interval))
    lines = [f"| {' | '.join(line)} |" for line in ([corner, *frame.columns], *cells.reset_index().to_numpy())]
    return "\n".join([lines[0], "|---" * (len(frame.columns) + 1) + "|", *lines[1:]])


def cell(value: Any, interval: bool = True) -> str:
    """A number of a table: 0.812, a mean with its interval, several means with their counts, or - where there is none.

    `interval` says whether a mean shows its own.
    """
    if isinstance(value, Mapping) and "mean" in value:
        return f"{value['mean']:.3f}" + (f" [{value['low']:.3f}, {value['high']:.3f}]" if interval else "")
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {one['mean']:.3f} ({one['count']})" for name, one in value.items())
    if value is None or value != value:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def label_of(name: str) -> str:
    """What the page calls an entry; of one that the dictionary no longer has, its id in words."""
    known = {entry.id: entry.label for entry in load_dictionary()}
    return known.get(name, name.replace("_", " ").capitalize())


def models_of(row: Mapping[str, Any]) -> list[str]:
    """Whose Dice a row of a comparison holds."""
    return [key for key in row if key != "pictures" and not key.startswith(("adjusted over ", "refused by "))]


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return round(value, 5) if isinstance(value, float) else value


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = cell
    environment.globals |= {"grid": grid, "models_of": models_of, "worth": worth, "LEAST_DAMAGE": LEAST_DAMAGE}
    environment.globals["label"] = label_of
    return environment
