"""Masks that the editor gets without a stroke: started from another one, smoothed, taken back."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from causalseg import litemedsam
from causalseg.scan import Letterbox, Scan, read_scan
from causalseg.ui import shared_text
from causalseg.ui.pictures import CANVAS_SIDE_PX
from causalseg.ui.segment import text
from causalseg.ui.segment.mask_cleanup import fill_holes, smooth_edge
from tests.ui.conftest import App
from tests.ui.drive import Editor, expect_message, expect_text, picture, until
from tests.ui.fakes import DETECTED, band, bright

DISC_CENTRE_XY = (205, 256)
"""Of the grainy scan, on the editor's canvas."""


@pytest.fixture
def scan(grainy_png: Path) -> Scan:
    return read_scan(grainy_png)


@pytest.fixture
def editor(grainy: Page) -> Editor:
    """The adjusted mask in the editor."""
    editor = Editor(grainy)
    editor.load(tinted_xy=DISC_CENTRE_XY)
    return editor


def test_a_correction_starts_from_any_mask(app: App, editor: Editor, scan: Scan) -> None:
    page = editor.page
    page.locator("#start-from input").click()
    page.get_by_role("option", name=text.start_without("Low contrast")).click()
    expect_text(page, "#saved p", "^Editing the counterfactual mask")
    without = bright(scan.image_u8)
    without[band(app.engine.place("low_contrast"), scan.hw[0])] = False
    editor.save(1)
    (revision,) = app.store.revisions(scan.sha256, shared_text.PERSON_DEFAULT)
    np.testing.assert_array_equal(app.store.mask(revision), without)
    assert revision.removed == ("low_contrast",) and revision.dice_to_proposed == 1.0


def test_smoothing_is_saved_and_can_be_taken_back(app: App, editor: Editor, scan: Scan) -> None:
    page = editor.page
    page.locator("#smooth").click()
    expect_text(page, "#kept", "draft kept")
    until(page, editor.saves, what="the smooth mask to be in the editor")
    page.locator("#take-back").click()
    expect_text(page, "#saved p", "^Editing the adjusted mask")
    until(page, editor.saves, what="the mask before to be in the editor")
    saved = app.store.revisions(scan.sha256, shared_text.PERSON_DEFAULT)
    first, last = app.store.mask(saved[0]), app.store.mask(saved[-1])
    adjusted = bright(scan.image_u8)
    for confounder in DETECTED:
        adjusted[band(app.engine.place(confounder), scan.hw[0])] = False
    np.testing.assert_array_equal(first, smooth_edge(adjusted))
    np.testing.assert_array_equal(last, adjusted)


def test_a_mask_is_refined_in_its_box_and_its_label_says_so(app: App, editor: Editor, scan: Scan) -> None:
    page = editor.page
    adjusted = bright(scan.image_u8)
    for confounder in DETECTED:
        adjusted[band(app.engine.place(confounder), scan.hw[0])] = False
    smoothed = smooth_edge(adjusted)
    refined = litemedsam.refine(scan.image_u8, smoothed)

    page.locator("#refine").click()
    expect_message(page, r"separate pieces, and at most 64 can be refined at once")
    page.locator("#smooth").click()
    until(page, lambda: saves(app, editor, scan, smoothed), what="the smooth mask to be saved")
    page.locator("#refine").click()
    until(page, lambda: saves(app, editor, scan, refined), what="the refined mask to be saved")

    first, *_, last = app.store.revisions(scan.sha256, shared_text.PERSON_DEFAULT)
    assert last.model == f"{first.model} + {litemedsam.name()}"


def saves(app: App, editor: Editor, scan: Scan, mask: np.ndarray) -> bool:
    """Press Save; whether the last revision is `mask`. An editor that is late still sends the mask of before."""
    editor.saves()
    revisions = app.store.revisions(scan.sha256, shared_text.PERSON_DEFAULT)
    return bool(revisions) and np.array_equal(app.store.mask(revisions[-1]), mask)


def test_an_editor_that_never_takes_a_mask_is_given_it_again(app: App, editor: Editor, scan: Scan) -> None:
    page = editor.page
    editor.save(1)
    before = editor.sent[-1]["layers"]

    def send_what_was_before(route: Route) -> None:
        question = json.loads(route.request.post_data or "")
        for value in question["data"]:
            if isinstance(value, dict) and "layers" in value:
                value["layers"] = before
        route.continue_(post_data=json.dumps(question))

    page.locator("#smooth").click()
    expect_text(page, "#saved p", "^Editing the adjusted mask")
    page.route("**/queue/join?*", send_what_was_before)
    for told in (text.EDITOR_LATE, text.EDITOR_AGAIN):
        page.locator("#save").click()
        expect_message(page, re.escape(told))
    page.unroute("**/queue/join?*")
    until(page, editor.saves, what="the smooth mask to be in the editor")
    first, *_, last = app.store.revisions(scan.sha256, shared_text.PERSON_DEFAULT)
    np.testing.assert_array_equal(app.store.mask(last), smooth_edge(app.store.mask(first)))


def test_a_bracket_changes_the_size_of_the_brush(editor: Editor) -> None:
    page, size = editor.page, editor.page.locator("#editor input[type=range]")
    page.keyboard.press("]")
    expect(size).to_have_value("12")
    page.keyboard.press("[")
    expect(size).to_have_value("10")


def test_h_hides_the_mask_in_the_editor_and_shows_it_again(app: App, editor: Editor, scan: Scan) -> None:
    page, alone = editor.page, editor.page.get_by_alt_text(text.BARE)
    page.locator("#editor canvas").first.click(position={"x": 5, "y": 5})
    before = editor.colour(DISC_CENTRE_XY)
    page.keyboard.press("h")
    expect(alone).to_be_visible()
    expect(page.locator("#hide-drawn")).to_have_attribute("aria-pressed", "true")
    box = Letterbox.fit(*scan.hw, side_px=CANVAS_SIDE_PX)
    shown = picture(page, "#bare img")
    np.testing.assert_array_equal(shown, box.apply(scan.image_u8))
    x, y = DISC_CENTRE_XY
    bare = editor.colour(DISC_CENTRE_XY)
    np.testing.assert_allclose(bare, shown[y - 2 : y + 3, x - 2 : x + 3].mean(axis=(0, 1)), atol=25)
    assert bare[1] - bare[0] < before[1] - before[0]
    editor.save(1)
    expect(alone).to_be_hidden()
    (revision,) = app.store.revisions(scan.sha256, shared_text.PERSON_DEFAULT)
    assert revision.dice_to_proposed == 1.0 and app.store.mask(revision).any()


def test_whoever_draws_on_sees_the_mask_again(editor: Editor) -> None:
    page, alone = editor.page, editor.page.get_by_alt_text(text.BARE)
    for hidden_by in (lambda: page.keyboard.press("h"), lambda: page.locator("#hide-drawn").click()):
        hidden_by()
        expect(alone).to_be_visible()
        page.keyboard.press("e")
        expect(alone).to_be_hidden()
    page.locator("#hide-drawn").click()
    expect(alone).to_be_visible()
    page.locator("#hide-drawn").click()
    expect(alone).to_be_hidden()
    page.keyboard.press("h")
    editor.stroke((340, 180), (400, 230))
    expect(alone).to_be_hidden()


def test_the_other_keys_work_inside_the_editor(editor: Editor) -> None:
    page, canvas = editor.page, editor.page.locator("#editor canvas").first
    tools = [page.locator(f'#editor button[aria-label="{name}"]') for name in ("Erase", "Brush", "Undo", "Redo")]
    canvas.click(position={"x": 5, "y": 5})
    for key, tool in zip("eb", tools, strict=False):
        page.keyboard.press(key)
        expect(tool).to_have_class(re.compile("highlight"))
    editor.stroke((340, 180), (400, 230))
    page.keyboard.press("Control+z")
    expect(tools[3]).to_be_enabled()
    page.keyboard.press("Control+y")
    expect(tools[3]).to_be_disabled()
    page.keyboard.press("1")
    expect(page.locator("#present input").first).not_to_be_checked()
    page.keyboard.press("c")
    expect_message(page, "not saved")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name=text.KEYS_TITLE)).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Enter")
    expect_text(page, "#saved", "saved as revision 1 ")


def test_filling_closes_the_hole_that_was_erased(app: App, editor: Editor, scan: Scan) -> None:
    page = editor.page
    page.keyboard.press("e")
    x, y = DISC_CENTRE_XY
    editor.stroke((x - 12, y), (x + 12, y))
    editor.save(1)
    page.locator("#fill").click()
    expect_text(page, "#saved p", "^Editing the adjusted mask")
    until(page, editor.saves, what="the filled mask to be in the editor")
    saved = app.store.revisions(scan.sha256, shared_text.PERSON_DEFAULT)
    holed, filled = app.store.mask(saved[0]), app.store.mask(saved[-1])
    assert filled.sum() > holed.sum()
    np.testing.assert_array_equal(filled, fill_holes(holed))
