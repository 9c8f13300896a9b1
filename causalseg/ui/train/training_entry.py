"""The one arrow from the app to the package `training`: how a fine-tuning is started.

A server may lack that package: then the page says so.
"""

from dataclasses import dataclass
from pathlib import Path

from causalseg.errors import InputError
from causalseg.ui.train import text


@dataclass(frozen=True, slots=True)
class Order:
    """What a person wants fine-tuned."""

    store: Path
    versions: Path
    checkpoint: str
    parent: str
    """The checkpoint, or a version of it."""
    name: str
    """Of the version to be made."""
    seed: int = 0


def command_of(order: Order) -> tuple[str, ...]:
    """What to run for `order`, in a process of its own.

    Raises:
        InputError: the package that fine-tunes is missing.
    """
    try:
        from training.finetune.order import finetune_command
    except ImportError as error:
        raise InputError(text.not_installed(str(error))) from error
    return finetune_command(
        store=order.store,
        versions=order.versions,
        checkpoint=order.checkpoint,
        parent=order.parent,
        name=order.name,
        seed=order.seed,
    )


def missing() -> str:
    """Why nothing can be fine-tuned here, in a sentence; empty where all is well."""
    try:
        command_of(Order(Path(), Path(), "", "", ""))
    except InputError as error:
        return str(error)
    return ""
