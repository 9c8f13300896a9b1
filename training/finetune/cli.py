"""The commands of fine-tuning: replay, finetune, versions.

With `--progress json` a fine-tuning says how far it is in lines that a program can read, one JSON object each:

    {"kind": "progress", "done": 12, "total": 140}
    {"kind": "step", "member": 0, "step": 3, "loss": 0.41}
    {"kind": "made", "version": "clinic-1", "passed": true}

Refusals are a sentence on standard error and exit code 2, as everywhere.
"""

import json
import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
from typer import Option

from causalseg.annotations.store import LabelStore
from causalseg.checkpoints import find_entry, load_network
from causalseg.errors import BadVersion
from causalseg.models.network import with_removal
from causalseg.settings import Settings
from causalseg.versions import VersionCard, VersionStore
from training.data import read_index
from training.finetune.corrections import material_of
from training.finetune.learn import LearnConfig
from training.finetune.publish import adopt as adopt_version
from training.finetune.publish import push_to_hub
from training.finetune.replay import ReplayConfig, load_replay, make_replay, replay_path
from training.finetune.run import FinetuneConfig, load_parent
from training.finetune.run import finetune as run_finetune
from training.progress import Bar

_DEFAULT = Settings().checkpoint
_VERSIONS_DIR = Settings().versions_dir


class ProgressStyle(StrEnum):
    """How a fine-tuning says how far it is."""

    BAR = "bar"
    JSON = "json"


def replay(
    data: Annotated[Path, Option(help="folder with index.csv")],
    checkpoint: str = _DEFAULT,
    out: Annotated[Path | None, Option(help="default: where the project ships it")] = None,
    scans: int = ReplayConfig().scans,
    twins: int = ReplayConfig().twins,
) -> None:
    """Write features of training scans that fine-tuning replays; no pictures."""
    entry = find_entry(checkpoint)
    network = with_removal(load_network(entry)).to(memory_format=torch.channels_last)
    path = out or replay_path(entry.name)
    config = ReplayConfig(scans=scans, twins=twins)
    features = make_replay(network, entry, read_index(data), config, path, Bar("replay"))
    say(f"{len(features)} items, {path.stat().st_size / 1e6:.1f} MB: {path}")


def finetune(
    store: Annotated[Path, Option(help="folder of the label store")],
    name: Annotated[str, Option("--out", help="name of the new version")],
    parent: Annotated[str, Option("--from", help="the checkpoint, or a version of it")] = _DEFAULT,
    checkpoint: Annotated[str, Option(help="what --from is, or is a version of")] = _DEFAULT,
    versions: Annotated[Path, Option(help="folder of the versions")] = _VERSIONS_DIR,
    replay: Annotated[Path | None, Option(help="default: what the project ships")] = None,
    seed: int = 0,
    steps: Annotated[int, Option(help="of each member")] = LearnConfig().steps,
    promote: Annotated[bool, Option("--promote", help="serve it at once if it passes its checks")] = False,
    progress: Annotated[ProgressStyle, Option(help="json: lines for a program to read")] = ProgressStyle.BAR,
) -> None:
    """Learn from the approved masks of a label store: a new version."""
    torch.set_flush_denormal(True)
    entry, kept = find_entry(checkpoint), VersionStore(versions)
    kept.raise_if_unusable(name)
    material, replayed = material_of(LabelStore(store)), load_replay(entry, replay)
    learn, is_for_a_program = LearnConfig(seed=seed, steps=steps), progress == ProgressStyle.JSON
    card = run_finetune(
        load_parent(entry, parent, kept),
        material,
        replayed,
        kept,
        name,
        FinetuneConfig(learn=learn),
        on_progress=_tell_progress if is_for_a_program else Bar("finetune"),
        on_step=partial(_tell_step, learn.steps) if is_for_a_program else lambda step, loss: None,
    )
    if promote and card.passed:
        kept.promote(card.name, entry)
    if is_for_a_program:
        _tell(kind="made", version=card.name, passed=card.passed)
        return
    say(*_described(card))
    if promote and card.passed:
        say(f"{card.name} is served now.")
    elif card.passed:
        say(f"To serve it: python -m training versions --promote {card.name}")


def versions(
    checkpoint: str = _DEFAULT,
    folder: Annotated[Path, Option("--versions", help="folder of the versions")] = _VERSIONS_DIR,
    promote: Annotated[str | None, Option(help="serve it from now on; the app need not be restarted")] = None,
    adopt: Annotated[str | None, Option(help="name it in the manifest, as a checkpoint of its own")] = None,
    publish: Annotated[str | None, Option(help="upload it to the Hub with a model card; needs --repo")] = None,
    rollback: Annotated[str | None, Option(help="serve it again; the checkpoint's name: as it came")] = None,
    repo: Annotated[str | None, Option(help="on the Hub, for --publish: owner/name; made private where new")] = None,
) -> None:
    """List the versions, promote one, or roll back to one."""
    entry, kept = find_entry(checkpoint), VersionStore(folder)
    if sum(one is not None for one in (promote, adopt, publish, rollback)) > 1:
        raise BadVersion("Give one of --promote, --adopt, --publish and --rollback at a time.")
    if promote:
        kept.promote(promote, entry)
    if rollback:
        kept.roll_back(rollback, entry)
    if adopt:
        say(f"The manifest names it {adopt_version(kept, kept.card(adopt), entry).name}.")
    if publish:
        if not repo:
            raise BadVersion("Say where on the Hub: --repo OWNER/NAME.")
        say(push_to_hub(kept, kept.card(publish), entry, repo))
    served = kept.promoted(entry)
    for card in kept.cards(entry.name):
        say(*_described(card))
    say(f"Served: {entry.name if served is None else served.name}")


def say(*lines: str) -> None:
    """To a person at a terminal."""
    sys.stdout.write("\n".join(lines) + "\n")


def _described(card: VersionCard) -> tuple[str, ...]:
    learnt = f"{card.corrections} corrections and {card.statements} statements"
    verdict = "may be promoted" if card.passed else "stopped by its gate"
    head = f"{card.name}: from {card.parent}, {learnt}, {card.made_at}, {card.seconds:.0f} s; {verdict}"
    return (head, *(f"  {reason}" for reason in card.reasons))


def _tell_progress(done: int, total: int) -> None:
    _tell(kind="progress", done=done, total=total)


def _tell_step(steps: int, done: int, loss: float) -> None:
    """A point of the curve; members follow one another, `steps` each."""
    _tell(kind="step", member=(done - 1) // steps, step=(done - 1) % steps + 1, loss=round(loss, 5))


def _tell(**values: str | int | float | bool) -> None:
    """A line for the program that started this; where it is gone, so is the pipe, and nothing is written further."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()
