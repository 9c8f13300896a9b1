"""The removal's arithmetic on random weights: exact laws, no training needed."""

import pytest
import torch

from causalseg.causal.intervention import Evidence, InterventionNetwork, Removal, evidence_of, make_removal
from causalseg.causal.presence import GATE_FROM, GATE_TO, REACH_TO, ConfounderPresence, Presence, gate, reach


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


def test_a_removal_acts_where_and_as_far_as_the_evidence_goes() -> None:
    """Each line is gate(z_k), reach(a_k) and d_k of its own scan; what is surely absent has no line."""
    maps = torch.zeros(2, 3, 8, 8)
    maps[1, 2, 4, 4] = REACH_TO
    evidence = Evidence(torch.tensor([[0.0, 0.5, 1.0], [0.25, 0.0, 0.75]]), maps, torch.eye(3))

    made = make_removal(evidence, [[0, 1], [2, 1, 0]])

    assert made.row.tolist() == [0, 1, 1]
    assert made.amount.tolist() == [0.5, 0.75, 0.25]
    torch.testing.assert_close(made.code, torch.eye(3)[[1, 2, 0]])
    torch.testing.assert_close(made.where[:, 0], reach(maps)[[0, 1, 1], [1, 2, 0]])
    assert made.where[1].max() == 1


def test_one_scan_is_evidence_for_every_row() -> None:
    evidence = Evidence(torch.tensor([[0.0, 0.5]]), torch.rand(1, 2, 4, 4), torch.eye(2))

    made = make_removal(evidence, [[1], [], [0, 1]])

    assert made.row.tolist() == [0, 2] and made.amount.tolist() == [0.5, 0.5]
    assert make_removal(evidence, [[], [0]]).where.shape == (0, 1, 4, 4)


def test_presence_is_evidence_everywhere_for_a_global_confounder_and_at_its_map_for_a_local_one() -> None:
    seen = Presence(torch.tensor([[-9.0, 9.0]]), torch.full((1, 2, 4, 4), -9.0))

    evidence = evidence_of(seen, torch.eye(2), torch.tensor([True, False]), 0.25)

    assert evidence.amount.tolist() == [[0.0, 1.0]]
    torch.testing.assert_close(evidence.maps[0, 0], seen.maps[0, 0])
    assert (evidence.maps[0, 1] == 1).all()
