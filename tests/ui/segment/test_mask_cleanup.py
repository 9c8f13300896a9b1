"""Filling and smoothing, on masks whose result is known on paper."""

from dataclasses import replace

import numpy as np
import pytest

from causalseg.errors import InputError
from causalseg.ui.segment import editor, text
from causalseg.ui.segment.mask_cleanup import fill_holes, smooth_edge
from tests.ui.fakes import disc
from tests.ui.segment.test_editor import loaded, painted, returned


def ring(side_px: int = 64) -> np.ndarray:
    rows, columns = np.mgrid[:side_px, :side_px]
    away_px = np.hypot(rows - side_px / 2, columns - side_px / 2)
    return (away_px < 0.4 * side_px) & (away_px > 0.2 * side_px)


def test_filling_a_ring_gives_its_disc_and_filling_again_changes_nothing() -> None:
    filled = fill_holes(ring())
    assert filled[32, 32] and (filled >= ring()).all() and not filled[0, 0]
    np.testing.assert_array_equal(fill_holes(filled), filled)


def test_a_bay_at_the_pictures_border_is_not_a_hole() -> None:
    bay = np.ones((20, 20), bool)
    bay[:10, 8:12] = False
    np.testing.assert_array_equal(fill_holes(bay), bay)


def test_a_straight_edge_stays_where_it_is() -> None:
    half = np.zeros((50, 60), bool)
    half[:, :30] = True
    np.testing.assert_array_equal(smooth_edge(half), half)


def test_a_spike_and_a_notch_of_one_pixel_are_gone() -> None:
    mask = np.zeros((60, 60), bool)
    mask[:30] = True
    mask[30:38, 20] = True
    mask[22:30, 40] = False
    smooth = smooth_edge(mask)
    assert not smooth[33:, 20].any() and smooth[:28, 40].all()


def test_the_editor_gets_the_filled_mask_and_the_one_before_can_be_taken_back() -> None:
    draft = loaded(disc(512, 512))
    value = painted(returned(draft), (slice(10, 60), slice(400, 450)))
    hollow = painted(value, (slice(20, 50), slice(410, 440)))
    hollow["layers"][0][20:50, 410:440] = 0
    filled = editor.reshaped(draft, hollow, fill_holes)
    assert not filled.is_loaded and filled.given[35, 425]
    back = editor.taken_back(filled)
    np.testing.assert_array_equal(back.given, editor.corrected(draft, hollow))
    np.testing.assert_array_equal(back.proposed, draft.proposed)
    again = replace(filled, is_loaded=True)
    np.testing.assert_array_equal(editor.corrected(again, returned(again)), filled.given)


def test_nothing_to_fill_and_nothing_to_take_back_say_so() -> None:
    with pytest.raises(InputError, match="Correct this mask"):
        editor.reshaped(None, None, fill_holes)
    with pytest.raises(InputError) as refused:
        editor.taken_back(loaded(disc(40, 40)))
    assert str(refused.value) == text.NOTHING_TO_TAKE_BACK
