import csv
from pathlib import Path

import numpy as np
from PIL import Image

from causalseg.causal.simulate.scanner_style import REACH
from training.data.styles import write_styles

COLUMNS = ("set", "split", "role", "modality", "target", "patient", "site", "text", "image", "mask")


def save_scan(folder: Path, name: str, colour: tuple[int, int, int]) -> None:
    Image.new("RGB", (40, 30), colour).save(folder / name)


def save_index(folder: Path, rows: list[tuple[str, str, str, str, str]]) -> None:
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="x")
        writer.writeheader()
        for role, split, modality, site, image in rows:
            writer.writerow({"role": role, "split": split, "modality": modality, "site": site, "image": image})


def test_only_train_scans_of_source_sites_are_counted(tmp_path: Path) -> None:
    save_scan(tmp_path, "grey.png", (128, 128, 128))
    save_scan(tmp_path, "red.png", (200, 60, 40))
    save_index(
        tmp_path,
        [
            ("source", "train", "mri", "here", "grey.png"),
            ("source", "train", "endoscopy", "there", "red.png"),
            ("source", "test", "mri", "here", "red.png"),
            ("target", "train", "mri", "elsewhere", "red.png"),
        ],
    )
    sites = write_styles(tmp_path, tmp_path / "styles.npz")
    assert sites == ["endoscopy: there", "mri: here"]
    with np.load(tmp_path / "styles.npz", allow_pickle=False) as styles:
        assert styles["grey"].tolist() == [False, True]
        assert styles["mean"].shape == (2, 2 * REACH + 1, 2 * REACH + 1, 3)
        np.testing.assert_allclose(np.exp(styles["mean"][0, REACH, REACH]), np.array([200, 60, 40]) / 255, rtol=1e-3)
        np.testing.assert_allclose(styles["std"], 0, atol=1e-5)
