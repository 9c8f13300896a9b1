"""Strokes that were not saved, in a real browser: offered again, restored, discarded."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from causalseg.annotations.store import drafts
from causalseg.scan import Scan, read_scan
from causalseg.ui import shared_text
from tests.ui.conftest import App
from tests.ui.drive import Editor, describe, expect_message, expect_status, expect_text, upload

DISC_CENTRE_XY = (205, 256)
"""Of the grainy scan, on the editor's canvas."""
STROKE_XY = ((340, 180), (440, 330))
ON_STROKE_XY = (390, 255)


@pytest.fixture
def scan(grainy_png: Path) -> Scan:
    return read_scan(grainy_png)


@pytest.fixture
def drafted(app: App, scan: Scan) -> Iterator[np.ndarray]:
    """A mask that somebody who calls himself "me" drew on the grainy scan and did not save."""
    mask = np.zeros(scan.hw, bool)
    mask[200:300, 400:520] = True
    kept = drafts.keep(
        app.store, scan, mask, person=shared_text.PERSON_DEFAULT, description="polyp", model="fake-engine"
    )
    yield mask
    drafts.discard(app.store, kept)


def test_strokes_are_there_again_after_a_reload_to_the_pixel(app: App, grainy: Page, grainy_png: Path) -> None:
    scan = read_scan(grainy_png)
    editor = Editor(grainy)
    editor.load(tinted_xy=DISC_CENTRE_XY)
    editor.stroke(*STROKE_XY, steps=3)
    expect_text(grainy, "#kept", r"draft kept \d\d:\d\d")
    (kept,) = drafts.find(app.store, shared_text.PERSON_DEFAULT, scan.sha256)

    grainy.reload()
    expect_text(grainy, "#recovery-note", "You have unsaved strokes of .* “polyp”")
    upload(grainy, grainy_png)
    expect_text(grainy, "#facts", "700 × 500")
    grainy.locator("#restore").click()
    editor.wait(tinted_xy=ON_STROKE_XY)
    editor.save(1)

    (revision,) = app.store.revisions(scan.sha256, shared_text.PERSON_DEFAULT)
    np.testing.assert_array_equal(app.store.mask(revision), kept.mask)
    assert drafts.find(app.store, shared_text.PERSON_DEFAULT, scan.sha256) == []
    expect(grainy.locator("#recovery")).to_have_count(0)


def test_a_scan_that_is_opened_brings_its_draft_which_can_be_discarded(
    app: App, page: Page, drafted: np.ndarray, scan: Scan, grainy_png: Path
) -> None:
    upload(page, grainy_png)
    expect_text(page, "#recovery-note", "You have unsaved strokes")
    page.locator("#discard").click()
    expect(page.locator("#recovery")).to_have_count(0)
    assert drafts.find(app.store, shared_text.PERSON_DEFAULT, scan.sha256) == []


def test_a_new_correction_does_not_overwrite_a_draft_that_is_offered(
    app: App, grainy: Page, drafted: np.ndarray, scan: Scan, grainy_png: Path
) -> None:
    upload(grainy, grainy_png)
    expect_text(grainy, "#recovery-note", "You have unsaved strokes")
    expect_status(grainy, "^adjusted mask")
    grainy.locator("#correct").click()
    expect_message(grainy, "Restore or discard them first")
    (kept,) = drafts.find(app.store, shared_text.PERSON_DEFAULT, scan.sha256)
    np.testing.assert_array_equal(kept.mask, drafted)


def test_a_draft_of_another_person_is_not_offered(page: Page, drafted: np.ndarray, grainy_png: Path) -> None:
    page.get_by_role("tab", name="Correct").click()
    page.locator("#person input, #person textarea").first.fill("Ben")
    page.get_by_role("tab", name="Mask").click()
    upload(page, grainy_png)
    describe(page, "polyp")
    expect_status(page, "^adjusted mask")
    expect(page.locator("#recovery")).to_have_count(0)


def test_the_browser_remembers_the_name(page: Page) -> None:
    name = page.locator("#person input, #person textarea").first
    page.get_by_role("tab", name="Correct").click()
    before = page.evaluate("localStorage.getItem('causalseg')")
    name.fill("Anna")
    page.wait_for_function("before => localStorage.getItem('causalseg') !== before", arg=before)
    page.reload()
    page.locator("#examples button").first.wait_for()
    page.get_by_role("tab", name="Correct").click()
    expect(name).to_have_value("Anna")
