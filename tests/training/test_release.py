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
from training.release import FALSELY_DETECTED, choose_detection, choose_thresholds, presence_threshold
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


def test_presence_has_to_reach_half_way_between_what_is_there_and_what_is_not() -> None:
    there, absent = [9.0, 2.0] * 500, [-6.0, -9.0] * 500

    assert presence_threshold(there, there, absent) == pytest.approx(1 / (1 + np.exp(2.0)), abs=1e-4)
    assert presence_threshold([-90.0, *there], there, [*absent, 90.0]) == presence_threshold(there, there, absent)


def test_presence_has_not_to_reach_more_than_a_confounder_leaves() -> None:
    there, absent = [9.0, 2.0] * 500, [-6.0, -9.0] * 500

    assert presence_threshold(there, [-3.0] * 50, absent) == pytest.approx(1 / (1 + np.exp(3.0)), abs=1e-4)
    assert 0 < presence_threshold(there, [-300.0] * 50, absent) < 1


def test_every_modality_gets_a_presence_threshold_of_its_own(network: CausalSegNetwork, squares: Squares) -> None:
    network.eval().requires_grad_(requires_grad=False)

    chosen = choose_thresholds(network, squares)

    drawn = {row.modality for row, mask in zip(squares.rows, squares.masks, strict=True) if mask.any()}
    assert chosen.presence_of.keys() == drawn
    assert len(drawn) > 1
    assert chosen.presence == min(chosen.presence_of.values())


def test_what_is_asked_for_is_found_by_the_modalitys_threshold(network: CausalSegNetwork, squares: Squares) -> None:
    entry = replace(ENTRY, presence_threshold=1e-4, presence_thresholds={"endoscopy": 1 - 1e-4})
    engine, image = Engine(network.eval(), entry), np.array(squares.images_u8[0])

    found = [
        engine.segment(engine.encode(Scan(image, "x", "PNG", modality)), "polyp").found
        for modality in ("endoscopy", "mri", None)
    ]

    assert found == [False, True, True]
