"""Two small trainings, for one process or for several: `python -m tests.training.parallel_world DATA OUT`.

The first is of a network of our own with everything that could tell processes apart: batch norms that learn their
statistics, dropout, both random sources, a mask in the loss, a parameter that not every part reaches. The second is
stage 1 as it is.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from causalseg.checkpoints import kept_state
from causalseg.models.build import Architecture, build_network
from causalseg.models.network import with_removal
from training.data import load_squares, read_index
from training.loop import Loop, run_loop
from training.stages.observe import SegmentConfig, train_segment

ROWS, BATCH, SIDE_PX = 24, 4, 64
INPUTS = torch.randn(ROWS, 5, generator=torch.Generator().manual_seed(1))


class Tiny(nn.Module):
    """Rows -> numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.drop = nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.2)
        self.last, self.rare = nn.Linear(8, 1), nn.Linear(8, 1)


def train_tiny(run_dir: Path, epochs: int = 2) -> Tiny:
    torch.manual_seed(0)
    network = Tiny()

    def losses(
        chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        network.train()
        drawn = torch.rand(len(chosen), generator=generator)[:, None] + float(rng.random())
        hidden = network.drop(network.norm(network.first(INPUTS[chosen] + drawn)).relu())
        kept = torch.from_numpy(rng.random(len(chosen)) < 0.7).float()
        each = (network.last(hidden)[:, 0] - 1).square()
        named = {"masked": (each * kept).sum() / kept.sum().clamp(min=1)}
        rare = network.rare(hidden).square().mean() if 3 in chosen else torch.zeros(())
        return named | {"rare": rare}

    run_loop(
        Loop("tiny", epochs, BATCH, 0.9, seed=0),
        network,
        torch.optim.AdamW(network.parameters(), 0.01),
        lambda rng: rng.permutation(ROWS),
        losses,
        run_dir,
        {},
    )
    return network


def train_stage(data_dir: Path, run_dir: Path) -> nn.Module:
    torch.manual_seed(0)
    network = with_removal(build_network(Architecture(channels=32, code_width=16, input_side_px=SIDE_PX)))
    squares = load_squares(read_index(data_dir), SIDE_PX, run_dir / "squares")
    train_segment(network, squares, SegmentConfig(epochs=1, batch_size=BATCH), run_dir)
    return network


def main(data_dir: Path, out: Path) -> None:
    torch.set_num_threads(1)
    states = {"tiny": train_tiny(out / "tiny").state_dict(), "stage": kept_state(train_stage(data_dir, out / "stage"))}
    rank = int(torch.distributed.get_rank()) if torch.distributed.is_initialized() else 0
    torch.save(states, out / f"left-{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
