"""Commands that still speak argparse; each moves to its own module (`COMMANDS` of `training.__main__`)."""

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from causalseg.causal.mcdrl_dictionary import ALL
from causalseg.checkpoints import find_entry
from causalseg.engine import Engine
from causalseg.models.build import Architecture, build_network
from causalseg.models.network import with_removal
from causalseg.scan import MODALITIES
from training.data import Squares, load_squares, read_index, train_rows
from training.evaluate.faithfulness import Protocol
from training.evaluate.report import RESULTS_DIR, provenance, write_report
from training.evaluate.scans import evaluation_rows
from training.experiments.compare import comparison_table, means_of_kinds, with_rivals_of
from training.experiments.papers.stage import PAPERS, train_paper
from training.imagenet import load_imagenet
from training.progress import Bar
from training.runs import load_architecture, save_architecture, start_from, take_shared, trained
from training.stages.release import choose_thresholds, new_entry

TOWERS = ("causalseg-lite", "RN50", "ViT-B-16")


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """All of them."""
    train = commands.add_parser("train", parents=[shared])
    train.add_argument("stage", choices=PAPERS)
    train.add_argument("--run", type=Path, required=True, help="folder of the run; made, or resumed")
    train.add_argument("--from", dest="parent", help="run that image tower, neck and decoder start from")
    train.add_argument("--epochs", type=int, help="instead of the stage's own number")
    train.add_argument("--towers", default=Architecture().towers, choices=TOWERS)
    train.add_argument("--channels", type=int, default=Architecture().channels, help="width of the neck")
    train.add_argument("--dictionary", default=ALL, choices=(ALL, *MODALITIES), help="of mcdrl")
    train.add_argument("--random-start", action="store_true", help="do not fetch a CLIP's weights")
    train.set_defaults(command=_train_paper)
    compare = commands.add_parser("compare", parents=[shared], help="a checkpoint beside rivals without a causal core")
    compare.add_argument("--checkpoint", default="causalseg-lite")
    compare.add_argument("--rival", type=Path, action="append", required=True, help="run of a rival; repeat for more")
    compare.add_argument("--join", type=Path, help="rivals.json of the same checkpoint whose other rivals are kept")
    compare.add_argument("--out", type=Path, default=RESULTS_DIR)
    compare.set_defaults(command=_compare)


def _train_paper(options: argparse.Namespace) -> None:
    architecture = Architecture(
        towers=options.towers, channels=options.channels, core=options.stage, dictionary=options.dictionary
    )
    torch.manual_seed(0)
    network = build_network(architecture, random_start=options.random_start).to(memory_format=torch.channels_last)
    save_architecture(options.run, architecture)
    rows = train_rows(read_index(options.data))
    squares = load_squares(rows, architecture.input_side_px, options.cache, on_progress=Bar("squash"))
    is_lite = architecture.towers == Architecture().towers
    if is_lite:
        load_imagenet(network.image_tower)
    if options.parent is not None:
        donor = with_removal(build_network(Architecture()))
        start_from(options.parent, donor)
        take_shared(network, donor.state_dict())
    given: dict[str, Any] = {"freeze_beginning": is_lite} | (
        {} if options.epochs is None else {"epochs": options.epochs}
    )
    train_paper(network, squares, given, options.run)


def _validation(options: argparse.Namespace, architecture: Architecture) -> Squares:
    rows = [row for row in read_index(options.data) if row.role == "source" and row.split == "val"]
    return load_squares(rows, architecture.input_side_px, options.cache)


def _compare(options: argparse.Namespace) -> None:
    rivals = {run.name: _rival(run, options) for run in options.rival}
    groups, protocol = evaluation_rows(read_index(options.data)), Protocol()
    table = comparison_table(Engine.load(options.checkpoint), rivals, groups, protocol, Bar("compare"))
    named = " ".join(f"--rival {run.name}" for run in options.rival)
    command = f"python -m training compare --data FOLDER --checkpoint {options.checkpoint} {named}"
    made_by = provenance(find_entry(options.checkpoint), command)
    if options.join is not None:
        before = json.loads(options.join.read_text(encoding="utf-8"))
        table = with_rivals_of(before, made_by, table)
        joined = before["made_by"]
        made_by |= {"joined with": f"{joined['command']} (commit {joined['commit']})"}
    write_report("rivals", {"rivals": table, "kinds": means_of_kinds(table)}, made_by, options.out)


def _rival(run: Path, options: argparse.Namespace) -> Engine:
    """A run as an engine, with thresholds chosen as a released checkpoint's are."""
    network, architecture = trained(run), load_architecture(run)
    thresholds = choose_thresholds(network, _validation(options, architecture))
    return Engine(network, new_entry(run.name, *thresholds, architecture))
