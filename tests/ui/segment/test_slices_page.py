"""Slices, windows and whole volumes in a real browser, on the fake engine."""

import hashlib
import re
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect

from causalseg.scan import Letterbox, read_scan
from causalseg.ui import pictures
from tests.ui.conftest import App
from tests.ui.drive import (
    Editor,
    describe,
    expect_message,
    expect_status,
    expect_text,
    picture,
    turn_to,
    until,
    upload,
)
from tests.ui.fakes import bright
from tests.ui.volumes import COUNT, write_frames, write_nifti

DISC_CENTRE_XY = (213, 256)
"""On the editor's canvas."""


def test_an_arrow_turns_to_the_next_frame_and_keeps_the_question(frames: Page, tmp_path: Path) -> None:
    scan = read_scan(write_frames(tmp_path))
    first = picture(frames, "#scan-picture img")
    frames.locator("#masthead").click()
    frames.keyboard.press("ArrowRight")
    expect(frames.locator("#slices input[type=number]")).to_have_value("2")
    until(frames, lambda: bool((picture(frames, "#scan-picture img") != first).any()), what="the second frame")
    layer, box = picture(frames, "#mask-picture img"), Letterbox.fit(*scan.hw, side_px=pictures.VIEW_SIDE_PX)
    np.testing.assert_array_equal(layer[..., 3] > 0, box.apply(bright(scan.view(1).image_u8)))
    expect_status(frames, "^observed mask")


def test_a_lone_picture_has_no_slices_and_no_window(example: Page) -> None:
    expect(example.locator("#slices-row")).to_have_count(0)
    expect(example.locator("#window-fold")).to_have_count(0)


def test_a_window_is_typed(frames: Page) -> None:
    before = picture(frames, "#scan-picture img")
    width = frames.locator("#window-width input")
    expect(width).to_have_value("400")
    width.fill("4000")
    width.press("Enter")
    until(frames, lambda: bool((picture(frames, "#scan-picture img") != before).any()), what="the other window")
    expect_status(frames, "^observed mask")


def test_a_window_is_chosen_and_given_back(frames: Page) -> None:
    before = picture(frames, "#scan-picture img")
    frames.locator("#window input").click()
    frames.get_by_role("option", name="lung").click()
    expect(frames.locator("#window-center input")).to_have_value("-600")
    frames.locator("#window input").click()
    frames.get_by_role("option", name="as the file says").click()
    expect(frames.locator("#window-center input")).to_have_value("100")
    until(frames, lambda: np.array_equal(picture(frames, "#scan-picture img"), before), what="the file's own window")


def test_all_frames_are_segmented(frames: Page) -> None:
    frames.get_by_role("button", name=f"Segment all {COUNT} frames").click()
    expect_text(frames, "#volume", f"{COUNT} of {COUNT} frames")
    expect(frames.locator("#stop")).to_have_count(0)
    expect(frames.locator("#segment-all")).to_be_enabled()


def test_a_stop_keeps_what_is_made(app: App, frames: Page) -> None:
    encoded = app.engine.calls["encode"]
    with app.engine.held():
        frames.locator("#segment-all").click()
        until(frames, lambda: app.engine.calls["encode"] > encoded, what="the first frame to be encoded")
        frames.locator("#stop").click()
        expect(frames.locator("#stop")).to_be_disabled()
    expect_text(frames, "#volume", f"1 of {COUNT} frames")
    expect(frames.locator("#segment-all")).to_be_enabled()


def test_strokes_are_not_lost_to_another_frame(app: App, frames: Page, tmp_path: Path) -> None:
    editor = Editor(frames)
    editor.load(tinted_xy=DISC_CENTRE_XY)
    editor.stroke((340, 180), (440, 330))
    frames.get_by_role("tab", name="Mask").click()
    frames.keyboard.press("ArrowDown")
    expect(frames.locator("#slices input[type=number]")).to_have_value("2")
    frames.locator("#correct").click()
    expect_message(frames, f"strokes on frame 1 of {COUNT} that are not saved")
    frames.get_by_role("tab", name="Correct").click()
    editor.save(1)
    (revision,) = app.store.revisions(read_scan(write_frames(tmp_path)).sha256, "me")
    assert revision.index == 0 and app.store.mask(revision).sum() > 0


def test_the_whole_loop_on_a_slice_of_a_nifti_volume(app: App, page: Page, tmp_path: Path) -> None:
    path = write_nifti(tmp_path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    upload(page, path)
    expect_text(page, "#facts", "NIfTI")
    describe(page, "lung")
    expect_status(page, "^adjusted mask")
    turn_to(page, 4)
    page.locator("#observed").click()
    expect_status(page, "^observed mask")
    editor = Editor(page)
    editor.load(tinted_xy=DISC_CENTRE_XY)
    editor.stroke((340, 180), (440, 330))
    editor.save(1)
    (revision,) = app.store.revisions(sha256, "me")
    assert revision.index == 3


def test_every_format_that_can_be_is_there_and_the_others_say_why(frames: Page) -> None:
    frames.locator("#export-fold button").first.click()
    frames.locator("#export").click()
    files = frames.locator("#export-files a")
    files.first.wait_for()
    text = re.sub(r"\s", "", frames.locator("#export-files").inner_text())
    problems = frames.locator("#export-problems").inner_text()
    endings = {"PNG": "_mask.png", "NIfTI": ".nii.gz", "DICOM-SEG": "_seg.", "COCO": "_coco.json", "Zip": "_all.zip"}
    for kind, ending in endings.items():
        assert (ending in text) != (f"{kind}:" in problems), kind
    assert "Meier" not in text
