"""The loop that all stages share."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from training.loop import Loop, run_loop


@pytest.mark.parametrize("steps", [1, 2, 9, 12])
def test_a_run_may_be_as_short_as_one_step(steps: int, tmp_path: Path) -> None:
    """Nine steps make the schedule's rise one step long, by which it would divide."""
    network, taken = nn.Linear(1, 1), list[int]()

    def losses(
        chosen: np.ndarray, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> dict[str, Tensor]:
        taken.append(step)
        return {"loss": network(torch.ones(1, 1)).square().sum()}

    before = network.weight.detach().clone()
    optimizer = torch.optim.AdamW(network.parameters(), 0.1)
    run_loop(Loop("short", 1, 1, 0.5, 0), network, optimizer, lambda rng: np.arange(steps), losses, tmp_path, {})

    assert taken == list(range(steps))
    assert not torch.equal(network.weight, before)
    assert torch.load(tmp_path / "progress.pt", weights_only=True)["epoch"] == 1
