"""The removal's arithmetic on random weights: exact laws, no training needed."""

import pytest
import torch

from causalseg.causal.intervention import InterventionNetwork, Removal
from causalseg.causal.presence import GATE_FROM, GATE_TO, ConfounderPresence, gate


@pytest.fixture
def network() -> InterventionNetwork:
    torch.manual_seed(0)
    network = InterventionNetwork((8, 8, 8, 8, 8), level_channels=8, text_width=12, code_width=4)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network


def removal(pairs: list[tuple[int, int]], amount: float = 1.0, where: float = 1.0) -> Removal:
    codes = torch.nn.functional.normalize(torch.arange(36.0).reshape(3, 12).cos(), dim=1)
    row = torch.tensor([pair[0] for pair in pairs], dtype=torch.long)
    code = codes[[pair[1] for pair in pairs]]
    return Removal(row, code, torch.full((len(pairs),), amount), torch.full((len(pairs), 1, 4, 4), where))


FEATURES = torch.linspace(-1, 1, 2 * 8 * 16 * 16).reshape(2, 8, 16, 16).sin()


def test_no_pairs_is_no_intervention(network: InterventionNetwork) -> None:
    assert network.on_stage(1, FEATURES, removal([])) is FEATURES


@pytest.mark.parametrize(("amount", "where"), [(0.0, 1.0), (1.0, 0.0)])
def test_a_confounder_that_is_not_there_or_nowhere_is_removed_by_doing_nothing(
    network: InterventionNetwork, amount: float, where: float
) -> None:
    torch.testing.assert_close(network.on_level(0, FEATURES, removal([(0, 1)], amount, where)), FEATURES)


def test_only_the_named_scan_of_a_batch_is_changed(network: InterventionNetwork) -> None:
    after = network.on_stage(0, FEATURES, removal([(1, 2)]))

    torch.testing.assert_close(after[0], FEATURES[0])
    assert (after[1] - FEATURES[1]).abs().max() > 1e-3


def test_at_one_stage_removals_add_up_in_any_order(network: InterventionNetwork) -> None:
    both = network.on_stage(2, FEATURES, removal([(0, 0), (0, 1)]))
    other_way = network.on_stage(2, FEATURES, removal([(0, 1), (0, 0)]))
    first = network.on_stage(2, FEATURES, removal([(0, 0)])) - FEATURES
    second = network.on_stage(2, FEATURES, removal([(0, 1)])) - FEATURES

    torch.testing.assert_close(both, other_way)
    torch.testing.assert_close(both, FEATURES + first + second)


def test_different_confounders_take_away_different_things(network: InterventionNetwork) -> None:
    one = network.on_stage(0, FEATURES, removal([(0, 0)]))
    other = network.on_stage(0, FEATURES, removal([(0, 1)]))
    assert (one - other).abs().max() > 1e-3


def test_the_gate_is_closed_for_what_is_surely_absent_and_open_for_what_is_there() -> None:
    strength = torch.tensor([0.0, GATE_FROM, (GATE_FROM + GATE_TO) / 2, GATE_TO, 1.0])
    torch.testing.assert_close(gate(strength), torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0]))


def test_presence_answers_for_any_number_of_entries() -> None:
    presence = ConfounderPresence((8, 8, 8, 8, 8), text_width=12, channels=16)
    features = [torch.randn(2, 8, 64 // 2**i, 64 // 2**i) for i in range(5)]
    for count in (1, 23):
        seen = presence(features, torch.randn(count, 12))
        assert seen.strength.shape == (2, count)
        assert seen.maps.shape == (2, count, 16, 16)
        assert 0 <= seen.maps.min() <= seen.maps.max() <= 1
