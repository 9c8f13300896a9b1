"""`python -m training evaluate | speed | record`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

import typer

from causalseg.checkpoints import find_entry, load_network
from causalseg.engine import Engine
from causalseg.errors import CheckpointError
from training.data import read_index
from training.evaluate.record import record_results
from training.evaluate.report import RESULTS_DIR, provenance, write_report
from training.evaluate.scans import Groups, evaluation_rows
from training.manifest import summarize_results, write_entry
from training.progress import Bar

SUITES = {
    "causalseg": ("real", "control", "segmentation", "faithfulness", "text"),
    "causalclipseg": ("segmentation", "text", "branches"),
    "mcdrl": ("segmentation", "text"),
}
"""Of each core: without named confounders there is no switch whose faithfulness could be scored."""

Data = Annotated[Path, typer.Option(help="Folder with index.csv, label store, or parquet shards.")]
Checkpoint = Annotated[str, typer.Option(help="Name in checkpoints_manifest.yaml.")]
Run = Annotated[Path, typer.Option(help="Folder of the training; made, or resumed.")]
Cache = Annotated[Path, typer.Option(help="Where squashed scans are kept.")]
Out = Annotated[Path, typer.Option(help="Folder of the tables.")]


def evaluate(
    data: Data,
    checkpoint: Checkpoint = "causalseg-lite",
    suite: Annotated[
        Literal["all", "real", "control", "segmentation", "faithfulness", "text", "branches"], typer.Option()
    ] = "all",
    twins: Annotated[
        int | None, typer.Option(help="Scans a confounder, of the suites that make twins. [default: 60; control 34]")
    ] = None,
    out: Out = RESULTS_DIR,
) -> None:
    """Write the tables of a checkpoint."""
    entry = find_entry(checkpoint)
    able = SUITES[entry.architecture.core]
    if suite not in ("all", *able):
        raise CheckpointError(
            f"Suite {suite} is not for core {entry.architecture.core}, whose suites are {', '.join(able)}."
        )
    asked = Asked(checkpoint, evaluation_rows(read_index(data)), data, twins)
    for name in able if suite == "all" else (suite,):
        command = f"python -m training evaluate --data FOLDER --checkpoint {checkpoint} --suite {name}"
        told = f"{command} --twins {twins}" if twins and name in ("control", "faithfulness") else command
        write_report(name, _TABLES_OF[name](asked), provenance(entry, told), out)


Protocol = TypeVar("Protocol", bound=Any)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a suite is to evaluate."""

    checkpoint: str
    groups: Groups
    data: Path
    twins: int | None
    """Scans a confounder; None: as the suite's protocol says."""

    def of(self, protocol: Protocol) -> Protocol:
        """The protocol with as many scans as are asked for."""
        return protocol if self.twins is None else replace(protocol, scans=self.twins)


def _real(asked: Asked) -> dict[str, Any]:
    from training.data.carried import as_table
    from training.data.labels import label_folders, labels_of, read_labels
    from training.evaluate.real import real_tables

    engine, rows = Engine.load(asked.checkpoint), [row for rows in asked.groups.values() for row in rows]
    said = as_table(labels_of(rows, read_labels(label_folders(asked.data)), asked.data), engine.confounders)
    return real_tables(engine, rows, said, Bar("labelled scans"))


def _control(asked: Asked) -> dict[str, Any]:
    from training.evaluate.control import ControlProtocol, control_table

    protocol = asked.of(ControlProtocol())
    return control_table(Engine.load(asked.checkpoint), asked.groups, protocol, Bar("confounders"))


def _segmentation(asked: Asked) -> dict[str, Any]:
    from training.evaluate.segmentation import segmentation_table

    return {"segmentation": segmentation_table(Engine.load(asked.checkpoint), asked.groups, Bar("segmentation"))}


def _faithfulness(asked: Asked) -> dict[str, Any]:
    from training.evaluate.faithfulness import Protocol as TwinProtocol
    from training.evaluate.faithfulness import faithfulness_table

    protocol = asked.of(TwinProtocol())
    table = faithfulness_table(Engine.load(asked.checkpoint), asked.groups, protocol, Bar("confounders"))
    return {"faithfulness": table}


def _text(asked: Asked) -> dict[str, Any]:
    from training.evaluate.text import text_tables

    return text_tables(Engine.load(asked.checkpoint), asked.groups, Bar("absent"))


def _branches(asked: Asked) -> dict[str, Any]:
    from causalseg.models.causalclipseg import CausalClipSegNetwork
    from training.experiments.causalclipseg import branches_table

    entry = find_entry(asked.checkpoint)
    network = cast(CausalClipSegNetwork, load_network(entry))
    return {"branches": branches_table(network, asked.groups, entry.architecture.input_side_px, 60)}


_TABLES_OF: dict[str, Callable[[Asked], dict[str, Any]]] = {
    "real": _real,
    "control": _control,
    "segmentation": _segmentation,
    "faithfulness": _faithfulness,
    "text": _text,
    "branches": _branches,
}


def speed(checkpoint: Checkpoint = "causalseg-lite", out: Out = RESULTS_DIR) -> None:
    """How long a person waits, on this machine; needs no data."""
    from training.evaluate.speed import speed_table

    tables = {"speed": speed_table(Engine.load(checkpoint))}
    command = f"python -m training speed --checkpoint {checkpoint}"
    write_report("speed", tables, provenance(find_entry(checkpoint), command), out)


def record(
    checkpoint: Checkpoint = "causalseg-lite",
    results: Annotated[Path, typer.Option(help="Folder of the tables.")] = RESULTS_DIR,
) -> None:
    """Put the tables of docs/results into the documentation, and their totals into the manifest."""
    write_entry(replace(find_entry(checkpoint), metrics=summarize_results(results)))
    record_results(results)
