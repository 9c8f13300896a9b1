"""A recipe from its start to a released checkpoint; stopped by force and gone on with; a data folder of one's own."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from causalseg.checkpoints import find_entry, kept_state, load_network
from causalseg.errors import CannotLearn, CheckpointError
from training.__main__ import main
from training.data import load_squares, read_index
from training.recipe import RECIPES_DIR, Recipe, load_recipe
from training.resume import read_progress
from training.run import run_recipe
from training.runs import fresh_network, trained

ROOT = Path(__file__).parents[2]


def own_folder(folder: Path, columns: tuple[str, ...], *, target: str = "blob") -> Path:
    """Twelve scans with the documented columns and nothing else."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        for number in range(12):
            image = rng.integers(0, 255, (70, 70, 3), np.uint8)
            mask = np.zeros((70, 70), np.uint8)
            mask[20:40, 20 + number : 45] = 255
            Image.fromarray(image).save(folder / f"{number}.png")
            Image.fromarray(mask).save(folder / f"{number}_mask.png")
            split = "train" if number < 8 else "val"
            writer.writerow(
                {"image": f"{number}.png", "mask": f"{number}_mask.png", "modality": "ultrasound", "target": target,
                 "split": split}
            )  # fmt: skip
    return folder


MINIMAL = ("image", "mask", "modality", "target", "split")


def test_a_folder_of_ones_own_with_unknown_targets_becomes_a_checkpoint(tmp_path: Path) -> None:
    """Of the columns only the needed ones; and the manifest tells what was learnt from, at which side."""
    data = own_folder(tmp_path / "data", MINIMAL)

    assert main(["run", "tiny", "--data", str(data), "--run", str(tmp_path / "run"), "--cache", str(tmp_path)]) == 0

    manifest = tmp_path / "run" / "release" / "checkpoints_manifest.yaml"
    entry = find_entry("causalseg-lite", manifest)
    assert entry.data == ("own, train part (terms not stated)",)
    assert entry.preprocessing["size"].startswith("squashed to 64 x 64")
    assert entry.targets == ("blob",)
    network = load_network(entry, manifest.parent)
    theirs = kept_state(trained(tmp_path / "run" / "detect"))
    assert all(torch.allclose(value, theirs[name], rtol=1e-2, atol=1e-2) for name, value in kept_state(network).items())
    card = (tmp_path / "run" / "card.md").read_text()
    assert "own, train part" in card and "squares of 64 px" in card and "own 4" in card
    assert (tmp_path / "run" / "curves.png").stat().st_size > 1000
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("progress.pt")}

    assert main(["run", "tiny", "--data", str(data), "--run", str(tmp_path / "run"), "--only", "observe"]) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on(tmp_path: Path) -> None:
    data, run = own_folder(tmp_path / "data", MINIMAL), tmp_path / "run"
    command = [sys.executable, "-m", "training", "run", "tiny", "--data", str(data), "--run", str(run)]
    command += ["--cache", str(tmp_path)]
    first = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    while read_progress(run / "robust") is None:
        assert first.poll() is None
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert not (run / "release").exists()

    subprocess.run(command, cwd=ROOT, check=True)

    assert (run / "release" / "checkpoints_manifest.yaml").exists()


@pytest.mark.parametrize(
    ("columns", "says"), [(("image", "mask", "target", "split"), "lacks the column modality"), (MINIMAL, "")]
)
def test_a_column_that_is_missing_is_named(columns: tuple[str, ...], says: str, tmp_path: Path) -> None:
    folder = own_folder(tmp_path / "data", columns)
    if says:
        with pytest.raises(CannotLearn, match=says):
            read_index(folder)
    else:
        assert {(row.set, row.site, row.role) for row in read_index(folder)} == {("own", "", "source")}


def test_a_corrected_mask_of_the_same_image_is_seen(tmp_path: Path) -> None:
    rows = read_index(own_folder(tmp_path / "data", MINIMAL))
    before = np.array(load_squares(rows, 64, tmp_path / "cache").masks)
    Image.fromarray(np.full((70, 70), 255, np.uint8)).save(rows[0].mask)

    after = load_squares(rows, 64, tmp_path / "cache").masks

    assert after[0].all() and not before[0].all()
    assert np.array_equal(after[1:], before[1:])


def test_a_network_from_scratch_is_the_same_whatever_was_drawn_before() -> None:
    architecture = load_recipe("tiny").architecture
    assert architecture is not None
    first = fresh_network(architecture, seed=3)
    torch.rand(7)

    again, other = fresh_network(architecture, seed=3), fresh_network(architecture, seed=4)

    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True))
    assert not torch.equal(next(first.neck.parameters()), next(other.neck.parameters()))


def test_going_on_with_another_recipe_or_other_data_names_what_differs(tmp_path: Path) -> None:
    recipe = load_recipe("tiny")
    data = own_folder(tmp_path / "data", MINIMAL)
    run_recipe(recipe, data, tmp_path / "run", tmp_path, only="observe")
    stage = recipe.stages[0]
    longer = recipe.model_copy(update={"stages": [stage.model_copy(update={"epochs": 2}), *recipe.stages[1:]]})

    with pytest.raises(CheckpointError, match="epochs was 1, is 2"):
        run_recipe(longer, data, tmp_path / "run", tmp_path, only="observe")
    more = own_folder(tmp_path / "more", MINIMAL, target="other")
    with pytest.raises(CheckpointError, match="rows_sha256 was"):
        run_recipe(recipe, more, tmp_path / "run", tmp_path, only="observe")


@pytest.mark.parametrize("path", sorted(RECIPES_DIR.glob("*.yaml")), ids=lambda path: path.stem)
def test_recipes_of_the_project_are_valid(path: Path) -> None:
    recipe = load_recipe(path.stem)
    assert recipe.stages


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"epoch": 3}, "stages.0.observe.epoch: Extra inputs"),
        ({"losses": {"masks": 1}}, "Extra inputs"),
        ({"start": "later"}, "which comes later"),
        ({"epochs": 0}, "greater than or equal to 1"),
    ],
)
def test_what_a_recipe_gets_wrong_is_said(change: dict[str, object], says: str, tmp_path: Path) -> None:
    stage = {"name": "one", "stage": "observe", "start": "imagenet"}
    later = {"name": "later", "stage": "observe", "start": "one"}
    recipe = {"name": "x", "architecture": {}, "stages": [stage | change, later]}
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(recipe))

    with pytest.raises(CannotLearn, match=says):
        load_recipe(str(tmp_path / "x.yaml"))
    assert Recipe.model_validate(recipe | {"stages": [stage, later]}).stage_names == ["one", "later"]


def test_a_commands_module_is_imported_only_when_it_is_asked_for() -> None:
    code = (
        "import sys; from training.__main__ import main; main(['--help']); main(['finetune', '--help']);"
        "bad = [m for m in ('accelerate', 'training.imagenet', 'training.experiments.sites', 'training.run', 'monai')"
        " if m in sys.modules]; sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
