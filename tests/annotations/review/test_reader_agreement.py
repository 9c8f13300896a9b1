import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from causalseg.annotations import LabelStore
from causalseg.annotations.review.reader_agreement import between_readers, compare
from tests.annotations.samples import make_mask, make_scan, save

masks = hnp.arrays(bool, (9, 11))
spacings = st.tuples(st.floats(0.1, 5), st.floats(0.1, 5))


def square(top: int, left: int) -> np.ndarray:
    mask = np.zeros((20, 30), dtype=bool)
    mask[top : top + 6, left : left + 6] = True
    return mask


def test_single_pixels_apart_are_the_distance_known_on_paper() -> None:
    one, other = np.zeros((2, 8, 8), dtype=bool)
    one[1, 1] = other[4, 5] = True

    in_px, in_mm = compare(one, other), compare(one, other, (2.0, 0.5))

    assert (in_px.dice, in_px.surface_distance, in_px.hausdorff95, in_px.unit) == (0, 5, 5, "px")
    assert in_mm.surface_distance == pytest.approx(np.hypot(3 * 2.0, 4 * 0.5)) and in_mm.unit == "mm"


@given(mask=masks, other=masks, spacing=spacings)
def test_order_of_the_readers_does_not_matter(
    mask: np.ndarray, other: np.ndarray, spacing: tuple[float, float]
) -> None:
    there, back = compare(mask, other, spacing), compare(other, mask, spacing)

    assert there.dice == back.dice and there.hausdorff95 == back.hausdorff95
    assert there.surface_distance == pytest.approx(back.surface_distance)


@given(mask=masks, other=masks, spacing=spacings, scale=st.sampled_from([0.5, 2.0, 4.0]))
def test_distances_grow_with_the_pixels(
    mask: np.ndarray, other: np.ndarray, spacing: tuple[float, float], scale: float
) -> None:
    small, large = compare(mask, other, spacing), compare(mask, other, (scale * spacing[0], scale * spacing[1]))

    if small.surface_distance is None or small.hausdorff95 is None:
        assert large.surface_distance is None
    else:
        assert large.surface_distance == pytest.approx(scale * small.surface_distance)
        assert large.hausdorff95 == pytest.approx(scale * small.hausdorff95)


@given(mask=masks)
def test_same_mask_agrees_wholly(mask: np.ndarray) -> None:
    same = compare(mask, mask.copy(), (1.0, 1.0))

    assert (same.dice, same.surface_distance, same.hausdorff95) == (1, 0, 0)


def test_against_nothing_there_is_no_distance() -> None:
    nothing = np.zeros((20, 30), dtype=bool)

    only_one = compare(square(2, 2), nothing)

    assert (only_one.dice, only_one.surface_distance, only_one.hausdorff95) == (0, None, None)
    assert compare(nothing, nothing).surface_distance == 0


@pytest.mark.filterwarnings("ignore:monai.metrics.utils get_mask_edges:FutureWarning")
@pytest.mark.parametrize("shift", [(0, 3), (2, 5), (9, 20)])
def test_distance_is_monais(shift: tuple[int, int]) -> None:
    import torch
    from monai.metrics.surface_distance import compute_average_surface_distance

    mask, other, spacing = square(2, 2), square(2 + shift[0], 2 + shift[1]), (1.5, 0.7)
    batch, others = (torch.from_numpy(np.stack([~one, one])[None]) for one in (mask, other))

    theirs = compute_average_surface_distance(batch, others, symmetric=True, spacing=spacing)

    assert compare(mask, other, spacing).surface_distance == pytest.approx(float(theirs), rel=1e-5)


def test_readers_of_a_picture_are_compared_by_their_newest_masks(store: LabelStore) -> None:
    save(store, 1)
    bens = save(store, 2, person="ben", description=" Lung")
    anas = save(store, 3)
    cleos = save(store, 4, person="cleo", description="heart")
    save(store, 5, person="dan", index=1)

    pairs = between_readers(store, make_scan().sha256)

    assert [(pair.first, pair.second) for pair in pairs] == [(bens, anas), (bens, cleos), (anas, cleos)]
    assert [pair.same_description for pair in pairs] == [True, False, False]
    assert pairs[0].agreement == compare(make_mask(2), make_mask(3), (0.5, 0.25))
    assert between_readers(store, make_scan(7).sha256) == []
