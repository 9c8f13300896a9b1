"""A mask into the editor and back: only painted pixels change, and what the editor mangled is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Bool

from causalseg.annotations.store import LabelStore
from causalseg.errors import BadCorrection, InputError
from causalseg.scan import Letterbox, Scan
from causalseg.ui import pictures
from causalseg.ui.segment import editor, handlers, text
from causalseg.ui.segment.session import EditorMask, SessionState
from tests.ui.fakes import FakeEngine, disc

Mask = Bool[np.ndarray, "height width"]
SIDE_PX = pictures.CANVAS_SIDE_PX
STROKE_RGBA = (0, 114, 179, 127)
"""What Chromium gives back for the brush."""


ENGINE = FakeEngine()


def start(state: SessionState) -> EditorMask:
    return editor.start(ENGINE, state)


def opened(image_u8: np.ndarray[Any, Any]) -> SessionState:
    encoded = ENGINE.encode(Scan(image_u8=image_u8, sha256="ab" * 32, format="PNG"))
    return handlers.look_again(ENGINE, SessionState(encoded=encoded, detected=()), "polyp")


def loaded(image_u8: np.ndarray[Any, Any]) -> EditorMask:
    return replace(start(opened(image_u8)), is_loaded=True)


def returned(draft: EditorMask) -> dict[str, Any]:
    """What the editor sends back when nobody painted."""
    layer = pictures.editor_layer(draft.canvas_mask, draft.alpha)
    opaque = np.full((SIDE_PX, SIDE_PX, 1), 255, np.uint8)
    return {"background": np.concatenate([draft.canvas_u8, opaque], axis=2), "layers": [layer], "composite": None}


def painted(value: dict[str, Any], area: tuple[slice, slice]) -> dict[str, Any]:
    layer = value["layers"][0].copy()
    layer[area] = STROKE_RGBA
    return {**value, "layers": [layer]}


def erased(value: dict[str, Any], area: tuple[slice, slice]) -> dict[str, Any]:
    layer = value["layers"][0].copy()
    layer[area] = 0
    return {**value, "layers": [layer]}


@given(height_px=st.integers(8, 1300), width_px=st.integers(8, 1300), seed=st.integers(0, 99))
@settings(derandomize=True, deadline=None, max_examples=25)
def test_an_untouched_mask_comes_back_exactly_whatever_the_scans_size(height_px: int, width_px: int, seed: int) -> None:
    draft = start(opened(np.random.default_rng(seed).integers(0, 255, (height_px, width_px, 3), np.uint8)))
    np.testing.assert_array_equal(editor.corrected(draft, returned(draft)), draft.proposed)


@given(
    height_px=st.integers(200, 1300),
    width_px=st.integers(200, 1300),
    top=st.integers(0, SIDE_PX - 40),
    left=st.integers(0, SIDE_PX - 40),
    is_eraser=st.booleans(),
)
@settings(derandomize=True, deadline=None, max_examples=25)
def test_only_painted_pixels_change(height_px: int, width_px: int, top: int, left: int, is_eraser: bool) -> None:
    noise = np.random.default_rng(top).integers(0, 255, (height_px, width_px, 3), np.uint8)
    draft = start(opened(noise))
    area = (slice(top, top + 40), slice(left, left + 40))
    value = (erased if is_eraser else painted)(returned(draft), area)
    mask = editor.corrected(draft, value)

    touched = np.zeros((SIDE_PX, SIDE_PX), bool)
    touched[area] = True
    under_brush = Letterbox.fit(height_px, width_px, side_px=SIDE_PX).invert(touched)
    np.testing.assert_array_equal(mask[~under_brush], draft.proposed[~under_brush])
    changed = mask != draft.proposed
    assert (mask[changed] == (not is_eraser)).all()


def test_a_small_scans_saved_mask_is_the_drawn_layer_put_back() -> None:
    draft = loaded(disc(128, 96))
    value = painted(returned(draft), (slice(450, 480), slice(250, 290)))
    expected = draft.box.invert(value["layers"][0][..., 3] > 0)
    np.testing.assert_array_equal(editor.corrected(draft, value), expected)
    assert (expected != draft.proposed).any()


def test_saving_numbers_the_revisions_and_links_each_to_the_one_before(tmp_path: Path) -> None:
    store, draft = LabelStore(tmp_path), loaded(disc(128, 96))
    value = painted(returned(draft), (slice(450, 480), slice(250, 290)))
    kept, first, _ = editor.save(store, draft, returned(draft), " Anna ")
    _, second, mask = editor.save(store, kept, value, "Anna")
    assert (first.number, second.number) == (1, 2)
    assert first.parent_sha256 is None and second.parent_sha256 == first.mask_sha256
    assert second.person == "Anna" and second.description == "polyp" and second.model == "fake-engine"
    np.testing.assert_array_equal(store.mask(second), mask)


def test_nothing_is_loaded_without_a_mask() -> None:
    with pytest.raises(InputError, match="Open a scan first"):
        start(SessionState())
    encoded = ENGINE.encode(Scan(image_u8=disc(20, 20), sha256="cd" * 32, format="PNG"))
    with pytest.raises(InputError, match="a correction starts from a mask"):
        start(SessionState(encoded=encoded))


def test_a_simulated_scan_takes_no_labels() -> None:
    with pytest.raises(BadCorrection, match="simulated"):
        start(handlers.add(ENGINE, opened(disc(40, 40)), "hair", 0.5, 0))


@pytest.mark.parametrize("value", [None, {"background": None, "layers": [], "composite": None}])
def test_an_empty_editor_saves_nothing(tmp_path: Path, value: dict[str, Any] | None) -> None:
    draft = loaded(disc(40, 40))
    with pytest.raises(InputError, match="Correct this mask"):
        editor.save(LabelStore(tmp_path), draft, value, "me")
    with pytest.raises(InputError, match="Correct this mask"):
        editor.save(LabelStore(tmp_path), None, returned(draft), "me")
    assert not any(tmp_path.iterdir())


def test_a_mask_that_the_editor_was_not_given_yet_is_not_saved(tmp_path: Path) -> None:
    draft = start(opened(disc(40, 40)))
    with pytest.raises(InputError, match="Correct this mask"):
        editor.save(LabelStore(tmp_path), draft, returned(draft), "me")
    assert not any(tmp_path.iterdir())


def test_several_layers_are_refused() -> None:
    draft = loaded(disc(300, 300))
    doubled = returned(draft) | {"layers": 2 * returned(draft)["layers"]}
    with pytest.raises(BadCorrection) as refused:
        editor.corrected(draft, doubled)
    assert str(refused.value) == text.EDITOR_OTHER_LAYERS


def test_a_correction_needs_a_name(tmp_path: Path) -> None:
    draft = loaded(disc(40, 40))
    with pytest.raises(InputError, match="name"):
        editor.save(LabelStore(tmp_path), draft, returned(draft), "  ")


def test_a_mask_that_moved_by_itself_is_refused() -> None:
    draft = start(opened(disc(300, 300)))
    moved = returned(draft) | {"layers": [np.roll(returned(draft)["layers"][0], 7, axis=1)]}
    with pytest.raises(BadCorrection) as refused:
        editor.corrected(draft, moved)
    assert str(refused.value) == text.EDITOR_MOVED


def test_another_size_is_refused() -> None:
    draft = start(opened(disc(300, 300)))
    small = returned(draft) | {"layers": [np.zeros((400, 400, 4), np.uint8)]}
    with pytest.raises(BadCorrection) as refused:
        editor.corrected(draft, small)
    assert str(refused.value) == text.EDITOR_OTHER_SIZE


def test_another_picture_is_refused() -> None:
    draft = start(opened(disc(300, 300)))
    other = returned(draft)
    other["background"] = 255 - other["background"]
    with pytest.raises(BadCorrection) as refused:
        editor.corrected(draft, other)
    assert str(refused.value) == text.EDITOR_OTHER_SCAN


def test_a_browser_that_rounds_a_colour_by_one_is_believed() -> None:
    draft = start(opened(disc(300, 300)))
    rounded = returned(draft)
    rounded["layers"] = [np.where(rounded["layers"][0] > 0, rounded["layers"][0] - 1, 0).astype(np.uint8)]
    np.testing.assert_array_equal(editor.corrected(draft, rounded), draft.proposed)


def test_strokes_are_unsaved_until_they_are_saved(tmp_path: Path) -> None:
    draft = loaded(disc(128, 96))
    value = painted(returned(draft), (slice(450, 480), slice(250, 290)))
    assert editor.unsaved(draft, returned(draft)) is None
    assert editor.unsaved(draft, value) is not None
    kept, _, _ = editor.save(LabelStore(tmp_path), draft, value, "me")
    assert editor.unsaved(kept, value) is None
    assert editor.unsaved(kept, returned(draft)) is not None


def test_an_editor_without_a_mask_has_nothing_to_lose() -> None:
    draft = loaded(disc(128, 96))
    assert editor.unsaved(None, returned(draft)) is None
    assert editor.unsaved(replace(draft, is_loaded=False), returned(draft)) is None
    assert editor.unsaved(draft, None) is None


def test_a_mask_that_came_back_late_is_not_taken_for_the_new_one() -> None:
    draft = loaded(disc(300, 300))
    late = returned(draft)
    following = replace(editor.given(draft, np.roll(draft.given, 5, axis=1)), is_loaded=True)
    with pytest.raises(BadCorrection) as refused:
        editor.corrected(following, late)
    assert str(refused.value) == text.EDITOR_LATE
    np.testing.assert_array_equal(editor.corrected(following, returned(following)), following.given)


def test_an_editor_that_stays_late_is_given_the_mask_again() -> None:
    draft = loaded(disc(300, 300))
    following = replace(editor.given(draft, np.roll(draft.given, 5, axis=1)), is_loaded=True)
    once, told = editor.found_late(following)
    assert told == text.EDITOR_LATE and once.is_loaded
    again, told = editor.found_late(once)
    assert told == text.EDITOR_AGAIN and not again.is_loaded
    assert again.alpha == following.alpha, "or the mask of before would pass for this one"
    assert editor.editor_value(again)["layers"][0][..., 3].max() == following.alpha
    assert not editor.given(once, draft.given).was_late


def test_a_label_names_the_version_that_the_scan_was_encoded_with(tmp_path: Path) -> None:
    engine = FakeEngine()
    encoded = engine.encode(Scan(image_u8=disc(40, 40), sha256="ab" * 32, format="PNG"))
    engine.served = "fake-engine + tuned"
    state = handlers.look_again(engine, SessionState(encoded=encoded), "polyp")
    draft = replace(editor.start(engine, state), is_loaded=True)
    _, revision, _ = editor.save(LabelStore(tmp_path), draft, returned(draft), "me")
    assert revision.model == "fake-engine"
