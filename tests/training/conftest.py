"""A small made-up data folder, and a network small enough to train in a test."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from causalseg.models.build import Architecture, build_network
from causalseg.models.network import CausalSegNetwork, with_removal
from training.data import Squares, load_squares, read_index

SIDE_PX = 64
ROWS = (
    ("kvasir", "endoscopy", "polyp", (200, 120, 110), (230, 60, 60)),
    ("busi", "ultrasound", "benign breast tumour", (120, 120, 120), (20, 20, 20)),
    ("isic", "dermoscopy", "skin lesion", (220, 180, 160), (90, 50, 30)),
    ("qata", "radiograph", "infected lung area", (60, 60, 60), (190, 190, 190)),
)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sets of four discs each, left or right of the middle."""
    folder = tmp_path_factory.mktemp("data")
    columns = ("set", "split", "role", "site", "modality", "target", "patient", "image", "mask", "text")
    rng = np.random.default_rng(0)
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for name, modality, target, ground, disc in ROWS:
            for number in range(4):
                image, mask = _disc(ground, disc, 24 + 40 * (number % 2), rng)
                Image.fromarray(image).save(folder / f"{name}{number}.png")
                Image.fromarray(mask).save(folder / f"{name}{number}_mask.png")
                split = "train" if number < 3 else "test"
                files = (f"{name}{number}.png", f"{name}{number}_mask.png")
                writer.writerow(
                    (name, split, "source", "here", modality, target, f"{name}{number}", *files, "one disc")
                )
    return folder


def _disc(ground: tuple, disc: tuple, x: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    yy, xx = np.mgrid[:96, :96]
    inside = (yy - 48) ** 2 + (xx - x) ** 2 < 18**2
    image = np.where(inside[..., None], disc, ground) + rng.normal(0, 6, (96, 96, 1))
    return image.clip(0, 255).astype(np.uint8), inside.astype(np.uint8) * 255


@pytest.fixture(scope="session")
def squares(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Squares:
    return load_squares(read_index(data_dir), SIDE_PX, tmp_path_factory.mktemp("cache"))


@pytest.fixture
def network() -> CausalSegNetwork:
    torch.manual_seed(0)
    return with_removal(build_network(Architecture(channels=32, code_width=16, input_side_px=SIDE_PX)))


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums of several threads end in another order from run to run, so that bits differ; those of one do not."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
