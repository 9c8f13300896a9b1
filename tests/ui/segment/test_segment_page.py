"""The page in a real browser, on the fake engine."""

import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect
from pydicom.data import get_testdata_file

from causalseg.scan import Letterbox, read_scan
from causalseg.ui import pictures
from causalseg.ui.segment import text
from tests.ui.conftest import TOUR_SEEN_JS, App
from tests.ui.drive import (
    Editor,
    describe,
    expect_message,
    expect_status,
    expect_text,
    new_page,
    open_example,
    picture,
    until,
    upload,
)
from tests.ui.fakes import ABSENT_WORD, FakeEngine, band, bright, disc

DISC_CENTRE_XY = (205, 256)
"""Of the grainy scan, on the editor's canvas."""
ASKED_WHEN_LOADED = 3
"""Events of the page's own: which tab is open, who drew what here, what the address names."""
SLOWER = 4
"""Times, where a test wants a slow machine."""


def removed(engine: FakeEngine, mask: np.ndarray, *confounders: str) -> np.ndarray:
    """The fake engine's mask, worked out by hand."""
    left = mask.copy()
    for confounder in confounders:
        left[band(engine.place(confounder), mask.shape[0])] = False
    return left


def distance_to_line(side_px: int, start_xy: tuple[int, int], end_xy: tuple[int, int]) -> np.ndarray:
    """Of every pixel of a square, in pixels, to the line between two points."""
    y, x = np.mgrid[:side_px, :side_px]
    (x0, y0), (dx, dy) = start_xy, (end_xy[0] - start_xy[0], end_xy[1] - start_xy[1])
    along = np.clip(((x - x0) * dx + (y - y0) * dy) / (dx**2 + dy**2), 0, 1)
    return np.hypot(x - x0 - along * dx, y - y0 - along * dy)


def test_the_whole_loop_saves_what_was_drawn_to_the_pixel(app: App, grainy: Page, grainy_png: Path) -> None:
    page, scan = grainy, read_scan(grainy_png)
    expect_text(page, "#answer p", r"found, 0\.97")
    page.locator("#present").get_by_label("Burned-in text").uncheck()
    expect_status(page, "^counterfactual mask · without Low contrast ·")

    editor = Editor(page)
    editor.load(tinted_xy=DISC_CENTRE_XY)
    start_xy, end_xy = (340, 180), (440, 330)
    editor.stroke(start_xy, end_xy)
    editor.save(1)

    (revision,) = app.store.revisions(scan.sha256, "me")
    saved = app.store.mask(revision)
    proposed = removed(app.engine, bright(scan.image_u8), "low_contrast")
    box = Letterbox.fit(*scan.hw, side_px=pictures.CANVAS_SIDE_PX)
    loaded, drawn = box.apply(proposed), editor.layer(app.cache_dir)[..., 3] > 0
    np.testing.assert_array_equal(saved, np.where(box.invert(drawn != loaded), box.invert(drawn), proposed))

    from_line_px = distance_to_line(pictures.CANVAS_SIDE_PX, start_xy, end_xy)
    changed_from_line_px = from_line_px[drawn != loaded]
    assert drawn[from_line_px < 5].all(), "a pixel under the middle of the brush is not in the mask"
    assert changed_from_line_px.max() < 14, "a pixel far from the stroke changed"
    far_away = box.invert(from_line_px > 14)
    np.testing.assert_array_equal(saved[far_away], proposed[far_away])
    assert (saved != proposed).any()
    assert revision.description == "polyp" and revision.removed == ("low_contrast",)
    assert revision.model == "fake-engine" and revision.seconds_spent > 0


def test_erasing_undoing_and_redoing_are_exact(app: App, page: Page, tmp_path: Path) -> None:
    path = tmp_path / "disc.png"
    Image.fromarray(disc(256, 256)).save(path)
    scan = read_scan(path)
    upload(page, path)
    describe(page, "polyp")
    expect_text(page, "#answer p", "found")
    page.locator("#observed").click()
    expect_status(page, "^observed mask")
    editor = Editor(page)
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    editor.load(tinted_xy=DISC_CENTRE_XY)
    page.keyboard.press("e")
    editor.stroke((150, 256), (260, 256))
    editor.save(1)
    page.keyboard.press("Control+z")
    expect(page.locator('#editor button[aria-label="Redo"]')).to_be_enabled()
    editor.save(2)
    page.keyboard.press("Control+y")
    expect(page.locator('#editor button[aria-label="Redo"]')).to_be_disabled()
    editor.save(3)

    erased, undone, redone = (app.store.mask(revision) for revision in app.store.revisions(scan.sha256, "me"))
    proposed = bright(scan.image_u8)
    assert not erased[128, 80:125].any() and proposed[128, 80:125].all()
    np.testing.assert_array_equal(undone, proposed)
    np.testing.assert_array_equal(redone, erased)


def test_what_is_typed_while_a_scan_is_opened_stays(app: App, page: Page, grainy_png: Path) -> None:
    encoded = app.engine.calls["encode"]
    with app.engine.held():
        upload(page, grainy_png)
        until(page, lambda: app.engine.calls["encode"] > encoded, what="the scan to be encoded")
        describe(page, "polyp")
    expect_text(page, "#answer p", "found")
    expect(page.locator("#description textarea")).to_have_value("polyp")


def test_switching_redraws_live_without_reading_or_encoding_again(app: App, example: Page) -> None:
    expect_status(example, "^adjusted mask")
    encoded = app.engine.calls["encode"]
    present = example.locator("#present")
    text, contrast = present.get_by_label("Burned-in text"), present.get_by_label("Low contrast")
    text.uncheck()
    expect_status(example, "^counterfactual mask · without Low contrast ·")
    contrast.uncheck()
    expect_status(example, "^observed mask · nothing removed")
    text.check()
    expect_status(example, "^counterfactual mask · without Burned-in text ·")
    contrast.check()
    expect_status(example, "^adjusted mask")
    example.locator("#absent-fold button").first.click()
    example.locator("#absent").get_by_label("Noise").check()
    expect_status(example, "^counterfactual mask · without Noise, Low contrast, Burned-in text")
    assert app.engine.calls["encode"] == encoded


def test_the_overlay_is_the_mask(app: App, example: Page) -> None:
    example.locator("#observed").click()
    expect_status(example, "^observed mask")
    layer = picture(example, "#mask-picture img")
    box = Letterbox.fit(90, 120, side_px=pictures.VIEW_SIDE_PX)
    np.testing.assert_array_equal(layer[..., 3] > 0, box.apply(bright(disc(90, 120))))


def test_observed_and_adjusted_set_the_switches(example: Page) -> None:
    ticked = example.locator("#present input:checked")
    expect(ticked).to_have_count(2)
    example.locator("#observed").click()
    expect(ticked).to_have_count(0)
    example.locator("#adjusted").click()
    expect(ticked).to_have_count(2)
    expect_status(example, r"^adjusted mask .* 12 ms$")
    expect_text(example, "#effect .prose", r"Dice 0\.\d\d to observed")


def test_what_is_not_there_is_said_and_can_be_looked_at_anyway(example: Page) -> None:
    describe(example, ABSENT_WORD)
    expect_text(example, "#answer p", r"Nothing like that found in this scan \(0\.03; it takes 0\.50\)\.$")
    expect_status(example, r" 0 px ")
    example.get_by_label(text.SHOW_ANYWAY).check()
    expect_text(example, "#answer p", "shown anyway")
    expect_status(example, r" [1-9][\d,]* px ")


def test_comparing_shows_two_pictures_of_one_size(example: Page) -> None:
    example.get_by_role("tab", name="Compare").click()
    shown = example.locator("#slider img")
    expect(shown).to_have_count(2)
    sizes = {
        image.evaluate("async i => (await i.decode(), [i.naturalWidth, i.naturalHeight].join())")
        for image in shown.all()
    }
    assert sizes == {f"{pictures.VIEW_SIDE_PX},{pictures.VIEW_SIDE_PX}"}
    expect_text(example, "#legend", "added.*removed.*in both")


def test_try_all_ranks_the_confounders(example: Page) -> None:
    example.locator("#try-fold button").first.click()
    example.locator("#try-all").click()
    dice = example.locator(".ranking td:last-child")
    dice.first.wait_for()
    values = [float(text) for text in dice.all_inner_texts()]
    assert len(values) > 5 and values == sorted(values)


def test_an_added_confounder_is_marked_and_can_be_taken_back(app: App, example: Page) -> None:
    clean = picture(example, "#scan-picture img")
    example.locator("#add-fold button").first.click()
    example.locator("#add-which input").click()
    example.get_by_role("option", name="Noise").click()
    example.locator("#add").click()
    expect_text(example, "#stage .simulated", r"Simulated: Noise, strength 0\.60, seed 0")
    assert (picture(example, "#scan-picture img") != clean).any()
    example.locator("#correct").click()
    expect_message(example, "This scan is simulated")
    example.locator("#original").click()
    expect(example.locator("#stage .simulated")).to_have_count(0)
    np.testing.assert_array_equal(picture(example, "#scan-picture img"), clean)


def test_downloads_have_the_scans_size_and_not_the_files_name(app: App, grainy: Page, grainy_png: Path) -> None:
    sha256 = hashlib.sha256(grainy_png.read_bytes()).hexdigest()
    scan = read_scan(grainy_png)
    with grainy.expect_download() as downloading:
        grainy.locator("#download").click()
    download = downloading.value
    assert download.suggested_filename == f"{sha256[:12]}-adjusted.png"
    mask = removed(app.engine, bright(scan.image_u8), "low_contrast", "burned_in_text")
    np.testing.assert_array_equal(np.asarray(Image.open(download.path())) > 0, mask)


def test_a_suggestion_is_one_click(example: Page) -> None:
    example.locator("#suggestions button").nth(1).click()
    expect(example.locator("#description textarea")).to_have_value("one small polyp in the upper left")
    expect_text(example, "#answer p", "found")


def bad_files(folder: Path) -> dict[str, Path]:
    """A sentence each, and the file that it is for."""
    empty, text, cut, huge = (folder / name for name in ("a.png", "b.png", "c.jpg", "d.png"))
    empty.touch()
    text.write_text("dear diary", encoding="utf-8")
    whole = folder / "whole.jpg"
    Image.fromarray(disc(300, 300)).save(whole)
    cut.write_bytes(whole.read_bytes()[:2000])
    Image.new("1", (20_000, 20_000)).save(huge)
    without_pixels = get_testdata_file("rtplan.dcm", download=False)
    return {
        "empty": empty,
        "not a scan": text,
        "damaged or cut off": cut,
        "20,000 x 20,000 px": huge,
        "no picture in it": Path(str(without_pixels)),
    }


def test_every_bad_file_gets_a_sentence_and_the_page_goes_on(example: Page, tmp_path: Path) -> None:
    for sentence, path in bad_files(tmp_path).items():
        upload(example, path)
        expect_message(example, sentence)
        expect_text(example, "#facts", "120 × 90 px")
    example.locator("#observed").click()
    expect_status(example, "^observed mask")
    expect(example.locator("#message [role=alert]")).to_have_count(0)


def test_a_file_over_the_limit_is_refused_before_it_is_kept(example: Page, tmp_path: Path) -> None:
    heavy = tmp_path / "heavy.png"
    heavy.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(5 * 1024 * 1024))
    upload(example, heavy)
    expect_text(example, ".toast-body", "exceed the maximum allowed size")
    example.locator("#observed").click()
    expect_status(example, "^observed mask")


def test_a_bad_description_gets_a_sentence_and_the_page_goes_on(example: Page) -> None:
    describe(example, "polyp " * 900)
    expect_message(example, "shorten it")
    describe(example, "")
    expect_text(example, "#answer p", text.NO_DESCRIPTION)
    example.locator("#description textarea").press("Enter")
    expect_message(example, "Type what to look for")
    describe(example, "polyp")
    expect_text(example, "#answer p", "found")
    expect(example.locator("#message [role=alert]")).to_have_count(0)


def test_buttons_before_a_scan_say_what_to_do_first(page: Page) -> None:
    for button in ("#observed", "#correct"):
        page.locator(button).click()
        expect_message(page, "Open a scan first")
    open_example(page)
    expect_status(page, "^adjusted mask")


def test_what_the_page_asks_by_itself_leaves_a_message_alone(app: App, browser: Browser) -> None:
    page, held = new_page(browser), list[Route]()
    page.context.add_init_script(TOUR_SEEN_JS)

    def hold(route: Route) -> None:
        if len(held) < ASKED_WHEN_LOADED:
            held.append(route)
        else:
            route.continue_()

    page.route("**/queue/join?*", hold)
    page.goto(app.url)
    page.locator("#examples button").first.wait_for()
    until(page, lambda: len(held) == ASKED_WHEN_LOADED, what="what the page asks when it is loaded")
    page.locator("#observed").click()
    expect_message(page, "Open a scan first")
    with page.expect_request(re.compile("queue/join")):  # follows the last answer
        for route in held:
            route.continue_()
    expect_message(page, "Open a scan first")
    page.context.close()


def test_a_broken_model_gives_a_ticket_and_keeps_the_words_out_of_the_log(
    app: App, example: Page, caplog: pytest.LogCaptureFixture
) -> None:
    app.engine.breaks_on = "zebra stripes"
    describe(example, "zebra stripes")
    expect_message(example, r"Ticket \w{8}")
    ticket = re.search(r"Ticket (\w{8})", example.locator("#message").inner_text())
    assert ticket is not None and f"ticket={ticket[1]}" in caplog.text
    assert "exploded" in caplog.text and "zebra" not in caplog.text
    describe(example, "polyp")
    expect_text(example, "#answer p", "found")


def test_nothing_leaves_the_machine(app: App, page: Page) -> None:
    hosts: set[str | None] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.reload()
    open_example(page)
    page.get_by_role("tab", name="Correct").click()
    page.locator("#editor canvas").first.wait_for()
    assert hosts - {None, ""} == {"127.0.0.1"}


def test_the_page_explains_its_three_words_and_what_it_is_not(page: Page) -> None:
    text = page.locator("#colophon").inner_text()
    for word in ("observed mask:", "adjusted mask:", "counterfactual mask:", "Not a medical device", "Nothing leaves"):
        assert word in text


def test_the_scan_fits_a_laptop_screen(example: Page) -> None:
    stage = example.locator("#stage").bounding_box()
    assert stage is not None and stage["width"] == stage["height"] > 500
    assert example.evaluate("document.documentElement.scrollHeight") <= 801
