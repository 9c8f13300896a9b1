"""What goes wrong around a correction, in a real browser: a disk that refuses, two people on one scan."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from causalseg.annotations.store import drafts
from causalseg.scan import Scan, read_scan
from causalseg.ui import shared_text
from tests.ui.conftest import TOUR_SEEN_JS, App
from tests.ui.drive import Editor, describe, expect_message, expect_status, expect_text, new_page, upload

DISC_CENTRE_XY = (205, 256)
"""Of the grainy scan, on the editor's canvas."""
STROKES = (((340, 180), (440, 330)), ((360, 380), (460, 380)))


@pytest.fixture
def scan(grainy_png: Path) -> Scan:
    return read_scan(grainy_png)


@contextmanager
def refusing(folder: Path) -> Iterator[None]:
    """A file where the folder of the masks is: nobody can write in it, not even root."""
    folder.mkdir(exist_ok=True)
    aside = folder.rename(folder.with_name("aside"))
    folder.write_bytes(b"")
    try:
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


def test_a_disk_that_refuses_is_a_sentence_and_the_strokes_and_their_draft_stay(
    app: App, grainy: Page, scan: Scan
) -> None:
    editor = Editor(grainy)
    editor.load(tinted_xy=DISC_CENTRE_XY)
    editor.stroke(*STROKES[0])
    expect_text(grainy, "#kept", r"draft kept \d\d:\d\d")

    with refusing(app.store.masks):
        grainy.locator("#save").click()
        expect_message(grainy, "may write in it and that the disk is not full, then try again")
    (kept,) = drafts.find(app.store, shared_text.PERSON_DEFAULT, scan.sha256)
    assert app.store.revisions(scan.sha256) == []
    editor.save(1)

    (revision,) = app.store.revisions(scan.sha256, shared_text.PERSON_DEFAULT)
    np.testing.assert_array_equal(app.store.mask(revision), kept.mask)
    expect(grainy.locator("#message [role=alert]")).to_have_count(0)


def test_two_people_on_one_scan_keep_two_labels(
    app: App, browser: Browser, grainy: Page, grainy_png: Path, scan: Scan
) -> None:
    other = new_page(browser)
    other.context.add_init_script(TOUR_SEEN_JS)
    other.goto(app.url)
    other.locator("#examples button").first.wait_for()
    upload(other, grainy_png)
    describe(other, "polyp")
    expect_status(other, "^adjusted mask")
    editors = {"ana": Editor(grainy), "ben": Editor(other)}
    for (name, editor), stroke in zip(editors.items(), STROKES, strict=True):
        editor.load(tinted_xy=DISC_CENTRE_XY)
        editor.page.locator("#person input, #person textarea").first.fill(name)
        editor.stroke(*stroke)

    for editor in editors.values():
        editor.save(1)
    other.context.close()

    saved = {one.person: app.store.mask(one) for one in app.store.revisions(scan.sha256)}
    assert set(saved) == set(editors)
    only_ana, only_ben = saved["ana"] & ~saved["ben"], saved["ben"] & ~saved["ana"]
    assert only_ana.any() and only_ben.any()
    rows = [np.nonzero(only.any(axis=1))[0] for only in (only_ana, only_ben)]
    assert rows[0].mean() < rows[1].mean()
