"""Both papers' cores by name, and the stage that trains each."""

from pathlib import Path
from typing import Any

from causalseg.errors import CheckpointError
from causalseg.models.causalclipseg import CausalClipSegNetwork
from causalseg.models.mcdrl import McdrlNetwork
from causalseg.models.network import SegmentationNetwork
from training.data import Squares
from training.experiments.papers.causalclipseg_stage import CausalClipSegConfig, train_causalclipseg
from training.experiments.papers.mcdrl_stage import McdrlConfig, train_mcdrl

PAPERS = ("causalclipseg", "mcdrl")


def train_paper(network: SegmentationNetwork, data: Squares, settings: dict[str, Any], run_dir: Path) -> None:
    """Train a paper's core to the last epoch; `settings` are those of `PaperConfig` that differ from its own.

    Raises:
        CheckpointError: the network is of no paper's core.
    """
    if isinstance(network, CausalClipSegNetwork):
        train_causalclipseg(network, data, CausalClipSegConfig(**settings), run_dir)
    elif isinstance(network, McdrlNetwork):
        train_mcdrl(network, data, McdrlConfig(**settings), run_dir)
    else:
        raise CheckpointError(f"No stage of a paper trains this core; there are {', '.join(PAPERS)}.")
