"""Where a removal acts on the pyramid, on maps known on paper."""

import torch

from causalseg.causal.presence import REACH_CELLS, REACH_FROM, REACH_TO, reach


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
