import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalseg.errors import BadCorrection
from causalseg.scan import Letterbox
from causalseg.scan.geometry import centre_indices

lengths_px = st.integers(1, 90)
sides_px = st.integers(1, 90)


def random_mask(hw: tuple[int, int], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(hw) < 0.5


@given(height_px=lengths_px, width_px=lengths_px, side_px=sides_px, seed=st.integers(0, 2**32))
def test_there_and_back_is_exact_where_the_scan_is_not_larger(
    height_px: int, width_px: int, side_px: int, seed: int
) -> None:
    side_px += max(height_px, width_px) - 1
    box = Letterbox.fit(height_px, width_px, side_px=side_px)
    mask = random_mask((height_px, width_px), seed)

    np.testing.assert_array_equal(box.invert(box.apply(mask)), mask)


@given(height_px=lengths_px, width_px=lengths_px, side_px=sides_px, seed=st.integers(0, 2**32))
def test_back_and_there_is_exact_where_the_scan_is_not_smaller(
    height_px: int, width_px: int, side_px: int, seed: int
) -> None:
    height_px, width_px = height_px + side_px, width_px + side_px
    box = Letterbox.fit(height_px, width_px, side_px=side_px)
    left, top, right, bottom = box.content_box
    drawn = np.zeros((side_px, side_px), dtype=bool)
    drawn[top:bottom, left:right] = random_mask(box.content_hw, seed)

    np.testing.assert_array_equal(box.apply(box.invert(drawn)), drawn)


@given(height_px=lengths_px, width_px=lengths_px, side_px=sides_px)
def test_content_is_whole_centred_and_of_the_scans_shape(height_px: int, width_px: int, side_px: int) -> None:
    box = Letterbox.fit(height_px, width_px, side_px=side_px)
    left, top, right, bottom = box.content_box
    scale = side_px / max(height_px, width_px)

    assert max(right - left, bottom - top) == side_px
    assert 0 <= left <= right <= side_px and 0 <= top <= bottom <= side_px
    assert abs(left - (side_px - right)) <= 1 and abs(top - (side_px - bottom)) <= 1
    assert right - left >= 1 and abs(right - left - width_px * scale) <= max(0.5, 1 - width_px * scale)
    assert bottom - top >= 1 and abs(bottom - top - height_px * scale) <= max(0.5, 1 - height_px * scale)


@given(length_px=st.integers(1, 700), other_length_px=st.integers(1, 700))
def test_the_rule_is_the_pixel_that_contains_the_centre(length_px: int, other_length_px: int) -> None:
    found = centre_indices(length_px, other_length_px)

    for index, other in enumerate(found):
        # (index + 0.5) * other_length / length lies in [other, other + 1), in whole numbers
        assert 2 * length_px * other <= (2 * index + 1) * other_length_px < 2 * length_px * (other + 1)


@given(height_px=lengths_px, width_px=lengths_px, side_px=sides_px, seed=st.integers(0, 2**32))
def test_what_is_drawn_on_the_square_is_what_is_saved(height_px: int, width_px: int, side_px: int, seed: int) -> None:
    """By the rule, told again in another way: look at the square under the centre of each pixel of the scan."""
    box = Letterbox.fit(height_px, width_px, side_px=side_px)
    drawn = random_mask((side_px, side_px), seed)
    left, top, right, bottom = box.content_box

    saved = box.invert(drawn)

    for row in range(height_px):
        for column in range(width_px):
            under_y = top + (2 * row + 1) * (bottom - top) // (2 * height_px)
            under_x = left + (2 * column + 1) * (right - left) // (2 * width_px)
            assert saved[row, column] == drawn[under_y, under_x]


@given(height_px=lengths_px, width_px=lengths_px, side_px=sides_px)
def test_points_follow_the_pixels(height_px: int, width_px: int, side_px: int) -> None:
    box = Letterbox.fit(height_px, width_px, side_px=side_px)
    left, top, right, bottom = box.content_box
    corners = np.array([[left, top], [right, bottom]], dtype=float)

    np.testing.assert_allclose(box.to_image_xy(corners), [[0, 0], [width_px, height_px]], atol=1e-9)


def test_a_point_in_a_pixel_of_the_square_is_in_the_pixel_that_the_mask_has_there() -> None:
    box = Letterbox.fit(30, 50, side_px=512)
    mask = np.zeros((30, 50), dtype=bool)
    mask[7, 21] = True
    rows, columns = np.nonzero(box.apply(mask))

    points_xy = box.to_image_xy(np.stack([columns + 0.5, rows + 0.5], axis=1))

    assert set(map(tuple, np.floor(points_xy).astype(int))) == {(21, 7)}


@given(height_px=lengths_px, width_px=lengths_px, side_px=sides_px, seed=st.integers(0, 2**32))
def test_an_edit_changes_what_was_drawn_and_nothing_else(
    height_px: int, width_px: int, side_px: int, seed: int
) -> None:
    box = Letterbox.fit(height_px, width_px, side_px=side_px)
    mask = random_mask((height_px, width_px), seed)
    shown = box.apply(mask)
    stroke = random_mask((side_px, side_px), seed + 1)

    np.testing.assert_array_equal(box.invert_edit(mask, shown, shown), mask)
    edited = box.invert_edit(mask, shown, shown ^ stroke)
    touched = box.invert(stroke)
    np.testing.assert_array_equal(edited[~touched], mask[~touched])
    np.testing.assert_array_equal(edited[touched], box.invert(shown ^ stroke)[touched])


def test_an_untouched_mask_of_a_large_scan_keeps_detail_that_the_square_cannot_show() -> None:
    box = Letterbox.fit(1000, 800, side_px=64)
    mask = random_mask((1000, 800), 0)
    shown = box.apply(mask)

    assert (box.invert(shown) != mask).any()
    np.testing.assert_array_equal(box.invert_edit(mask, shown, shown), mask)


def test_image_of_the_squares_own_size_is_untouched() -> None:
    image_u8 = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)

    np.testing.assert_array_equal(Letterbox.fit(64, 64, side_px=64).apply(image_u8), image_u8)


def test_image_lies_on_black_and_keeps_its_colour() -> None:
    image_u8 = np.full((20, 40, 3), (10, 100, 200), dtype=np.uint8)
    box = Letterbox.fit(20, 40, side_px=64)
    left, top, right, bottom = box.content_box

    square = box.apply(image_u8)

    assert square.shape == (64, 64, 3)
    assert (square[top:bottom, left:right] == (10, 100, 200)).all()
    square[top:bottom, left:right] = 0
    assert not square.any()
    assert (image_u8 == (10, 100, 200)).all()


def test_drawn_mask_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(BadCorrection, match="100 x 90 px where 64 x 64 px"):
        Letterbox.fit(20, 40, side_px=64).invert(np.zeros((100, 90), dtype=bool))


def test_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 20 x 40 px"):
        Letterbox.fit(20, 40, side_px=64).apply(np.zeros((40, 20), dtype=bool))


@pytest.mark.parametrize("sizes", [(0, 5, 5), (5, 0, 5), (5, 5, 0)])
def test_sizes_without_pixels_are_refused(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="at least 1 px"):
        Letterbox(*sizes)
