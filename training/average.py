"""`python -m training average`: the mean of the weights of runs that grew out of one another.

Where a network learns on, some sites gain and others lose; the mean of both ends often keeps most of what each is good
at, at no cost for whoever asks it (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from causalseg.errors import CheckpointError
from causalseg.models.build import build_network
from causalseg.models.network import with_removal
from training.architecture import save_architecture
from training.resume import Progress, raise_if_trained, save_average, update_average
from training.runs import architecture_of, start_from


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Put `average` among the other commands."""
    parser = commands.add_parser("average", help="the mean of the weights of runs that grew out of one another")
    parser.add_argument("--run", type=Path, required=True, help="folder of the mean, for `--from` and for `release`")
    parser.add_argument(
        "--of", action="append", required=True, help="run, or name of a checkpoint; repeat for each that goes in"
    )
    parser.set_defaults(command=lambda options: average(options.of, options.run))


def average(parents: Sequence[str], run_dir: Path) -> None:
    """Write the mean of the parents' weights as a run; each counts alike.

    Raises:
        CheckpointError: their architectures differ, or the folder holds a training.
        FileNotFoundError: a run has not finished an epoch.
        UnknownConfounder: they are of another core than `causalseg`.
    """
    raise_if_trained(run_dir)
    architecture = architecture_of(parents[0])
    if others := [parent for parent in parents if architecture_of(parent) != architecture]:
        raise CheckpointError(f"{others[0]} has another architecture than {parents[0]}: there is no mean of the two.")
    network = with_removal(build_network(architecture))
    start_from(parents[0], network)
    mean = Progress.start(network).average
    for count, parent in enumerate(parents[1:], start=1):
        start_from(parent, network)
        update_average(mean, network, decay=count / (count + 1))
    save_architecture(run_dir, architecture)
    save_average(run_dir, mean)
