"""The least certain places: where a mask's edge is wide, apart from one another, on the edge."""

import numpy as np

from causalseg.ui.segment import panels
from causalseg.ui.segment.uncertain_places import MOST_PLACES, least_certain

SIDE_PX = 200


def soft_edge(width_px: np.ndarray) -> np.ndarray:
    """Probability that falls from left to right around column 100, over `width_px` a row."""
    columns = np.arange(SIDE_PX)[None, :]
    return (1 / (1 + np.exp((columns - 100) / width_px[:, None]))).astype(np.float32)


def test_the_widest_edge_comes_first() -> None:
    width_px = np.full(SIDE_PX, 0.5)
    width_px[40:60], width_px[140:160] = 8.0, 4.0
    probability = soft_edge(width_px)
    first, second, *_ = least_certain(probability, probability > 0.5)
    assert abs(first.y - 50) < 12 and abs(first.x - 100) < 12
    assert abs(second.y - 150) < 12 and first.doubt > second.doubt


def test_places_are_apart_and_no_more_than_three() -> None:
    probability = soft_edge(np.full(SIDE_PX, 6.0))
    places = least_certain(probability, probability > 0.5)
    assert len(places) == MOST_PLACES
    gaps = [np.hypot(a.x - b.x, a.y - b.y) for n, a in enumerate(places) for b in places[:n]]
    assert min(gaps) >= 0.15 * SIDE_PX


def test_a_sharp_edge_and_an_empty_mask_have_none() -> None:
    sharp = soft_edge(np.full(SIDE_PX, 0.2))
    assert least_certain(sharp, sharp > 0.5) == []
    assert least_certain(sharp, np.zeros((SIDE_PX, SIDE_PX), bool)) == []


def test_doubt_far_from_the_edge_does_not_count() -> None:
    probability = soft_edge(np.full(SIDE_PX, 3.0))
    probability[90:110, 170:190] = 0.5
    assert all(abs(place.x - 100) < 20 for place in least_certain(probability, probability > 0.5))


def test_a_large_scan_gives_the_same_places_in_its_own_pixels() -> None:
    small = soft_edge(np.where(np.arange(SIDE_PX) < 60, 8.0, 1.0))
    large = small.repeat(5, axis=0).repeat(5, axis=1)
    (first, *_), (same, *_) = least_certain(small, small > 0.5), least_certain(large, large > 0.5)
    assert np.hypot(same.x / 5 - first.x, same.y / 5 - first.y) < 10


def test_each_place_has_a_button_and_a_ring_with_its_number() -> None:
    probability = soft_edge(np.full(SIDE_PX, 6.0))
    places = least_certain(probability, probability > 0.5)
    hw = (SIDE_PX, SIDE_PX)
    assert panels.checks(places, hw).count("<button") == panels.rings(places, hw).count("<circle") == MOST_PLACES
    assert panels.checks([], hw) == panels.rings([], hw) == ""
