"""Masks that the editor gets without a stroke: started from another one, smoothed, taken back."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from causalseg.scan import Scan, read_scan
from causalseg.ui import copy
from causalseg.ui.reshape import smooth_edge
from tests.ui.conftest import App
from tests.ui.drive import Editor, expect_text, until
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
    page.get_by_role("option", name=copy.start_without("Low contrast")).click()
    expect_text(page, "#saved p", "^Editing the counterfactual mask")
    without = bright(scan.image_u8)
    without[band(app.engine.place("low_contrast"), scan.hw[0])] = False
    editor.save(1)
    (revision,) = app.store.revisions(scan.sha256, copy.PERSON_DEFAULT)
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
    saved = app.store.revisions(scan.sha256, copy.PERSON_DEFAULT)
    first, last = app.store.mask(saved[0]), app.store.mask(saved[-1])
    adjusted = bright(scan.image_u8)
    for confounder in DETECTED:
        adjusted[band(app.engine.place(confounder), scan.hw[0])] = False
    np.testing.assert_array_equal(first, smooth_edge(adjusted))
    np.testing.assert_array_equal(last, adjusted)


def test_a_bracket_changes_the_size_of_the_brush(editor: Editor) -> None:
    page, size = editor.page, editor.page.locator("#editor input[type=range]")
    page.keyboard.press("]")
    expect(size).to_have_value("12")
    page.keyboard.press("[")
    expect(size).to_have_value("10")
