"""From the first mask to a version of one's own: the embedded checkpoint in the environment of a user."""

import hashlib
import re
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, expect

from causalseg.annotations import review
from causalseg.annotations.store import LabelStore
from causalseg.annotations.store.scans import Facts
from causalseg.phantoms import make_phantom
from causalseg.scan import Scan
from tests.ui.conftest import TOUR_SEEN_JS
from tests.ui.drive import Editor, expect_text, new_page
from tests.user.app import Server, serving

EXAMPLE, THING = "dermoscopy", "skin lesion"
OTHERS = 12
"""Corrections beside the one that is drawn here, which is no truth, and whose part of the split is drawn by the store:
so many that the gate's verdict does not hang on it."""
SIDE_PX = 256
LONGEST_MS = 1_500_000
"""Of the fine-tuning on a machine that is busy; a minute where it is not."""


def correct_others(store: LabelStore) -> None:
    """Lesions that lie elsewhere in each picture, with the true mask, approved: what other days brought."""
    for number in range(OTHERS):
        phantom = make_phantom(EXAMPLE, number, side_px=SIDE_PX)
        step = SIDE_PX // 6
        shift = (step * (-1) ** number, step * (-1) ** (number // 2))
        image_u8 = np.roll(phantom.image_u8, shift, axis=(0, 1))
        scan = Scan(image_u8, hashlib.sha256(image_u8.tobytes()).hexdigest(), "PNG", phantom.modality)
        mask = np.roll(phantom.mask, shift, axis=(0, 1))
        saved = store.save(
            scan, mask, person="ana", description=THING, removed=(), model="", facts=Facts(split="train")
        )
        review.approve(store, saved, reviewer="ben")


def open_the_example(page: Page, server: Server) -> None:
    page.goto(server.url)
    page.locator("#examples button").nth(2).click()
    expect(page.locator("#description textarea")).to_have_value(THING)
    expect_text(page, "#answer p", "found")


def save_a_correction(page: Page, revision: int) -> None:
    editor = Editor(page)
    page.locator("#correct").click()
    editor.wait()
    editor.stroke((250, 250), (300, 250))
    editor.save(revision)


def approve(page: Page, server: Server, reviewer: str) -> None:
    page.goto(f"{server.url}/review")
    page.locator("#review-list .pager").wait_for()
    page.get_by_label("Your name").fill(reviewer)
    page.locator("#review-list .card", has_text=THING).first.click()
    page.locator("#review-detail").get_by_role("button", name="Approve").first.click()
    expect(page.locator("#review-detail .told")).to_contain_text("Approved: mask 1 of me")


def fine_tune(page: Page, server: Server, name: str) -> None:
    page.goto(f"{server.url}/train")
    expect(page.locator("#served .served")).to_be_visible()
    page.get_by_label("Name of the new version").fill(name)
    page.get_by_role("button", name="Fine-tune").click()
    verdict = page.locator("#verdict .verdict h2")
    ended = page.locator("#verdict .verdict h2, #progress .warning, [role=alert]").first
    expect(ended).to_be_visible(timeout=LONGEST_MS)
    expect(verdict).to_have_text(re.compile(rf"^{name} may be served"))


def test_a_correction_becomes_a_version_that_answers_the_next_scan(browser: Browser, tmp_path: Path) -> None:
    page, store = new_page(browser), LabelStore(tmp_path / "store")
    page.context.add_init_script(TOUR_SEEN_JS)
    with serving(tmp_path) as server:
        open_the_example(page, server)
        before = page.locator("#masthead").inner_text()
        save_a_correction(page, 1)
        (scan,) = store.scans()
        correct_others(store)
        approve(page, server, "ben")
        (said,) = review.of(store, store.revisions(scan.sha256)[0])
        assert (said.verdict, said.reviewer) == ("approved", "ben")

        fine_tune(page, server, "clinic-1")
        row = page.locator("#versions tbody tr", has_text="clinic-1").first
        row.get_by_role("button", name="Serve this").click()
        expect(page.locator("#served .served")).to_have_text(re.compile(r"\+ clinic-1$"))

        open_the_example(page, server)
        expect_text(page, "#masthead", r"\+ clinic-1")
        save_a_correction(page, 1)  # the first of ben, whose name the browser kept
        log = server.log()
    page.context.close()
    assert "clinic-1" not in before
    first, second = sorted(store.revisions(scan.sha256), key=lambda revision: revision.saved_at)
    assert (first.person, second.person) == ("me", "ben")
    assert second.model == f"{first.model} + clinic-1"
    assert "Traceback" not in log
