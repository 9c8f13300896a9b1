"""Two small trainings, for one process or for several: `python -m tests.training.parallel_world DATA OUT`.

The first draws nothing, so that several processes must end where one does. The second is stage observe as it is.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from causalseg.checkpoints import kept_state
from causalseg.models.build import Architecture
from training.data import Squares, load_squares, read_index
from training.devices import accelerator
from training.loop import LoopSettings, Trainer, learn
from training.runs import fresh_network
from training.stages.observe import ObserveSettings, ObserveTrainer

ROWS, BATCH, SIDE_PX = 24, 4, 64
INPUTS = torch.randn(ROWS, 5, generator=torch.Generator().manual_seed(1))


class Tiny(nn.Module):
    """Rows -> numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last, self.rare = nn.Linear(5, 8), nn.Linear(8, 1), nn.Linear(8, 1)


class TinyTrainer(Trainer[LoopSettings]):
    """A mean over rows, and a part that few rows reach."""

    name = "tiny"

    def draw_epoch(self, rng: np.random.Generator) -> np.ndarray:
        return rng.permutation(ROWS)

    def losses(
        self, chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        network: Tiny = self.network  # pyright: ignore[reportAssignmentType]
        with torch.autocast("cpu", enabled=False):
            hidden = network.first(INPUTS[chosen].to(self.device)).relu()
            losses = {"mean": (network.last(hidden)[:, 0] - 1).square().mean()}
            if 3 in chosen:
                is_rare = torch.from_numpy(chosen == 3).to(self.device)
                losses["rare"] = (network.rare(hidden)[:, 0].square() * is_rare).mean()
        return losses


def train_tiny(run_dir: Path, **changed: object) -> Tiny:
    torch.manual_seed(0)
    network = Tiny()
    rates = dict.fromkeys(("first", "last", "rare"), 0.01)
    settings = LoopSettings.model_validate({"epochs": 2, "batch_size": BATCH, "rates": rates} | changed)
    learn(
        TinyTrainer(network, Squares([], np.empty((0, 1, 1, 3), np.uint8), np.empty((0, 1, 1), np.uint8)), settings),
        run_dir,
    )
    return network


def train_stage(data_dir: Path, run_dir: Path) -> nn.Module:
    network = fresh_network(Architecture(channels=32, code_width=16, input_side_px=SIDE_PX))
    squares = load_squares(read_index(data_dir), SIDE_PX, run_dir / "squares")
    learn(ObserveTrainer(network, squares, ObserveSettings(epochs=2, batch_size=BATCH)), run_dir)
    return network


def main(data_dir: Path, out: Path) -> None:
    torch.set_num_threads(1)
    states = {"tiny": train_tiny(out / "tiny").state_dict(), "stage": kept_state(train_stage(data_dir, out / "stage"))}
    torch.save(states, out / f"left-{accelerator().process_index}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
