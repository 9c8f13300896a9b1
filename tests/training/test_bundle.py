"""The MONAI bundle: MONAI itself loads it, checks its network against its metadata, and runs it on a picture."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from causalseg.checkpoints import find_entry, load_network
from training.__main__ import main
from training.bundle import PromptedSegmenter, ReadSquare

NEEDED = {
    "version", "changelog", "monai_version", "pytorch_version", "numpy_version", "required_packages_version", "task",
    "description", "authors", "copyright", "network_data_format",
}  # fmt: skip
"""What MONAI's schema of metadata asks for."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundle") / "lite"
    assert main(["bundle", "--checkpoint", "causalseg-lite", "--out", str(out)]) == 0
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (120, 90, 3), np.uint8)).save(out / "image.png")
    return out


@pytest.mark.filterwarnings("ignore")
def test_monai_checks_the_network_against_its_metadata(folder: Path) -> None:
    from monai.bundle.scripts import verify_net_in_out

    metadata = json.loads((folder / "configs" / "metadata.json").read_text())
    assert metadata.keys() >= NEEDED
    side = metadata["network_data_format"]["inputs"]["image"]["spatial_shape"][0]
    assert side == find_entry("causalseg-lite").architecture.input_side_px
    verify_net_in_out(
        net_id="network_def",
        meta_file=str(folder / "configs" / "metadata.json"),
        config_file=str(folder / "configs" / "inference.json"),
        device="cpu",
    )


@pytest.mark.filterwarnings("ignore")
def test_monai_runs_it_on_a_picture_and_answers_as_the_checkpoint(folder: Path) -> None:
    from monai.bundle.scripts import run

    run(
        config_file=str(folder / "configs" / "inference.json"),
        bundle_root=str(folder),
        description="skin lesion",
        device="$torch.device('cpu')",
    )

    entry = find_entry("causalseg-lite")
    own = PromptedSegmenter(vars(entry.architecture) | {}, "skin lesion", entry.temperature)
    own.network = load_network(entry)
    with torch.no_grad():
        expected = own(ReadSquare(entry.architecture.input_side_px)(folder / "image.png"))[0, 0].numpy()
    np.testing.assert_allclose(np.load(folder / "probability.npy"), expected, atol=1e-5)


def test_a_folder_with_something_in_it_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bundle", "--out", str(folder)]) == 2
    assert "already" in capsys.readouterr().err
