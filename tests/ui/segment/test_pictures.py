"""Pictures and small panels: the right pixels in the right colours, the right words."""

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from causalseg.scan import Scan
from causalseg.ui import pictures, shared_text
from causalseg.ui.segment import handlers, panels, text
from causalseg.ui.segment.mask_change import area_mm2, effect, shift
from causalseg.ui.segment.session import SessionState
from tests.ui.fakes import FakeEngine, disc

SIDE_PX = pictures.VIEW_SIDE_PX


def rows(*marked: int) -> np.ndarray:
    """A mask of 8 x 8 with some rows marked."""
    mask = np.zeros((8, 8), bool)
    mask[list(marked)] = True
    return mask


def at_row(layer: np.ndarray, row: int) -> tuple[int, ...]:
    """The colour in the middle of a row of an 8 x 8 mask, on the page's square."""
    step = SIDE_PX // 8
    return tuple(int(value) for value in layer[row * step + step // 2, SIDE_PX // 2])


def test_the_layer_is_clear_where_the_mask_is_not() -> None:
    layer = pictures.mask_layer(rows(2, 3), opacity=0.4)
    assert layer.shape == (SIDE_PX, SIDE_PX, 4)
    assert at_row(layer, 5)[3] == 0
    assert at_row(layer, 2) == (*pictures.TINT_RGB, 102)


def test_opacity_spares_the_outline() -> None:
    layer = pictures.mask_layer(rows(2, 3), opacity=0.0)
    assert layer[SIDE_PX // 4, SIDE_PX // 2, 3] == 255
    assert at_row(layer, 2)[3] == 0


def test_added_and_removed_have_their_own_colours() -> None:
    layer = pictures.difference_layer(rows(1, 2), rows(2, 3))
    assert at_row(layer, 1)[:3] == pictures.REMOVED_RGB
    assert at_row(layer, 2)[:3] == pictures.KEPT_RGB
    assert at_row(layer, 3)[:3] == pictures.ADDED_RGB
    assert at_row(layer, 6)[3] == 0


def test_blending_a_clear_layer_changes_nothing() -> None:
    picture = pictures.on_square(Scan(image_u8=disc(30, 50), sha256="0" * 64, format="PNG"), SIDE_PX)
    np.testing.assert_array_equal(
        pictures.blend(picture, pictures.mask_layer(np.zeros((30, 50), bool), opacity=0.5)), picture
    )


def test_a_data_uri_is_the_picture_without_loss() -> None:
    picture = pictures.mask_layer(rows(4), opacity=0.3)
    content = base64.b64decode(pictures.png_uri(picture).partition(",")[2])
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(content))), picture)


def test_the_editor_gets_exactly_its_canvas_whatever_the_scan() -> None:
    for height_px, width_px in ((40, 900), (900, 40), (512, 512), (1300, 700)):
        scan = Scan(image_u8=disc(height_px, width_px), sha256="0" * 64, format="PNG")
        assert pictures.on_square(scan, pictures.CANVAS_SIDE_PX).shape == (512, 512, 3)


def test_a_map_covers_the_scan_and_nothing_beside_it() -> None:
    layer = pictures.where_layer(np.array([[1, 0], [0, 0]], np.float32), (40, 80))
    quarter = SIDE_PX // 4
    assert layer[quarter + 20, 20, 3] == pictures.WHERE_ALPHA and layer[quarter - 20, 20, 3] == 0
    assert layer[2 * quarter + quarter // 2, 3 * quarter, 3] == 0
    assert tuple(layer[quarter + 20, 20, :3]) == pictures.WHERE_RGB


def test_points_of_the_scan_lie_where_the_page_draws_them() -> None:
    corners = pictures.on_view(np.array([[0.0, 0.0], [80.0, 40.0]]), (40, 80))
    np.testing.assert_allclose(corners, [[0.0, 0.25], [1.0, 0.75]])


def test_effect_against_pencil_and_paper() -> None:
    change = effect(rows(0, 1, 2, 3), rows(3, 4))
    assert (change.area_px, change.change_px, change.change_share) == (16, -16, -0.5)
    assert change.dice == pytest.approx(2 * 8 / (32 + 16))


def test_no_share_of_an_empty_mask() -> None:
    change = effect(rows(), rows(1))
    assert change.change_share is None and change.dice == 0.0
    assert effect(rows(), rows()).dice == 1.0


def test_the_centre_goes_down_by_the_rows_between_two_bands() -> None:
    change = effect(rows(1), rows(4))
    assert change.shift_yx_px == pytest.approx((3.0, 0.0))
    assert shift(change, None) == pytest.approx(3.0)
    assert shift(change, (0.5, 9.0)) == pytest.approx(1.5)
    assert shift(effect(rows(), rows(4)), None) is None


def test_square_millimetres_only_where_the_spacing_is_known() -> None:
    assert area_mm2(100, (0.5, 0.25)) == pytest.approx(12.5)
    assert area_mm2(100, None) is None


def state_of(scan: Scan) -> SessionState:
    engine = FakeEngine()
    encoded = engine.encode(scan)
    return handlers.look_again(engine, SessionState(encoded=encoded, detected=("low_contrast",)), "polyp")


def test_the_status_names_mask_area_change_dice_and_time() -> None:
    scan = Scan(image_u8=disc(100, 100), sha256="0" * 64, format="DICOM", spacing_mm=(0.5, 0.5))
    engine, observed = FakeEngine(), state_of(scan)
    state = handlers.switch(engine, observed, ["low_contrast"])
    text = panels.status(state, ["Low contrast"])
    assert "<b>adjusted mask</b> · without Low contrast" in text
    assert " px, " in text and "mm²" in text and text.endswith("12 ms")


def test_the_effect_is_area_centre_and_overlap_to_the_observed_mask_and_to_the_last_switch() -> None:
    scan = Scan(image_u8=disc(100, 100), sha256="0" * 64, format="DICOM", spacing_mm=(0.5, 0.5))
    engine, observed = FakeEngine(), state_of(scan)
    removed = handlers.switch(engine, observed, ["low_contrast"])
    text = panels.effect_line(removed)
    assert re.match(r"−\d+\.\d mm² \(−\d+\.\d%\), centre \d\.\d mm, Dice 0\.\d\d to observed · ", text)
    assert "Low contrast removed: −" in text
    back = panels.effect_line(handlers.switch(engine, removed, []))
    assert back.startswith("Low contrast put back: +") and "to observed" not in back


def test_a_scan_without_spacing_is_measured_in_pixels() -> None:
    text = panels.status(state_of(Scan(image_u8=disc(100, 100), sha256="0" * 64, format="PNG")), [])
    assert "<b>observed mask</b> · nothing removed" in text
    assert "px" in text and "mm²" not in text


def test_what_comes_from_a_file_is_escaped() -> None:
    scan = Scan(
        image_u8=disc(10, 10),
        sha256="0" * 64,
        format="DICOM",
        header={"Model": "<script>alert(1)</script>"},
        warnings=("Names may be <b>burned in</b>.",),
    )
    shown = panels.facts(scan, "")
    assert "<script" not in shown and "&lt;script" in shown and "&lt;b&gt;burned in" in shown


def test_facts_are_one_line() -> None:
    scan = Scan(image_u8=disc(10, 20), sha256="0" * 64, format="DICOM", modality="ct", spacing_mm=(0.5, 0.25))
    assert text.scan_facts(scan) == "DICOM · 20 × 10 px · ct · 0.25 × 0.5 mm"


def test_every_modality_has_a_suggestion_and_an_unknown_one_gets_all() -> None:
    assert shared_text.suggestions("endoscopy")[0] == "polyp"
    assert set(shared_text.suggestions(None)) == {
        phrase for phrases in shared_text.PHRASES.values() for phrase in phrases
    }


def test_a_status_with_many_removed_counts_them() -> None:
    state = state_of(Scan(image_u8=disc(100, 100), sha256="0" * 64, format="PNG"))
    assert "without 4 confounders" in panels.status(state, ["a", "b", "c", "d"])
    assert "without a, b, c" in panels.status(state, ["a", "b", "c"])
