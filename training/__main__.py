"""`python -m training`: train, release and evaluate a checkpoint; learn from corrections.

Each command's module is imported when the command is asked for, and not before.
"""

import logging
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from causalseg.errors import CausalsegError

COMMANDS = {
    "run": ("training.run:run", "Train a recipe from its start to a released checkpoint, or go on with it."),
    "release": ("training.run:release", "Choose thresholds, write weights and manifest entry of a run."),
    "bundle": ("training.bundle:bundle", "Write a checkpoint as a MONAI bundle."),
    "evaluate": ("training.evaluate.commands:evaluate", "Write the tables of a checkpoint."),
    "compare": ("training.experiments.compare:compare", "A checkpoint beside rivals without a causal core."),
    "boxes": ("training.experiments.boxes:boxes", "What refining a mask in its box gains."),
    "sites": ("training.experiments.sites:sites", "Leave one site out: five models, three sites."),
    "typed": ("training.experiments.typed:typed", "Leave five confounders out of training, then type their names."),
    "planted": ("training.experiments.planted.cli:planted", "The planted-shortcut experiment and its table."),
    "train": ("training.experiments.papers:train", "Train the core of a paper: causalclipseg or mcdrl."),
    "speed": ("training.evaluate.commands:speed", "How long a person waits, on this machine; needs no data."),
    "record": ("training.evaluate.commands:record", "Put the tables' totals into the manifest and the documents."),
    "replay": ("training.finetune.cli:replay", "Store features of training scans, which fine-tuning replays."),
    "finetune": ("training.finetune.cli:finetune", "Learn from approved corrections: a new version."),
    "versions": ("training.finetune.cli:versions", "List the versions, promote one or put one back."),
    "simulate-corrections": (
        "training.experiments.simulated_corrections:simulate_corrections",
        "What fine-tuning gains from some corrections of a site.",
    ),
    "simulate-rounds": ("training.experiments.simulated_rounds:simulate_rounds", "Rounds of learning, one a site."),
    "simulate-poison": (
        "training.experiments.simulated_poison:simulate_poison",
        "How many draws of wrong corrections are refused or stopped.",
    ),
    "shards": ("training.data.shards:shards", "Write a data folder as parquet shards, which --data takes too."),
    "styles": ("training.data.styles:styles", "Write the site statistics of the scanner-style simulator."),
}
"""Name -> "module:function" and one line of help; the function's annotations are the command's options."""


class Lazy(TyperGroup):
    """A group that knows its commands' names and help, and imports one when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All commands, in the order of the tables."""
        return [*COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """One command, its module imported; None where there is none."""
        return _command(cmd_name, _function(COMMANDS[cmd_name][0])) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Names and help, no module imported."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("causalseg.engine").setLevel(logging.WARNING)
    app = typer.Typer(cls=Lazy, help=__doc__, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
    app.callback()(lambda: None)
    try:
        get_command(app)(None if arguments is None else list(arguments), prog_name="python -m training")
    except SystemExit as done:
        return int(done.code or 0)
    except (FileNotFoundError, CausalsegError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _command(name: str, function: Callable[..., Any]) -> Any:
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    single.command(name)(function)
    return get_command(single)


def _function(place: str) -> Callable[..., Any]:
    module, _, name = place.partition(":")
    found = getattr(import_module(module), name)
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(True)
    return found


if __name__ == "__main__":
    sys.exit(main())
