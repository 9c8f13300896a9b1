"""The mean of runs: exact, of one architecture, and nothing that a training could go on with by mistake."""

from pathlib import Path

import pytest
import torch

from causalseg.checkpoints import kept_state
from causalseg.errors import CheckpointError
from causalseg.models.build import Architecture, build_network
from training.architecture import save_architecture
from training.average import average
from training.resume import Progress, load_progress, save_average, save_progress
from training.runs import trained

SMALL = Architecture(channels=32, code_width=16, input_side_px=64)


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Three runs of random weights."""
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for seed, folder in enumerate(folders):
        torch.manual_seed(seed)
        network = build_network(SMALL)
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter)
        save_architecture(folder, SMALL)
        save_average(folder, kept_state(network))
    return folders


def test_every_run_counts_alike(runs: list[Path], tmp_path: Path) -> None:
    average([str(run) for run in runs], tmp_path / "mean")

    mean = kept_state(trained(tmp_path / "mean"))
    each = [kept_state(trained(run)) for run in runs]
    for name, value in mean.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, torch.stack([one[name] for one in each]).mean(0), atol=1e-5, rtol=1e-4)


def test_other_architectures_have_no_mean(runs: list[Path], tmp_path: Path) -> None:
    save_architecture(tmp_path / "other", Architecture(channels=48, code_width=16, input_side_px=64))

    with pytest.raises(CheckpointError, match="another architecture"):
        average([str(runs[0]), str(tmp_path / "other")], tmp_path / "mean")

    assert not (tmp_path / "mean").exists()


def test_nothing_goes_on_in_the_folder_of_a_mean(runs: list[Path], tmp_path: Path) -> None:
    average([str(run) for run in runs[:2]], tmp_path / "mean")
    network = build_network(SMALL)
    optimizer = torch.optim.AdamW(network.parameters())
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer)

    with pytest.raises(CheckpointError, match="give it as --from"):
        load_progress(tmp_path / "mean", network, optimizer, schedule)


def test_a_mean_takes_the_place_of_no_training(runs: list[Path], tmp_path: Path) -> None:
    network = build_network(SMALL)
    optimizer = torch.optim.AdamW(network.parameters())
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer)
    save_progress(tmp_path / "training", network, optimizer, schedule, Progress.start(network), {})
    before = (tmp_path / "training" / "progress.pt").read_bytes()

    with pytest.raises(CheckpointError, match="holds a training"):
        average([str(run) for run in runs[:2]], tmp_path / "training")

    assert (tmp_path / "training" / "progress.pt").read_bytes() == before
    average([str(run) for run in runs[:2]], tmp_path / "mean")
    average([str(run) for run in runs[1:]], tmp_path / "mean")
