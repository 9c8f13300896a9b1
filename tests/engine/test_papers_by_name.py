"""Checkpoints of the papers' cores: trained by the command, released, loaded by name, asked through the one door."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from causalseg import Engine, Scan
from causalseg.checkpoints import CheckpointEntry, find_entry, load_network, save_weights
from causalseg.errors import UnknownConfounder
from causalseg.models.build import Architecture, build_network
from tests.same import ROUNDING
from training.manifest import write_entry
from training.stages.release import release


@pytest.fixture(params=["causalclipseg", "mcdrl"])
def released(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[CheckpointEntry, Path]:
    """A manifest entry of an untrained network of the core, with its file."""
    torch.manual_seed(0)
    architecture = Architecture(core=request.param, channels=16, input_side_px=64, dictionary="endoscopy")
    template = replace(find_entry("causalseg-lite"), name=request.param, file="w.safetensors", metrics={})
    entry = release(
        build_network(architecture), replace(template, architecture=architecture, presence_threshold=0.5), tmp_path
    )
    write_entry(entry, tmp_path / "manifest.yaml")
    return entry, tmp_path


def test_a_released_core_loads_by_name_and_answers(released: tuple[CheckpointEntry, Path]) -> None:
    entry, folder = released
    named = find_entry(entry.name, folder / "manifest.yaml")
    network = load_network(named, folder)
    engine = Engine(network, named)
    scan = Scan(np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8), "x", "PNG")

    encoded = engine.encode(scan)
    adjusted, observed = engine.segment(encoded, "polyp"), engine.segment(encoded, "polyp", remove=None)

    assert named.architecture == entry.architecture
    assert engine.detected(encoded) == adjusted.removed == ()
    assert observed.mask.shape == scan.hw
    np.testing.assert_allclose(adjusted.probability, observed.probability, rtol=0, atol=ROUNDING)
    assert set(observed.confounders.values()) == {0.0}
    assert not engine.removes_named
    with pytest.raises(UnknownConfounder, match="cannot remove a confounder by name"):
        engine.segment(encoded, "polyp", remove=["hair"])


def test_half_precision_weights_give_the_same_answer(released: tuple[CheckpointEntry, Path], tmp_path: Path) -> None:
    entry, folder = released
    one = load_network(entry, folder)
    save_weights(one, folder / "w.safetensors")
    other = load_network(entry, folder)
    image = torch.randn(1, 3, 64, 64)

    with torch.inference_mode():
        answers = [network.answer(image, network.text_tower(["polyp"])).mask_logits for network in (one, other)]

    torch.testing.assert_close(*answers)
