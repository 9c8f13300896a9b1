"""What a person says of the confounders beside their switches, in a real browser: kept at once, shown again."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from causalseg.annotations.label_records import Statement
from causalseg.annotations.review import confounder_statements
from causalseg.scan import Scan, read_scan
from causalseg.ui import shared_text
from causalseg.ui.segment import text
from tests.ui.conftest import App
from tests.ui.drive import expect_message, expect_status, expect_text, until, upload


@pytest.fixture
def scan(grainy_png: Path) -> Scan:
    return read_scan(grainy_png)


def of(app: App, scan: Scan, person: str = shared_text.PERSON_DEFAULT) -> list[Statement]:
    return confounder_statements.of(app.store, scan.sha256, person=person)


def statements_of_all(app: App, scan: Scan) -> list[Statement]:
    return confounder_statements.of(app.store, scan.sha256)


def button(page: Page, word: str, *, there: bool, label: str = "Burned-in text") -> Locator:
    return page.get_by_role("button", name=f"{word}, {label} {text.IS_THERE[there]}", exact=True)


def test_what_is_said_is_kept_at_once_and_can_be_turned_and_taken_back(app: App, grainy: Page, scan: Scan) -> None:
    yes, no = button(grainy, "yes", there=True), button(grainy, "no", there=False)
    expect_text(grainy, "#say p", "^Really there. Say yes or no")
    yes.click()
    expect(yes).to_have_attribute("aria-pressed", "true")
    (one,) = of(app, scan)
    assert (one.confounder, one.present, one.index) == ("burned_in_text", True, 0)
    no.click()
    expect(no).to_have_attribute("aria-pressed", "true")
    expect(yes).to_have_attribute("aria-pressed", "false")
    no.click()
    expect(no).to_have_attribute("aria-pressed", "false")
    assert [one.present for one in of(app, scan)] == [True, False, None]
    assert app.store.revisions(scan.sha256) == []
    expect_status(grainy, "^adjusted mask")


def test_it_is_shown_again_when_the_scan_is_reopened(app: App, grainy: Page, scan: Scan, grainy_png: Path) -> None:
    no = button(grainy, "no", there=False)
    no.click()
    expect(no).to_have_attribute("aria-pressed", "true")
    grainy.reload()
    upload(grainy, grainy_png)
    expect(no).to_have_attribute("aria-pressed", "true")
    expect(button(grainy, "yes", there=True)).to_have_attribute("aria-pressed", "false")


def test_each_person_says_it_alone(app: App, grainy: Page, scan: Scan) -> None:
    yes, no = button(grainy, "yes", there=True), button(grainy, "no", there=False)
    yes.click()
    expect(yes).to_have_attribute("aria-pressed", "true")
    grainy.get_by_role("tab", name="Correct").click()
    grainy.locator("#person input, #person textarea").first.fill("Ben")
    expect(yes).to_have_attribute("aria-pressed", "false")
    no.click()
    expect(no).to_have_attribute("aria-pressed", "true")
    assert [one.present for one in of(app, scan)] == [True]
    assert [one.present for one in of(app, scan, "Ben")] == [False]


def test_a_keyboard_is_enough(app: App, grainy: Page, scan: Scan) -> None:
    yes = button(grainy, "yes", there=True)
    yes.focus()
    grainy.keyboard.press("Tab")
    expect(button(grainy, "no", there=False)).to_be_focused()
    grainy.keyboard.press("Space")
    until(grainy, lambda: [one.present for one in of(app, scan)] == [False], what="the word to be kept")


def test_what_was_not_detected_can_be_said_to_be_there(app: App, grainy: Page, scan: Scan) -> None:
    grainy.locator("#absent-fold button").first.click()
    yes = button(grainy, "yes", there=True, label="Hair")
    yes.click()
    expect(yes).to_have_attribute("aria-pressed", "true")
    assert [(one.confounder, one.present) for one in of(app, scan)] == [("hair", True)]


def test_nobody_says_nothing(app: App, grainy: Page, scan: Scan) -> None:
    yes = button(grainy, "yes", there=True)
    yes.click()
    expect(yes).to_have_attribute("aria-pressed", "true")
    grainy.get_by_role("tab", name="Correct").click()
    grainy.locator("#person input, #person textarea").first.fill(" ")
    expect(yes).to_have_attribute("aria-pressed", "false")  # the buttons are nobody's now, and drawn anew
    yes.click()
    expect_message(grainy, "Type your name or initials first")
    assert [one.person for one in statements_of_all(app, scan)] == [shared_text.PERSON_DEFAULT]


def test_a_simulated_scan_has_no_such_buttons(grainy: Page) -> None:
    expect(grainy.locator("#present-said button").first).to_be_visible()
    grainy.locator("#add-fold button").first.click()
    grainy.locator("#add-which input").click()
    grainy.get_by_role("option", name="Low contrast").click()
    grainy.locator("#add").click()
    expect_text(grainy, "#facts .simulated", "^Simulated")
    expect(grainy.locator("#present-said button")).to_have_count(0)
    grainy.locator("#original").click()
    expect(grainy.locator("#present-said button").first).to_be_visible()
