"""What a release decides on the validation scans."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from causalseg import Engine, Scan
from causalseg.causal.dictionary import load_dictionary
from causalseg.causal.intervention import Removal
from causalseg.causal.presence import DETECTED_FROM
from causalseg.checkpoints import CheckpointEntry
from causalseg.models.network import CausalSegNetwork
from training.data import Squares
from training.data.augment import augment
from training.data.carried import Carried
from training.stages.release import (
    ANSWERED_ABSENT,
    FALSELY_DETECTED,
    FALSELY_DETECTED_UNLABELLED,
    choose_detection,
    choose_thresholds,
    sure_from,
    targets_shown,
)

from .finetune_world import ENTRY


def strengths(network: CausalSegNetwork, squares: Squares) -> dict[str, np.ndarray]:
    engine = Engine(network, ENTRY)
    seen = [engine.encode(Scan(np.array(square), "x", "PNG", "endoscopy")).strength for square in squares.images_u8]
    return {name: np.array([one[name] for one in seen]) for name in seen[0]}


def test_a_confounder_is_falsely_detected_in_few_scans_that_are_free_of_it(
    network: CausalSegNetwork, squares: Squares
) -> None:
    network.eval().requires_grad_(requires_grad=False)
    dictionary = load_dictionary()
    carried = Carried.of(squares.rows, dictionary, [{} for _ in squares.rows])

    chosen = choose_detection(network, squares, carried, dictionary)

    assert chosen
    seen = strengths(network, squares)
    for k, entry in enumerate(dictionary):
        is_free = carried.is_free[:, k] & np.array([row.modality in entry.modalities for row in squares.rows])
        threshold = chosen.get(entry.id, DETECTED_FROM)
        assert threshold >= DETECTED_FROM
        if is_free.any():
            share = (seen[entry.id][is_free] > threshold + 1e-3).mean()
            assert share <= max(FALSELY_DETECTED_UNLABELLED, 1 / is_free.sum())


def test_labels_choose_the_threshold_where_there_are_enough(network: CausalSegNetwork, squares: Squares) -> None:
    network.eval().requires_grad_(requires_grad=False)
    dictionary = load_dictionary()
    told = Carried.of(squares.rows, dictionary, [{"sensor_noise": False} for _ in squares.rows])

    chosen = choose_detection(network, squares, told, dictionary)

    seen = strengths(network, squares)["sensor_noise"]
    assert chosen["sensor_noise"] == pytest.approx(max(np.quantile(seen, 1 - FALSELY_DETECTED), 0.05), abs=2e-3)


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

    mild = augment(images, masks, ["mri"] * 8, torch.Generator().manual_seed(0), light=1.0)
    view = augment(images, masks, ["mri"] * 8, torch.Generator().manual_seed(0), light=light)
    plain = augment(images, masks, ["mri"] * 8, torch.Generator().manual_seed(0), relit_share=0.0)

    torch.testing.assert_close(view.masks, plain.masks)
    change, mild_change = ((one.images - plain.images).abs().mean() for one in (view, mild))
    assert torch.sign(change - mild_change) == np.sign(light - 1)


def seen_presence(clear_scans: int, unclear_scans: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits of two targets, the first there and the second not: clear in some scans, near each other in the others."""
    rng = np.random.default_rng(0)
    clear = np.stack([rng.normal(12, 1, clear_scans), rng.normal(-3, 1, clear_scans)], axis=1)
    unclear = np.stack([rng.normal(0, 1, unclear_scans), rng.normal(-5, 1, unclear_scans)], axis=1)
    logits = np.concatenate([clear, unclear])
    return logits, np.tile([False, True], (len(logits), 1))


def test_few_absent_things_are_answered_and_one_step_further_too_many() -> None:
    logits, is_absent = seen_presence(500, 50)

    chosen = sure_from(logits, is_absent)

    def answered(threshold: float) -> float:
        sure = np.log(threshold / (1 - threshold))
        found = logits >= np.where(logits.max(1, keepdims=True) >= sure, sure, -sure)
        return float(found[is_absent].mean())

    assert 0.5 < chosen < 1
    assert answered(chosen) <= ANSWERED_ABSENT < answered(1 / (1 + (1 / chosen - 1) * np.exp(-0.25)))


def test_what_is_not_clear_is_found_where_nothing_else_is_clear() -> None:
    logits, is_absent = seen_presence(500, 50)
    chosen = sure_from(logits, is_absent)
    entry = replace(ENTRY, presence_threshold=chosen, targets=("polyp", "lung"))

    assert entry.found_from(surest=0.999) == chosen
    assert entry.found_from(surest=0.5) == entry.least_presence == pytest.approx(1 - chosen)
    assert replace(entry, targets=()).found_from(surest=0.5) == chosen


def test_nothing_absent_may_be_answered_without_end() -> None:
    hopeless = np.zeros((50, 2))

    assert sure_from(hopeless + 0.1, np.tile([False, True], (50, 1))) == 0.5


@pytest.mark.parametrize("remove", [None, ("sensor_noise",)])
def test_what_is_found_is_told_beside_what_the_same_world_shows(
    network: CausalSegNetwork, squares: Squares, remove: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A removal that lowers every presence alike refuses nothing for it; here it leaves nothing of the pyramid."""
    network.eval().requires_grad_(requires_grad=False)

    def nothing_left(image: torch.Tensor, stages: list[torch.Tensor], removal: Removal) -> list[torch.Tensor]:
        del image, removal
        return [torch.zeros_like(level) for level in network.observed_pyramid(stages)]

    monkeypatch.setattr(network, "intervened_pyramid", nothing_left)
    targets = list(targets_shown(squares.rows))
    threshold, temperature = choose_thresholds(network, squares)
    chosen = replace(ENTRY, presence_threshold=threshold, temperature=temperature, targets=tuple(targets))
    entry = replace(chosen, detection_threshold=0.0)
    engine = Engine(network, entry)

    encoded = engine.encode(Scan(np.array(squares.images_u8[0]), "x", "PNG"))
    answered = [engine.segment(encoded, name, remove=remove).presence for name in targets]

    shown = [level if remove is None else torch.zeros_like(level) for level in encoded.pyramid]
    logits = network.presences(shown, network.text_tower(targets))
    least = entry.found_from(float(logits.sigmoid().max()))
    np.testing.assert_allclose(answered, (logits - np.log(least / (1 - least))).sigmoid(), atol=1e-4)
