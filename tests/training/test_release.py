"""What a release decides on the validation scans."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from causalseg import Engine, Scan
from causalseg.causal.dictionary import load_dictionary
from causalseg.checkpoints import CheckpointEntry
from causalseg.models.network import CausalSegNetwork
from training.augment import augment
from training.data import Squares
from training.release import FALSELY_DETECTED, choose_detection
from training.resume import seed_epoch

from .finetune_world import ENTRY


def strengths(network: CausalSegNetwork, squares: Squares) -> dict[str, np.ndarray]:
    engine = Engine(network, ENTRY)
    seen = [engine.encode(Scan(np.array(square), "x", "PNG", "endoscopy")).strength for square in squares.images_u8]
    return {name: np.array([one[name] for one in seen]) for name in seen[0]}


def test_a_confounder_is_falsely_detected_in_few_clean_scans(network: CausalSegNetwork, squares: Squares) -> None:
    network.eval().requires_grad_(requires_grad=False)

    chosen = choose_detection(network, squares, load_dictionary(), least=0.1)

    assert chosen
    seen = strengths(network, squares)
    for entry in load_dictionary():
        is_free = [row.modality in entry.modalities and row.modality not in entry.native_to for row in squares.rows]
        threshold = chosen.get(entry.id, 0.1)
        assert threshold >= 0.1
        if any(is_free):
            assert (seen[entry.id][is_free] > threshold + 1e-3).mean() <= max(FALSELY_DETECTED, 1 / sum(is_free))


def test_detection_goes_by_the_confounders_own_threshold(network: CausalSegNetwork, squares: Squares) -> None:
    scan = Scan(np.array(squares.images_u8[0]), "x", "PNG", "endoscopy")
    low: CheckpointEntry = replace(ENTRY, detection_threshold=0.0)
    high = replace(low, detection_thresholds={"sensor_noise": 1.1})

    everything = Engine(network, low)
    but_noise = Engine(network, high)

    detected = everything.detected(everything.encode(scan))
    assert set(detected) - set(but_noise.detected(but_noise.encode(scan))) == {"sensor_noise"}


@pytest.mark.parametrize("light", [0.0, 1.0, 2.0])
def test_light_says_how_far_colours_change_and_leaves_geometry_alone(light: float, squares: Squares) -> None:
    images = torch.rand(8, 3, 32, 32) * 2 - 1
    masks = (torch.rand(8, 1, 32, 32) > 0.5).float()

    mild = augment(images, masks, ["mri"] * 8, seed_epoch(0, 0)[1], light=1.0)
    view = augment(images, masks, ["mri"] * 8, seed_epoch(0, 0)[1], light=light)
    plain = augment(images, masks, ["mri"] * 8, seed_epoch(0, 0)[1], relit_share=0.0)

    torch.testing.assert_close(view.masks, plain.masks)
    change, mild_change = ((one.images - plain.images).abs().mean() for one in (view, mild))
    assert torch.sign(change - mild_change) == np.sign(light - 1)
