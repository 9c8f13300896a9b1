"""The commands of fine-tuning: replay, finetune, versions, simulate-corrections, simulate-rounds,
simulate-poison.

With `--progress json` a fine-tuning says how far it is in lines that a program can read, one JSON object each:

    {"kind": "progress", "done": 12, "total": 140}
    {"kind": "step", "member": 0, "step": 3, "loss": 0.41}
    {"kind": "made", "version": "clinic-1", "passed": true}

Refusals are a sentence on standard error and exit code 2, as everywhere.
"""

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from causalseg.annotations.store import LabelStore
from causalseg.checkpoints import find_entry, load_network
from causalseg.errors import BadVersion
from causalseg.models.network import with_removal
from causalseg.settings import Settings
from causalseg.versions import VersionCard, VersionStore
from training.data import read_index
from training.evaluate.report import RESULTS_DIR, provenance, write_report
from training.finetune.experiment import simulate_table
from training.finetune.learn import LearnConfig
from training.finetune.material import material_of
from training.finetune.poison import poison_table
from training.finetune.publish import adopt, push_to_hub
from training.finetune.rounds import rounds_table
from training.finetune.run import FinetuneConfig, finetune, load_parent
from training.progress import Bar
from training.replay import ReplayConfig, load_replay, make_replay, replay_path

_DEFAULT = Settings().checkpoint


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Put the commands of fine-tuning among the others."""
    _add_replay(commands)
    _add_finetune(commands)
    _add_versions(commands)
    _add_simulate(commands)
    _add_rounds(commands)
    _add_poison(commands)


def _add_replay(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    replay = commands.add_parser("replay", help="features of training scans that fine-tuning replays; no pictures")
    replay.add_argument("--data", type=Path, required=True, help="folder with index.csv")
    replay.add_argument("--checkpoint", default=_DEFAULT)
    replay.add_argument("--out", type=Path, help="default: where the project ships it")
    replay.add_argument("--scans", type=int, default=ReplayConfig().scans)
    replay.add_argument("--twins", type=int, default=ReplayConfig().twins)
    replay.set_defaults(command=_replay)


def _add_finetune(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    tune = commands.add_parser("finetune", help="learn from the approved masks of a label store: a new version")
    tune.add_argument("--store", type=Path, required=True, help="folder of the label store")
    tune.add_argument("--from", dest="parent", default=_DEFAULT, help="the checkpoint, or a version of it")
    tune.add_argument("--out", dest="name", required=True, help="name of the new version")
    tune.add_argument("--checkpoint", default=_DEFAULT, help="what --from is, or is a version of")
    tune.add_argument("--versions", type=Path, default=Settings().versions_dir, help="folder of the versions")
    tune.add_argument("--replay", type=Path, help="default: what the project ships")
    tune.add_argument("--seed", type=int, default=0)
    tune.add_argument("--steps", type=int, default=LearnConfig().steps, help="of each member")
    tune.add_argument("--promote", action="store_true", help="serve it at once if its gate lets it through")
    tune.add_argument("--progress", choices=("bar", "json"), default="bar", help="json: lines for a program to read")
    tune.set_defaults(command=_finetune)


def _add_versions(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    versions = commands.add_parser("versions", help="list the versions, promote one, or roll back to one")
    versions.add_argument("--checkpoint", default=_DEFAULT)
    versions.add_argument("--versions", type=Path, default=Settings().versions_dir, help="folder of the versions")
    which = versions.add_mutually_exclusive_group()
    which.add_argument("--promote", metavar="VERSION", help="serve it from now on; the app need not be restarted")
    which.add_argument("--adopt", metavar="VERSION", help="name it in the manifest, as a checkpoint of its own")
    which.add_argument("--publish", metavar="VERSION", help="upload it to the Hub with a model card; needs --repo")
    versions.add_argument("--repo", help="on the Hub, for --publish: owner/name; made private where it is new")
    which.add_argument("--rollback", metavar="VERSION", help="serve it again; the checkpoint's name: as it came")
    versions.set_defaults(command=_versions)


def _add_simulate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    simulate = commands.add_parser("simulate-corrections", help="what N corrections of an unseen site bring")
    simulate.add_argument("--data", type=Path, required=True, help="folder with index.csv")
    simulate.add_argument("--checkpoint", default=_DEFAULT)
    simulate.add_argument("--site", required=True, help="a set of role target, for example busbra")
    simulate.add_argument("--corrections", type=_numbers, default=(5, 10, 20, 50), help="comma between")
    simulate.add_argument("--seeds", type=int, default=5)
    simulate.add_argument(
        "--ways",
        type=_words,
        default=("heads", "no replay", "decoder"),
        help="comma between; heads:10x3 is 10 corrections, 3 seeds",
    )
    simulate.add_argument("--tests", type=int, default=100, help="scans of the site to test on, at most")
    simulate.add_argument("--source-tests", type=int, default=40, help="test scans of the source sets, at most")
    simulate.add_argument("--replay", type=Path, help="default: what the project ships")
    simulate.add_argument("--out", type=Path, default=RESULTS_DIR)
    simulate.set_defaults(command=_simulate)


def _add_rounds(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    rounds = commands.add_parser("simulate-rounds", help="fine-tunings in a row, each from the version before")
    _add_what_is_simulated(rounds)
    rounds.add_argument("--rounds", type=int, default=10)
    rounds.add_argument("--gated", action="store_true", help="drop what its gate stops, as the app does")
    rounds.add_argument("--tests", type=int, default=40, help="scans of each site to test on, at most")
    rounds.add_argument("--source-tests", type=int, default=80, help="test scans of the source sets, at most")
    rounds.set_defaults(command=_rounds)


def _add_poison(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    poison = commands.add_parser("simulate-poison", help="how many draws of wrong corrections are refused or stopped")
    _add_what_is_simulated(poison)
    poison.add_argument("--draws", type=int, default=40, help="of each site and kind")
    poison.add_argument("--scans", type=int, default=60, help="of each site to draw from, at most")
    poison.add_argument("--learnt", type=int, default=1, help="draws a line that pass the checks and reach the gate")
    poison.add_argument("--unchecked", type=int, default=0, help="draws a line that reach the gate in any case")
    poison.set_defaults(command=_poison)


def _add_what_is_simulated(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data", type=Path, required=True, help="folder with index.csv")
    command.add_argument("--checkpoint", default=_DEFAULT)
    command.add_argument("--sites", type=_words, default=("clinicdb", "bkai", "busbra", "lgg"), help="comma between")
    command.add_argument("--corrections", type=int, default=10, help="of one fine-tuning")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--replay", type=Path, help="default: what the project ships")
    command.add_argument("--out", type=Path, default=RESULTS_DIR)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def _replay(options: argparse.Namespace) -> None:
    entry = find_entry(options.checkpoint)
    network = with_removal(load_network(entry)).to(memory_format=torch.channels_last)
    path = options.out or replay_path(entry.name)
    config = ReplayConfig(scans=options.scans, twins=options.twins)
    features = make_replay(network, entry, read_index(options.data), config, path, Bar("replay"))
    _say(f"{len(features)} items, {path.stat().st_size / 1e6:.1f} MB: {path}")


def _finetune(options: argparse.Namespace) -> None:
    entry, versions = find_entry(options.checkpoint), VersionStore(options.versions)
    versions.raise_if_unusable(options.name)
    material, replay = material_of(LabelStore(options.store)), load_replay(entry, options.replay)
    learn, is_for_a_program = LearnConfig(seed=options.seed, steps=options.steps), options.progress == "json"
    card = finetune(
        load_parent(entry, options.parent, versions),
        material,
        replay,
        versions,
        options.name,
        FinetuneConfig(learn=learn),
        on_progress=_tell_progress if is_for_a_program else Bar("finetune"),
        on_step=partial(_tell_step, learn.steps) if is_for_a_program else lambda step, loss: None,
    )
    if options.promote and card.passed:
        versions.promote(card.name, entry)
    if is_for_a_program:
        _tell(kind="made", version=card.name, passed=card.passed)
        return
    _say(*_described(card))
    if options.promote and card.passed:
        _say(f"{card.name} is served now.")
    elif card.passed:
        _say(f"To serve it: python -m training versions --promote {card.name}")


def _versions(options: argparse.Namespace) -> None:
    entry, versions = find_entry(options.checkpoint), VersionStore(options.versions)
    if options.promote:
        versions.promote(options.promote, entry)
    if options.rollback:
        versions.roll_back(options.rollback, entry)
    if options.adopt:
        _say(f"The manifest names it {adopt(versions, versions.card(options.adopt), entry).name}.")
    if options.publish:
        if not options.repo:
            raise BadVersion("Say where on the Hub: --repo OWNER/NAME.")
        _say(push_to_hub(versions, versions.card(options.publish), entry, options.repo))
    served = versions.promoted(entry)
    for card in versions.cards(entry.name):
        _say(*_described(card))
    _say(f"Served: {entry.name if served is None else served.name}")


def _described(card: VersionCard) -> tuple[str, ...]:
    learnt = f"{card.corrections} corrections and {card.statements} statements"
    verdict = "may be promoted" if card.passed else "stopped by its gate"
    head = f"{card.name}: from {card.parent}, {learnt}, {card.made_at}, {card.seconds:.0f} s; {verdict}"
    return (head, *(f"  {reason}" for reason in card.reasons))


def _simulate(options: argparse.Namespace) -> None:
    entry = find_entry(options.checkpoint)
    command = (
        f"python -m training simulate-corrections --data FOLDER --site {options.site} "
        f"--corrections {','.join(map(str, options.corrections))} --seeds {options.seeds} "
        f"--ways '{','.join(options.ways)}' --tests {options.tests} --source-tests {options.source_tests}"
    )
    made_by = provenance(entry, command)

    def write(table: dict[str, Any]) -> Path:
        return write_report(f"finetune_{options.site}", {"finetune": table}, made_by, options.out)

    replay = load_replay(entry, options.replay)
    table = simulate_table(entry, read_index(options.data), replay, options, Bar("rounds"), write)
    _say(write(table).read_text(encoding="utf-8"))


def _rounds(options: argparse.Namespace) -> None:
    gated = " --gated" if options.gated else ""
    rest = f"--rounds {options.rounds}{gated} --tests {options.tests} --source-tests {options.source_tests}"
    name = "finetune_rounds_gated" if options.gated else "finetune_rounds"
    _simulate_sites(options, "rounds", "simulate-rounds", rest, name, rounds_table)


def _poison(options: argparse.Namespace) -> None:
    rest = f"--draws {options.draws} --scans {options.scans} --learnt {options.learnt} --unchecked {options.unchecked}"
    name = "finetune_poison_unchecked" if options.unchecked else "finetune_poison"
    _simulate_sites(options, "poison", "simulate-poison", rest, name, poison_table)


def _simulate_sites(
    options: argparse.Namespace, key: str, verb: str, rest: str, name: str, make: Callable[..., dict[str, Any]]
) -> None:
    """Make a table over several sites and write it as it grows."""
    entry = find_entry(options.checkpoint)
    sites = f"--sites {','.join(options.sites)} --corrections {options.corrections} --seed {options.seed}"
    made_by = provenance(entry, f"python -m training {verb} --data FOLDER {sites} {rest}")

    def write(table: dict[str, Any]) -> Path:
        return write_report(name, {key: table}, made_by, options.out)

    table = make(entry, read_index(options.data), load_replay(entry, options.replay), options, Bar(key), write)
    _say(write(table).read_text(encoding="utf-8"))


def _tell_progress(done: int, total: int) -> None:
    _tell(kind="progress", done=done, total=total)


def _tell_step(steps: int, done: int, loss: float) -> None:
    """A point of the curve; members follow one another, `steps` each."""
    _tell(kind="step", member=(done - 1) // steps, step=(done - 1) % steps + 1, loss=round(loss, 5))


def _tell(**values: str | int | float | bool) -> None:
    """A line for the program that started this; where it is gone, so is the pipe, and nothing is written further."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
