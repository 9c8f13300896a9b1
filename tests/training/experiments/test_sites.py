"""One site left out: who is tested on what, and that every model goes on from one start."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from causalseg.models.build import Architecture
from training.__main__ import main
from training.data import Squares, load_squares
from training.data.rows import Row
from training.experiments.compare import ADJUSTED, OBSERVED
from training.experiments.sites import RIVALS, SITES, SitesConfig, leave_one_out

SMALL = SitesConfig(
    architecture=Architecture(channels=32, code_width=16, input_side_px=64),
    start_passes=2,
    passes=1,
    restore_passes=1,
    detect_passes=1,
    test_scans=3,
    batch_size=4,
    held_out=("bkai",),
)


@pytest.fixture(scope="module")
def polyps(tmp_path_factory: pytest.TempPathFactory) -> Squares:
    """Six discs a site."""
    folder, rng, rows = tmp_path_factory.mktemp("polyps"), np.random.default_rng(0), list[Row]()
    for site in SITES:
        for number in range(6):
            yy, xx = np.mgrid[:64, :64]
            mask = (yy - rng.integers(20, 44)) ** 2 + (xx - rng.integers(20, 44)) ** 2 < 12**2
            image = (np.where(mask[..., None], (210, 120, 110), (120, 60, 50)) + rng.normal(0, 6, (64, 64, 1))).clip(
                0, 255
            )
            paths = folder / f"{site}{number}.png", folder / f"{site}{number}_mask.png"
            Image.fromarray(image.astype(np.uint8)).save(paths[0])
            Image.fromarray(mask.astype(np.uint8) * 255).save(paths[1])
            facts = {"role": "source", "target": "polyp", "site": site, "text": "one polyp", "modality": "endoscopy"}
            rows.append(Row(set=site, split="train", patient=f"{site}{number}", image=paths[0], mask=paths[1], **facts))
    return load_squares(rows, 64, tmp_path_factory.mktemp("cache"))


def test_five_models_go_on_from_one_start_and_answer_the_site_left_out(polyps: Squares, tmp_path: Path) -> None:
    table = leave_one_out(polyps, [{} for _ in polyps.rows], SMALL, tmp_path)

    assert list(table) == ["bkai held out", "all of them"]
    row = table["bkai held out"]
    assert row == table["all of them"] and row["pictures"] == 3
    for name in (OBSERVED, ADJUSTED, *RIVALS):
        assert 0 <= row[name].mean <= 1 and row[name].count == 3
    assert {f"adjusted over {name}" for name in RIVALS} < row.keys()
    runs = {path.parent.name: torch.load(path, weights_only=True) for path in tmp_path.glob("bkai/*/progress.pt")}
    assert runs.keys() == {"start", "causalseg", *RIVALS}
    assert {name: run["epoch"] for name, run in runs.items()} == {"start": 2} | dict.fromkeys(
        runs.keys() - {"start"}, 1
    )
    stem = next(name for name in runs["start"]["network"] if name.startswith("image_tower.stages.0."))
    for run in runs.values():
        torch.testing.assert_close(run["network"][stem], runs["start"]["network"][stem], rtol=0, atol=0)


def test_a_folder_without_the_three_sites_is_refused(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["sites", "--data", str(data_dir), "--run", str(tmp_path / "run"), "--cache", str(tmp_path)])

    assert code == 2
    assert "no scans of clinicdb, bkai" in capsys.readouterr().err
