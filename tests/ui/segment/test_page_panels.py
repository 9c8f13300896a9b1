"""Where a confounder is, where to check, how the mask is drawn, the keys and the first steps: in a real browser."""

import re

import numpy as np
from playwright.sync_api import Browser, Page, expect

from causalseg.ui import pictures
from causalseg.ui.segment import text
from causalseg.ui.segment.layout import OPACITY
from tests.ui.conftest import App
from tests.ui.drive import expect_status, expect_text, new_page, picture, until


def where(page: Page, label: str) -> None:
    page.get_by_role("button", name=f"{label}: {text.WHERE}").click()


def test_a_local_confounder_is_shown_where_it_is_and_hidden_again(example: Page) -> None:
    where(example, "Burned-in text")
    expect_text(example, "#where p", "^Burned-in text: where it is tinted purple")
    layer = picture(example, "#where img")
    side_px, top_px = pictures.VIEW_SIDE_PX, pictures.VIEW_SIDE_PX // 8
    assert layer[top_px + 50, 50, 3] == pictures.WHERE_ALPHA
    assert not layer[side_px // 2 + 100 :, :, 3].any() and not layer[:, side_px // 2 + 200 :, 3].any()
    example.get_by_role("button", name=text.WHERE_HIDE, exact=True).click()
    expect(example.locator("#where img")).to_have_count(0)


def test_a_global_confounder_is_said_to_be_everywhere(example: Page) -> None:
    where(example, "Low contrast")
    expect_text(example, "#where p", "^Low contrast: everywhere in the scan")
    expect(example.locator("#where img")).to_have_count(0)


def test_the_button_of_the_map_on_screen_is_pressed_and_hides_it(example: Page) -> None:
    button = example.get_by_role("button", name=f"Burned-in text: {text.WHERE}")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(example.locator("#where p")).to_have_count(0)


def test_one_switch_says_what_it_did_and_how_far_the_mask_is_from_the_observed_one(example: Page) -> None:
    example.locator("#present").get_by_label("Burned-in text").uncheck()
    expect_status(example, "^counterfactual mask")
    line = (
        r"−[\d,]+ px \(−\d+\.\d%\), centre \d+\.\d px, Dice 0\.\d\d to observed · Burned-in text put back: \+[\d,]+ px"
    )
    expect_text(example, "#effect .prose", line)


def test_a_confounder_in_ones_own_words_has_a_switch_and_a_map(example: Page) -> None:
    box = example.get_by_label(text.TYPED)
    box.fill("a cable across the image")
    box.press("Enter")
    expect(example.locator("#present").get_by_label("a cable across the image")).to_be_checked()
    expect(box).to_have_value("")
    expect_text(example, "#effect", "a cable across the image removed: ")
    where(example, "a cable across the image")
    expect_text(example, "#where p", "^a cable across the image: where it is tinted")


def test_outline_only_leaves_no_tint(example: Page) -> None:
    tinted = picture(example, "#mask-picture img")
    example.locator("#outline input").check()
    until(example, lambda: bool((picture(example, "#mask-picture img") != tinted).any()), what="the outline")
    outline = picture(example, "#mask-picture img")
    assert set(np.unique(outline[..., 3])) == {0, 255}
    np.testing.assert_array_equal(outline[..., 3] == 255, tinted[..., 3] == 255)


def test_the_tint_is_as_strong_as_its_slider_says_and_none_is_the_outline(example: Page) -> None:
    slider = example.locator("#opacity input[type=range]")

    def tint_is(opacity: float) -> bool:
        return set(np.unique(picture(example, "#mask-picture img")[..., 3])) == {0, round(255 * opacity), 255}

    assert tint_is(OPACITY)
    for key, opacity in (("ArrowRight", OPACITY + 0.05), ("End", 0.9), ("Home", 0.0)):
        slider.press(key)
        until(example, lambda wanted=opacity: tint_is(wanted), what=f"a tint of {opacity}")
    expect(example.locator("#outline input")).to_be_checked()
    slider.press("ArrowRight")
    expect(example.locator("#outline input")).not_to_be_checked()
    until(example, lambda: tint_is(0.05), what="a faint tint")
    example.locator("#observed").click()
    expect_status(example, "^observed mask")
    assert tint_is(0.05)


def test_h_and_its_button_hide_the_mask(example: Page) -> None:
    mask, button = example.locator("#mask-picture img"), example.locator("#hide")
    example.locator("#masthead h1").click()
    example.keyboard.press("h")
    expect(mask).to_be_hidden()
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(mask).to_be_visible()


def test_a_place_to_check_is_looked_at_closer_and_left_again(example: Page) -> None:
    places = example.locator("#checks .check")
    expect(example.locator("#mask-picture circle")).to_have_count(places.count())
    before = example.locator("#scan-picture img").bounding_box()
    places.first.click()
    after = example.locator("#scan-picture img").bounding_box()
    assert before is not None and after is not None and after["width"] > 2 * before["width"]
    example.keyboard.press("Escape")
    assert example.locator("#scan-picture img").bounding_box() == before


def test_the_sheet_of_keys_is_a_dialog_that_keeps_the_focus_and_closes(page: Page) -> None:
    page.locator("#masthead h1").click()
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name=text.KEYS_TITLE)
    expect(sheet).to_be_visible()
    for key, _ in text.KEY_SHEET:
        expect(sheet.get_by_role("rowheader", name=key, exact=True)).to_be_visible()
    for _ in range(3):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || document.activeElement.closest('#keys') !== null"
        )
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.locator("#help").click()
    page.locator("#keys-close").click()
    expect(sheet).to_be_hidden()


def test_the_first_steps_are_shown_once(app: App, browser: Browser) -> None:
    page = new_page(browser)
    page.goto(app.url)
    for number, (shows, title, _) in enumerate(text.TOUR, start=1):
        expect(page.locator("#tour h2:visible")).to_have_text(f"{number}. {title}")
        expect(page.locator(shows)).to_have_class(re.compile("pointed"))
        page.locator("#tour-next").click()
    expect(page.locator("#tour")).to_be_hidden()
    page.reload()
    page.locator("#examples button").first.wait_for()
    expect(page.locator("#tour")).to_be_hidden()
    page.context.close()


def test_a_version_that_cannot_be_served_is_told(app: App, page: Page) -> None:
    app.engine.told = "The promoted version cannot be used."
    try:
        page.locator("#examples button").first.click()
        expect_text(page, "#notice", "The promoted version cannot be used")
    finally:
        app.engine.told = ""


def test_presence_is_told_with_what_is_enough(example: Page) -> None:
    expect_text(example, "#answer p", r"found, 0\.97 \(0\.50 is enough\)")
