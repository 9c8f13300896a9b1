"""Both papers' cores trained on the shared data, towers, loop and budget.

    python -m training train causalclipseg --data FOLDER --run RUN [--from RUN_OR_CHECKPOINT]
    python -m training train mcdrl         --data FOLDER --run RUN [--from RUN_OR_CHECKPOINT] [--dictionary endoscopy]

The losses of each are its own file's: `training.experiments.causalclipseg`, `training.experiments.mcdrl`. Both are
reconstructions, for neither paper's code holds its losses (docs/papers-and-us.md).
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer

from causalseg.causal.mcdrl_dictionary import ALL
from causalseg.errors import CheckpointError
from causalseg.models.build import Architecture, build_network
from causalseg.models.causalclipseg import CausalClipSegNetwork
from causalseg.models.mcdrl import McdrlNetwork
from causalseg.models.network import SegmentationNetwork, with_removal
from training.data import Squares, load_squares, read_index, train_rows
from training.evaluate.commands import Cache, Data, Run
from training.experiments.causalclipseg import CausalClipSegSettings, Game
from training.experiments.mcdrl import McdrlSettings, McdrlTrainer
from training.experiments.paper_settings import WHOLE_TOWER
from training.imagenet import load_imagenet
from training.loop import learn
from training.progress import Bar
from training.runs import save_architecture, start_from, take_shared

PAPERS = ("causalclipseg", "mcdrl")


def train(
    core: Annotated[Literal["causalclipseg", "mcdrl"], typer.Argument()],
    data: Data,
    run: Run,
    start: Annotated[str | None, typer.Option("--from", help="Run that tower, neck and decoder start from.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Instead of the stage's own number.")] = None,
    towers: Annotated[Literal["causalseg-lite", "RN50", "ViT-B-16"], typer.Option()] = "causalseg-lite",
    channels: Annotated[int, typer.Option(help="Width of the neck.")] = Architecture().channels,
    dictionary: Annotated[str, typer.Option(help="Of mcdrl: all, or a modality.")] = ALL,
    random_start: Annotated[bool, typer.Option("--random-start", help="Do not fetch a CLIP's weights.")] = False,
    cache: Cache = Path("runs/squares"),
) -> None:
    """Train a paper's core, or go on with it."""
    architecture = Architecture(towers=towers, channels=channels, core=core, dictionary=dictionary)
    torch.manual_seed(0)
    network = build_network(architecture, random_start=random_start).to(memory_format=torch.channels_last)
    save_architecture(run, architecture)
    rows = train_rows(read_index(data))
    squares = load_squares(rows, architecture.input_side_px, cache, on_progress=Bar("squash"))
    is_lite = towers == Architecture().towers
    if is_lite:
        load_imagenet(network.image_tower)
    if start is not None:
        donor = with_removal(build_network(Architecture()))
        start_from(start, donor)
        take_shared(network, donor.state_dict())
    settings: dict[str, Any] = {} if is_lite else {"rates": WHOLE_TOWER}
    train_paper(network, squares, settings | ({} if epochs is None else {"epochs": epochs}), run)


def train_paper(network: SegmentationNetwork, data: Squares, settings: dict[str, Any], run_dir: Path) -> None:
    """Train a paper's core to the last epoch; `settings` are those of `PaperSettings` that differ from its own.

    Raises:
        CheckpointError: the network is of no paper's core.
    """
    if isinstance(network, CausalClipSegNetwork):
        learn(Game(network, data, CausalClipSegSettings(**settings)), run_dir)
    elif isinstance(network, McdrlNetwork):
        learn(McdrlTrainer(network, data, McdrlSettings(**settings)), run_dir)
    else:
        raise CheckpointError(f"No stage of a paper trains this core; there are {', '.join(PAPERS)}.")
