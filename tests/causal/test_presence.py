"""Where and how much a removal acts, on maps known on paper."""

import torch

from causalseg.causal.presence import GATE_FROM, GATE_TO, REACH_CELLS, REACH_FROM, REACH_TO, gate, reach


def test_the_gate_is_shut_for_what_is_absent_and_open_for_what_is_sure() -> None:
    strengths = torch.tensor([0.0, GATE_FROM, (GATE_FROM + GATE_TO) / 2, GATE_TO, 1.0])
    torch.testing.assert_close(gate(strengths), torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0]))


def test_a_removal_reaches_a_little_beyond_the_cell_where_the_mark_is_seen() -> None:
    maps = torch.zeros(1, 9, 9)
    maps[0, 4, 4] = 1

    acting = reach(maps)[0]

    expected = torch.zeros(9, 9)
    expected[4 - REACH_CELLS : 5 + REACH_CELLS, 4 - REACH_CELLS : 5 + REACH_CELLS] = 1
    torch.testing.assert_close(acting, expected)


def test_a_faint_map_reaches_nowhere_and_the_maps_are_not_changed() -> None:
    maps = torch.full((3, 2, 8, 8), REACH_FROM)
    assert reach(maps).max() == 0
    assert reach(torch.full((8, 8), REACH_TO)).min() == 1
    torch.testing.assert_close(maps, torch.full((3, 2, 8, 8), REACH_FROM))


def test_the_gate_is_half_open_where_a_confounder_is_just_detected() -> None:
    detected_from = torch.tensor([0.25, 0.5, 0.58])
    torch.testing.assert_close(gate(detected_from, detected_from), torch.full((3,), 0.5))
    torch.testing.assert_close(gate(detected_from - 0.1, detected_from), torch.zeros(3))
    torch.testing.assert_close(gate(detected_from + 0.1, detected_from), torch.ones(3))
