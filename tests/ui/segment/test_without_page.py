"""The scan without what is switched off: there while something is off, gone when all is on, made after the mask."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from causalseg.scan import Letterbox, read_scan
from causalseg.ui import pictures
from causalseg.ui.segment import handlers, text
from causalseg.ui.segment.session import SessionState
from tests.ui.conftest import App
from tests.ui.drive import expect_status, expect_text, picture, until
from tests.ui.fakes import PAINTED_RGB, FakeEngine, band, disc

SMALL, LARGE = "#without img", "#without-picture img"
HW = (90, 120)


@pytest.fixture
def off(example: Page) -> Page:
    """One confounder is off, another on."""
    example.locator("#present").get_by_label("Low contrast").uncheck()
    expect_text(example, "#without .estimate", "^The scan without “Burned-in text”, an estimate$")
    return example


def painted_rows(square: np.ndarray) -> np.ndarray:
    """Rows of a scan's square whose whole content is what the fake engine made up."""
    left, top, right, bottom = Letterbox.fit(*HW, side_px=square.shape[0]).content_box
    inside = square[int(top) : int(bottom), int(left) + 1 : int(right) - 1, :3].astype(int)
    return (np.abs(inside - np.array(PAINTED_RGB)).max(axis=2) < 12).all(axis=1)


def test_it_shows_what_is_off_and_nothing_when_all_is_on(app: App, off: Page) -> None:
    for shown in (SMALL, LARGE):
        rows = painted_rows(picture(off, shown))
        middle, edge = band(app.engine.place("burned_in_text"), len(rows)), len(rows) // 30
        assert rows[middle.start + edge : middle.stop - edge].all()
        assert not rows[: middle.start - edge].any() and not rows[middle.stop + edge :].any()

    off.locator("#observed").click()

    expect_status(off, "^observed mask")
    expect(off.locator(SMALL)).to_have_count(0)
    expect(off.locator(LARGE)).to_have_count(0)
    expect_text(off, "#without", text.WITHOUT_NOTHING[:40])
    expect(off.locator("#large")).not_to_be_visible()


def test_it_stands_in_place_of_the_scan_when_it_is_asked_to(off: Page) -> None:
    large = off.locator(LARGE)
    expect(large).not_to_be_visible()
    off.locator("#large").click()
    expect(large).to_be_visible()
    expect(off.locator("#large")).to_have_attribute("aria-pressed", "true")
    off.keyboard.press("w")
    expect(large).not_to_be_visible()


def test_it_is_made_once_for_a_removal_whatever_is_asked(app: App, off: Page) -> None:
    made = app.engine.calls["without"]
    asked = app.engine.calls["segment"]
    off.locator("#description textarea").fill("lung")
    until(off, lambda: app.engine.calls["segment"] > asked, what="the answer")
    off.locator("#adjusted").click()
    expect_text(off, "#without .estimate", "“Low contrast” and “Burned-in text”")
    assert app.engine.calls["without"] == made + 1


def test_a_cover_is_hatched_and_said_to_be_one(example: Page) -> None:
    example.locator("#absent-fold button").first.click()
    example.locator("#absent").get_by_label("Black frame").check()
    expect_text(example, "#without", "Hatched: not visible, “Black frame” covers it")
    corner = picture(example, LARGE)[150:190, 20:60]
    assert {tuple(pixel) for pixel in corner[..., :3].reshape(-1, 3)} == {*pictures.HATCH_RGB}


def test_the_reasons_of_a_mark_open_by_keyboard_and_close(example: Page) -> None:
    marks = example.locator("#present-bars .marks").first
    marks.focus()
    example.keyboard.press("Enter")
    reasons = example.locator(".reasons:popover-open")
    expect(reasons).to_contain_text(text.NEVER_TESTED_WHY)
    example.keyboard.press("Escape")
    expect(reasons).to_have_count(0)


def test_where_no_picture_is_made_there_is_none() -> None:
    engine = FakeEngine()
    scan = read_scan(png())
    state = handlers.look_again(engine, handlers.opened(engine, scan), "polyp")
    assert state.removed and handlers.without(engine, state) is not None
    assert handlers.without(engine, SessionState()) is None
    assert handlers.without(engine, handlers.show_observed(engine, state)) is None

    engine.can_remove = False
    assert handlers.without(engine, state) is None


def test_the_hatching_is_where_it_is_hidden_and_nowhere_else() -> None:
    hidden = np.zeros(HW, bool)
    hidden[:, :40] = True
    image_u8 = np.full((*HW, 3), 200, np.uint8)

    square = pictures.without(image_u8, hidden, 240)

    box = Letterbox.fit(*HW, side_px=240)
    is_hatched = np.isin(square[..., 0], [rgb[0] for rgb in pictures.HATCH_RGB])
    np.testing.assert_array_equal(is_hatched, box.apply(hidden))
    np.testing.assert_array_equal(square[~is_hatched], box.apply(image_u8)[~is_hatched])


def png() -> bytes:
    buffer = BytesIO()
    Image.fromarray(disc(*HW)).save(buffer, "PNG")
    return buffer.getvalue()
