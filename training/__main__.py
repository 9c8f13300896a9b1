"""`python -m training`: train, release and evaluate a checkpoint.

    python -m training train segment   --data FOLDER --run RUN [--from RUN_OR_CHECKPOINT]
    python -m training train intervene --data FOLDER --run RUN --from RUN_OR_CHECKPOINT [--under-do RUN_OR_CHECKPOINT]
    python -m training train detect    --data FOLDER --run RUN --from RUN_OR_CHECKPOINT
    python -m training train found     --data FOLDER --run RUN --from RUN_OR_CHECKPOINT
    python -m training train refine    --data FOLDER --run RUN --from RUN_OF_INTERVENE
    python -m training train joint     --data FOLDER --run RUN --from RUN_OR_CHECKPOINT
    python -m training train causalclipseg --data FOLDER --run RUN [--from RUN] [--towers RN50] [--channels 512]
    python -m training train mcdrl         --data FOLDER --run RUN [--from RUN] [--dictionary endoscopy]
    python -m training train plain|augmented --data FOLDER --run RUN --from RUN_OR_CHECKPOINT
    python -m training average --run RUN --of RUN_OR_CHECKPOINT --of RUN_OR_CHECKPOINT
    python -m training planted --data FOLDER --run RUN [--split val]
    python -m training shards  --data FOLDER --out SHARDS
    python -m training release --data FOLDER --run RUN
    python -m training evaluate --data FOLDER
    python -m training speed
    python -m training record
    python -m training replay   --data FOLDER --checkpoint causalseg-lite --out assets/replay/causalseg-lite.npz
    python -m training finetune --store STORE --from causalseg-lite --out VERSION [--promote]
    python -m training versions [--promote VERSION | --rollback VERSION]
    python -m training simulate-corrections --data FOLDER --site busbra --corrections 5,10,20,50 --seeds 5
    python -m training simulate-rounds --data FOLDER --sites clinicdb,bkai,busbra,lgg --rounds 10 [--gated]
    python -m training simulate-poison --data FOLDER --sites clinicdb,bkai,busbra,lgg --draws 40

Every training run resumes where it stopped: give the same command again. A fine-tuning takes seconds and leaves no
trace when it is stopped.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import torch
import typer

from causalseg.causal.dictionary import load_dictionary
from causalseg.causal.mcdrl_dictionary import ALL
from causalseg.checkpoints import find_entry
from causalseg.engine import Engine
from causalseg.errors import CausalsegError
from causalseg.models.build import Architecture, build_network
from causalseg.models.network import with_removal
from causalseg.scan import MODALITIES
from training.architecture import load_architecture, save_architecture
from training.average import add_command as add_average
from training.data import Squares, load_squares, read_index, train_rows
from training.data.shards import write_shards
from training.evaluate.commands import SUITES, evaluate, record, speed
from training.evaluate.faithfulness import Protocol
from training.evaluate.report import RESULTS_DIR, provenance, write_report
from training.evaluate.scans import evaluation_rows
from training.experiments.boxes import add_command as add_boxes
from training.experiments.compare import comparison_table, means_of_kinds, with_rivals_of
from training.experiments.papers.questions import take_shared
from training.experiments.papers.stage import PAPERS, train_paper
from training.experiments.planted.cli import add_command as add_planted
from training.experiments.rivals import train_rival
from training.experiments.sites import add_command as add_sites
from training.experiments.typed import add_command as add_typed
from training.imagenet import load_imagenet
from training.progress import Bar
from training.runs import architecture_of, start_from, take_causal_core, trained
from training.stages.detect import DetectConfig, train_detect
from training.stages.found import FoundConfig, train_found
from training.stages.intervene import InterveneConfig, train_intervene
from training.stages.joint import JointConfig, train_joint
from training.stages.observe import SegmentConfig, train_refine, train_segment
from training.stages.release import choose_thresholds, chosen_entry, new_entry, release, write_entry

COMMANDS = {
    "replay": "training.finetune.cli:replay",
    "finetune": "training.finetune.cli:finetune",
    "versions": "training.finetune.cli:versions",
    "simulate-corrections": "training.experiments.simulated_corrections:simulate_corrections",
    "simulate-rounds": "training.experiments.simulated_rounds:simulate_rounds",
    "simulate-poison": "training.experiments.simulated_poison:simulate_poison",
}
"""Commands whose module is imported when they are asked for."""
TOWERS = ("causalseg-lite", "RN50", "ViT-B-16")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("causalseg.engine").setLevel(logging.WARNING)
    torch.set_flush_denormal(True)
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if given and given[0] in COMMANDS:
            return _run(given)
        options = _parser().parse_args(given)
        options.command(options)
    except (FileNotFoundError, CausalsegError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _run(given: Sequence[str]) -> int:
    module, _, function = COMMANDS[given[0]].partition(":")
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    single.command(given[0])(getattr(import_module(module), function))
    try:
        typer.main.get_command(single)(list(given[1:]), prog_name=f"python -m training {given[0]}")
    except SystemExit as done:
        return int(done.code or 0)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data", type=Path, required=True, help="folder with index.csv")
    shared.add_argument("--cache", type=Path, default=Path("runs/squares"), help="where squashed scans are kept")
    train = commands.add_parser("train", parents=[shared], help="train one stage, or go on with it")
    train.add_argument(
        "stage", choices=("segment", "detect", "found", "intervene", "refine", "joint", "plain", "augmented", *PAPERS)
    )
    train.add_argument("--run", type=Path, required=True, help="folder of the run; made, or resumed")
    train.add_argument("--from", dest="parent", help="run, or name of a checkpoint, that later stages start from")
    train.add_argument(
        "--under-do",
        help="only for intervene: run, or name of a checkpoint, whose image tower and causal core the intervened pass "
        "starts from; its stages from stride 8 on are then apart from the observed pass's",
    )
    train.add_argument("--light", type=float, default=1.0, help="only for segment: how far light and colour change")
    train.add_argument("--epochs", type=int, help="instead of the stage's own number")
    paper = train.add_argument_group("only for " + " and ".join(PAPERS))
    paper.add_argument("--towers", default=Architecture().towers, choices=TOWERS)
    paper.add_argument("--channels", type=int, default=Architecture().channels, help="width of the neck")
    paper.add_argument("--dictionary", default=ALL, choices=(ALL, *MODALITIES), help="of mcdrl")
    paper.add_argument("--random-start", action="store_true", help="do not fetch a CLIP's weights")
    train.set_defaults(command=_train)
    add_average(commands)
    add_planted(commands, shared)
    add_sites(commands, shared)
    add_typed(commands, shared)
    add_boxes(commands, shared)
    shards = commands.add_parser("shards", help="write a data folder as parquet shards, which --data takes too")
    shards.add_argument("--data", type=Path, required=True)
    shards.add_argument("--out", type=Path, required=True, help="a new folder")
    shards.set_defaults(command=lambda options: write_shards(read_index(options.data), options.out))
    out = commands.add_parser("release", parents=[shared], help="choose thresholds, write weights and manifest entry")
    out.add_argument("--run", type=Path, required=True)
    out.add_argument("--version", required=True)
    out.set_defaults(command=_release)
    evaluate = commands.add_parser("evaluate", parents=[shared], help="write the tables of a checkpoint")
    evaluate.add_argument("--checkpoint", default="causalseg-lite")
    evaluate.add_argument("--suite", choices=("all", *sorted(set(chain(*SUITES.values())))), default="all")
    evaluate.add_argument("--out", type=Path, default=RESULTS_DIR)
    evaluate.set_defaults(command=_evaluate)
    compare = commands.add_parser("compare", parents=[shared], help="a checkpoint beside rivals without a causal core")
    compare.add_argument("--checkpoint", default="causalseg-lite")
    compare.add_argument("--rival", type=Path, action="append", required=True, help="run of a rival; repeat for more")
    compare.add_argument("--join", type=Path, help="rivals.json of the same checkpoint whose other rivals are kept")
    compare.add_argument("--out", type=Path, default=RESULTS_DIR)
    compare.set_defaults(command=_compare)
    record = commands.add_parser("record", help="put the tables into the README, their totals into the manifest")
    record.add_argument("--checkpoint", default="causalseg-lite")
    record.add_argument("--results", type=Path, default=RESULTS_DIR)
    record.set_defaults(command=_record)
    speed = commands.add_parser("speed", help="how long a person waits, on this machine; needs no data")
    speed.add_argument("--checkpoint", default="causalseg-lite")
    speed.add_argument("--out", type=Path, default=RESULTS_DIR)
    speed.set_defaults(command=_speed)
    return parser


def _train(options: argparse.Namespace) -> None:
    if options.stage in PAPERS:
        _train_paper(options)
        return
    if options.parent is None and options.stage != "segment":
        raise FileNotFoundError(f"stage {options.stage} starts from another stage's run: give it as --from RUN")
    rows = train_rows(read_index(options.data))
    architecture = _architecture_of_stage(options)
    save_architecture(options.run, architecture)
    network = with_removal(build_network(architecture))
    squares = load_squares(rows, architecture.input_side_px, options.cache, on_progress=Bar("squash"))
    torch.manual_seed(0)
    epochs = {} if options.epochs is None else {"epochs": options.epochs}
    network = network.to(memory_format=torch.channels_last)
    if options.parent is None:
        load_imagenet(network.image_tower)
    else:
        start_from(options.parent, network)
    if options.stage == "segment":
        config = SegmentConfig(light=options.light, **epochs)
        train_segment(network, squares, config, options.run, goes_on=options.parent is not None)
    elif options.stage == "refine":
        train_refine(network, squares, SegmentConfig(**({"epochs": 2, "decoder_rate": 4e-4} | epochs)), options.run)
    elif options.stage == "detect":
        train_detect(network, squares, load_dictionary(), DetectConfig(**epochs), options.run)
    elif options.stage == "found":
        train_found(network, squares, load_dictionary(), FoundConfig(**epochs), options.run)
    elif options.stage in ("plain", "augmented"):
        train_rival(options.stage, network, squares, load_dictionary(), JointConfig(**epochs), options.run)
    elif options.stage == "joint":
        train_joint(network, squares, load_dictionary(), JointConfig(**epochs), options.run)
    else:
        if options.under_do is not None:
            take_causal_core(options.under_do, network)
        train_intervene(network, squares, load_dictionary(), InterveneConfig(**epochs), options.run)


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


def _architecture_of_stage(options: argparse.Namespace) -> Architecture:
    """The parent's; separate under do() where the stage is told so."""
    parent = Architecture() if options.parent is None else architecture_of(options.parent)
    return replace(parent, separate=parent.separate or options.under_do is not None)


def _release(options: argparse.Namespace) -> None:
    network, architecture = trained(options.run), load_architecture(options.run)
    val = _validation(options, architecture)
    write_entry(release(network, chosen_entry(options.version, network, val, architecture)))


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


def _evaluate(options: argparse.Namespace) -> None:
    evaluate(options.data, options.checkpoint, options.suite, options.out)


def _record(options: argparse.Namespace) -> None:
    record(options.checkpoint, options.results)


def _speed(options: argparse.Namespace) -> None:
    speed(options.checkpoint, options.out)


if __name__ == "__main__":
    sys.exit(main())
