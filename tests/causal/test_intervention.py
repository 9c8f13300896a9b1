"""What is removed from which scan, and the blocks on the pyramid: exact laws on random weights, no training needed."""

import pytest
import torch

from causalseg.causal.intervention import Evidence, InterventionNetwork, Removal, evidence_of, make_removal
from causalseg.causal.presence import REACH_TO, ConfounderPresence, Presence, reach


@pytest.fixture
def network() -> InterventionNetwork:
    torch.manual_seed(0)
    network = InterventionNetwork(level_channels=8, text_width=12, code_width=4)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network


def removal(pairs: list[tuple[int, int]], where: float = 1.0) -> Removal:
    codes = torch.nn.functional.normalize(torch.arange(36.0).reshape(3, 12).cos(), dim=1)
    row = torch.tensor([pair[0] for pair in pairs], dtype=torch.long)
    return Removal(row, codes[[pair[1] for pair in pairs]], torch.full((len(pairs), 1, 4, 4), where))


FEATURES = torch.linspace(-1, 1, 2 * 8 * 16 * 16).reshape(2, 8, 16, 16).sin()


def test_no_pairs_is_no_intervention(network: InterventionNetwork) -> None:
    assert network.on_level(1, FEATURES, removal([])) is FEATURES


def test_blocks_at_their_start_change_nothing() -> None:
    fresh = InterventionNetwork(level_channels=8, text_width=12, code_width=4)

    assert torch.equal(fresh.on_level(0, FEATURES, removal([(0, 1), (1, 2)])), FEATURES)


def test_a_confounder_that_is_nowhere_changes_no_level(network: InterventionNetwork) -> None:
    assert torch.equal(network.on_level(0, FEATURES, removal([(0, 1)], where=0.0)), FEATURES)


def test_only_the_named_scan_of_a_batch_is_changed(network: InterventionNetwork) -> None:
    after = network.on_level(0, FEATURES, removal([(1, 2)]))

    assert torch.equal(after[0], FEATURES[0])
    assert (after[1] - FEATURES[1]).abs().max() > 1e-3


def test_at_one_level_removals_add_up(network: InterventionNetwork) -> None:
    both = network.on_level(2, FEATURES, removal([(0, 0), (0, 1)]))
    first = network.on_level(2, FEATURES, removal([(0, 0)])) - FEATURES
    second = network.on_level(2, FEATURES, removal([(0, 1)])) - FEATURES

    torch.testing.assert_close(both, FEATURES + first + second)


def test_different_confounders_take_away_different_things(network: InterventionNetwork) -> None:
    one = network.on_level(0, FEATURES, removal([(0, 0)]))
    other = network.on_level(0, FEATURES, removal([(0, 1)]))
    assert (one - other).abs().max() > 1e-3


def test_presence_answers_for_any_number_of_entries() -> None:
    presence = ConfounderPresence((8, 8, 8, 8, 8), text_width=12, channels=16)
    features = [torch.randn(2, 8, 64 // 2**i, 64 // 2**i) for i in range(5)]
    for count in (1, 23):
        seen = presence(features, torch.randn(count, 12))
        assert seen.strength.shape == (2, count)
        assert seen.maps.shape == (2, count, 16, 16)
        assert 0 <= seen.maps.min() <= seen.maps.max() <= 1


def test_a_removal_names_each_entry_of_a_set_once_and_in_one_order() -> None:
    """Each line is reach(a_k) and d_k of its own scan, however the set was written."""
    maps = torch.zeros(2, 3, 8, 8)
    maps[1, 2, 4, 4] = REACH_TO

    for written in ([[0, 1], [2, 1, 0]], [[1, 0], [0, 1, 2]], [[1, 0, 1], [2, 2, 0, 1, 0]]):
        made = make_removal(Evidence(maps, torch.eye(3)), written)
        assert made.row.tolist() == [0, 0, 1, 1, 1]
        assert torch.equal(made.code, torch.eye(3)[[0, 1, 0, 1, 2]])
        assert torch.equal(made.where[:, 0], reach(maps)[[0, 0, 1, 1, 1], [0, 1, 0, 1, 2]])
        assert made.where[4].max() == 1


def test_one_scan_is_evidence_for_every_row() -> None:
    evidence = Evidence(torch.rand(1, 2, 4, 4), torch.eye(2))

    made = make_removal(evidence, [[1], [], [0, 1]])

    assert made.row.tolist() == [0, 2, 2]
    assert make_removal(evidence, [[], []]).where.shape == (0, 1, 4, 4)


def test_presence_is_evidence_everywhere_for_a_global_confounder_and_at_its_map_for_a_local_one() -> None:
    seen = Presence(torch.tensor([[-9.0, 9.0]]), torch.full((1, 2, 4, 4), -9.0))

    evidence = evidence_of(seen, torch.eye(2), torch.tensor([True, False]))

    assert torch.equal(evidence.maps[0, 0], seen.maps[0, 0])
    assert (evidence.maps[0, 1] == 1).all()
