"""Stored features stand for the scans: the same answers as the app's, up to 8 bits; files come back as written."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from causalseg.causal.dictionary import Confounder, load_dictionary
from causalseg.causal.simulate import simulate
from causalseg.checkpoints import find_entry, load_network
from causalseg.engine import Engine
from causalseg.errors import CheckpointError
from causalseg.models.network import CausalSegNetwork, with_removal
from causalseg.models.preprocess import to_scan_probability
from causalseg.phantoms import PHANTOMS, Phantom, make_phantom
from causalseg.scan import Scan
from tests.training.finetune_world import ENTRY, SIDE_PX, disc, replay_of
from training.data import read_index
from training.finetune import replay
from training.finetune.augmented_views import mirrored_text
from training.finetune.features import (
    Encoder,
    FeatureHeader,
    Features,
    answer,
    batch_of,
    joined,
    quantized,
    save_features,
)
from training.finetune.learn import folds_of
from training.finetune.replay import ReplayConfig, load_replay, make_replay


@pytest.fixture
def acting(network: CausalSegNetwork) -> CausalSegNetwork:
    """A random network whose removals do something."""
    torch.manual_seed(1)
    for block in network.intervention.late:
        torch.nn.init.normal_(dict(block.named_parameters())["leave.weight"], std=0.05)
    with torch.no_grad():
        network.presence.strength_query[2].bias += 0.5  # pyright: ignore[reportOperatorIssue]
    return network.eval().requires_grad_(requires_grad=False)


MOST_ROUNDED = 0.01
"""Of a pixel's probability, by the 8 bits of stored features. A removal whose maps lack `reach` moves it by more."""


def test_fine_tuning_answers_as_the_app_does_with_any_confounder_switched_off() -> None:
    entry = find_entry("causalseg-lite")
    network = with_removal(load_network(entry))
    _make_every_removal_act(network)
    engine, encoder = Engine(network, entry), Encoder(network, entry)
    differ: dict[str, float] = {}
    acted: dict[str, str] = {}
    for k, one in enumerate(encoder.dictionary):
        image_u8, phantom = _spoilt_phantom(one, encoder.side_px)
        encoded, what = engine.encode(Scan(image_u8, "0" * 64, "PNG", phantom.modality)), phantom.description

        app = engine.segment(encoded, what, [one.id]).probability
        item = encoder.items(encoder.observe(image_u8[None]), phantom.mask[None], [what], ["who"], [[k]])
        logits = answer(network, batch_of(item, np.array([0])), network.text_tower([what])).mask_logits

        tuning = to_scan_probability(logits, image_u8.shape[:2], entry.temperature)
        open_ = ~engine.hidden(encoded, [one.id])  # what a cover hides the app alone leaves as observed
        differ[one.id] = float(np.abs(tuning - app)[open_].max())
        if np.abs(app - engine.segment(encoded, what, None).probability).max() > 2 * MOST_ROUNDED:
            acted[one.id] = one.scope

    assert not {name: most for name, most in differ.items() if most > MOST_ROUNDED}
    assert list(acted.values()).count("local") >= 6 and list(acted.values()).count("global") >= 8


def _make_every_removal_act(network: CausalSegNetwork) -> None:
    """Whatever the released restorer has learnt to take off, and what not yet."""
    torch.manual_seed(0)
    with torch.no_grad():
        network.restorer.leave.weight.add_(0.02 * torch.randn_like(network.restorer.leave.weight))


@cache
def _phantom(name: str, side_px: int) -> Phantom:
    return make_phantom(name, 3, side_px=side_px)


def _spoilt_phantom(confounder: Confounder, side_px: int) -> tuple[np.ndarray, Phantom]:
    """A made-up scan, of a modality that the confounder occurs in if there is one, with the confounder in it."""
    phantoms = [_phantom(name, side_px) for name in PHANTOMS]
    phantom = next((one for one in phantoms if one.modality in confounder.modalities), phantoms[0])
    if confounder.simulator is None:
        return phantom.image_u8.copy(), phantom
    return simulate(phantom.image_u8, confounder.simulator, strength=0.9, seed=1).image_u8, phantom


def test_rounding_is_at_most_half_a_step() -> None:
    stage = torch.randn(2, 3, 5, 4)

    q, scale = quantized(stage)

    steps = torch.from_numpy(scale).float()[:, :, None, None]
    back = torch.from_numpy(q).float() * steps
    assert ((back - stage).abs() <= 0.51 * steps + 127 * 1e-3 * steps).all()


def test_replay_comes_back_as_it_was_made_and_only_for_its_own_weights(
    network: CausalSegNetwork, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    with monkeypatch.context() as patch, pytest.raises(CheckpointError, match=r"another dictionary.*training replay"):
        patch.setattr(replay, "load_dictionary", lambda: load_dictionary()[1:])
        load_replay(ENTRY, path)
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **arrays, pair_amount=np.ones(len(arrays["pair_item"])))  # pyright: ignore[reportArgumentType]
    with pytest.raises(CheckpointError, match=r"cannot be read.*Make them: python -m training replay"):
        load_replay(ENTRY, path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_replay(ENTRY, path)


def test_no_picture_is_in_a_replay_file(network: CausalSegNetwork, tmp_path: Path) -> None:
    path = tmp_path / "replay.npz"
    save_features(replay_of(network.eval(), 2), FeatureHeader("tiny", "0" * 64, "0" * 64, SIDE_PX, "note"), path)

    with np.load(path) as file:
        assert not [name for name in file if "image" in name]
        assert max(file[name].shape[-1] for name in file if name.startswith("stage")) == SIDE_PX // 4


def test_joined_items_keep_their_removals(acting: CausalSegNetwork) -> None:
    encoder = Encoder(acting, ENTRY)
    mask = np.zeros((1, SIDE_PX, SIDE_PX), bool)
    seen = encoder.observe(disc(1, ((60, 40, 40), (230, 190, 180)))[0][None])
    plain = encoder.items(seen, mask, ["a"], ["a"])
    removed = encoder.items(seen, mask, ["b"], ["b"], [[3, 5]])

    both = joined([plain, removed, plain, removed])

    assert both.is_intervened.tolist() == [False, True, False, True]
    batch = batch_of(both, np.array([3, 0, 3]))
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
