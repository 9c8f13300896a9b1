"""Stored features stand for the scans: the same answers as the app's, up to 8 bits; files come back as written."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from causalseg.causal.intervention import Removal
from causalseg.causal.presence import gate
from causalseg.errors import CheckpointError
from causalseg.models.network import CausalSegNetwork
from causalseg.models.preprocess import to_network
from tests.training.finetune_world import ENTRY, SIDE_PX, disc, replay_of
from training.data import read_index
from training.finetune.encoder import Encoder
from training.finetune.features import FeatureHeader, Features, answer, batch_of, joined, quantized, save_features
from training.finetune.learn import folds_of
from training.finetune.views import mirrored_text
from training.replay import ReplayConfig, load_replay, make_replay

NOISE, HAIR = "sensor_noise", "hair"


@pytest.fixture
def acting(network: CausalSegNetwork) -> CausalSegNetwork:
    """A random network whose removals do something."""
    torch.manual_seed(1)
    for block in (*network.intervention.early, *network.intervention.late):
        torch.nn.init.normal_(dict(block.named_parameters())["leave.weight"], std=0.05)
    with torch.no_grad():
        network.presence.strength_query[2].bias += 0.5  # pyright: ignore[reportOperatorIssue]
    return network.eval().requires_grad_(requires_grad=False)


def test_an_intervened_item_is_answered_as_the_app_answers(acting: CausalSegNetwork) -> None:
    encoder = Encoder(acting, ENTRY)
    ids = [encoder.dictionary.index(one) for one in encoder.dictionary if one.id in (NOISE, HAIR)]
    images = np.stack([disc(number, ((60, 40, 40), (230, 190, 180)))[0] for number in (1, 2)])
    seen = encoder.observe(images)
    seen = seen._replace(strength=torch.full_like(seen.strength, 0.9))
    items = encoder.intervened_items(seen, [[], ids], np.zeros((2, SIDE_PX, SIDE_PX), bool), ["polyp"] * 2, ["a"] * 2)

    batch, text = batch_of(items, np.array([1, 0]), encoder.codes), acting.text_tower(["polyp"] * 2)
    from_items = answer(acting, batch.stages, batch.removal, text).mask_logits

    confounder = torch.tensor(ids)
    removal = Removal(
        torch.zeros(len(ids), dtype=torch.long),
        encoder.codes[confounder],
        gate(seen.strength[1, confounder]),
        seen.maps[1, confounder][:, None],
    )
    stages = acting.observe(to_network(torch.from_numpy(images[[1, 0]])))
    straight = acting.decode(acting.intervened_pyramid(stages, removal), text).mask_logits
    assert (straight[0] - straight[1]).abs().max() > 0
    torch.testing.assert_close(from_items, straight, atol=0.02 * float(straight.abs().max()), rtol=0)


def test_rounding_is_at_most_half_a_step() -> None:
    stage = torch.randn(2, 3, 5, 4)

    q, scale = quantized(stage)

    steps = torch.from_numpy(scale).float()[:, :, None, None]
    back = torch.from_numpy(q).float() * steps
    assert ((back - stage).abs() <= 0.51 * steps + 127 * 1e-3 * steps).all()


def test_replay_comes_back_as_it_was_made_and_only_for_its_own_weights(
    network: CausalSegNetwork, data_dir: Path, tmp_path: Path
) -> None:
    path, config = tmp_path / "replay" / "tiny.npz", ReplayConfig(scans=6, twins=2)

    made = make_replay(network.eval(), ENTRY, read_index(data_dir), config, path)

    back = load_replay(ENTRY, path)
    assert len(back) == 8
    for mine, other in zip(_arrays(made), _arrays(back), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert (made.texts, made.groups) == (back.texts, back.groups)
    assert len(set(made.texts[:4])) == 4, "every target is replayed"
    with pytest.raises(CheckpointError, match="other weights"):
        load_replay(replace(ENTRY, sha256="f" * 64), path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_replay(ENTRY, path)


def test_no_picture_is_in_a_replay_file(network: CausalSegNetwork, tmp_path: Path) -> None:
    path = tmp_path / "replay.npz"
    save_features(replay_of(network.eval(), 2), FeatureHeader("tiny", "0" * 64, SIDE_PX, "note"), path)

    with np.load(path) as file:
        assert not [name for name in file if "image" in name]
        assert max(file[name].shape[-1] for name in file if name.startswith("stage")) == SIDE_PX // 4


def test_joined_items_keep_their_removals(acting: CausalSegNetwork) -> None:
    encoder = Encoder(acting, ENTRY)
    mask = np.zeros((1, SIDE_PX, SIDE_PX), bool)
    seen = encoder.observe(disc(1, ((60, 40, 40), (230, 190, 180)))[0][None])
    seen = seen._replace(strength=torch.full_like(seen.strength, 0.9))
    plain = encoder.observed_items(seen, mask, ["a"], ["a"])
    removed = encoder.intervened_items(seen, [[3, 5]], mask, ["b"], ["b"])

    both = joined([plain, removed, plain, removed])

    assert both.is_intervened.tolist() == [False, True, False, True]
    batch = batch_of(both, np.array([3, 0, 3]), encoder.codes)
    assert batch.removal.row.tolist() == [0, 0, 2, 2]
    torch.testing.assert_close(batch.removal.code, encoder.codes[torch.tensor([3, 5, 3, 5])])


@given(st.text(alphabet="lefrightLEFRIGHT ,", max_size=40))
def test_mirroring_a_description_twice_gives_it_back(text: str) -> None:
    assert mirrored_text(mirrored_text(text)) == text


def test_sides_change_places_and_nothing_else_does() -> None:
    assert mirrored_text("Left lung, lower right; a cleft") == "Right lung, lower left; a cleft"


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40), st.integers(2, 4), st.integers(0, 5))
def test_folds_never_part_a_patient(groups: list[str], count: int, seed: int) -> None:
    folds = folds_of(groups, count, seed)

    assert all(len({folds[i] for i, group in enumerate(groups) if group == name}) == 1 for name in set(groups))
    assert set(folds) <= set(range(count))


def _arrays(features: Features) -> list[np.ndarray]:
    return [*features.stages_q, *features.scales, features.statistics, features.masks, *features.pairs]
