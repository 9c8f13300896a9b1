"""The Review page in a real browser, without a model: two labels beside each other, agreement, approve, send back."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from causalseg.annotations import review
from causalseg.annotations.review import confounder_statements
from causalseg.annotations.review.reader_agreement import compare
from tests.ui.pages.conftest import World
from tests.ui.pages.world import draw

FIRST_NUMBER = 100
"""Of phantoms that no other test draws on."""


def open_picture(tab: Page, world: World, description: str, person: str = "ben") -> None:
    """The first picture of that description that is to be reviewed."""
    tab.goto(f"{world.url}review")
    tab.locator("#review-list .pager").wait_for()
    tab.get_by_label("Your name").fill(person)
    tab.locator("#review-list .card", has_text=description).first.click()
    expect(tab.locator("#review-detail .view").nth(1)).to_be_visible()


def label_of(tab: Page, person: str) -> Locator:
    return tab.locator("#review-detail figure", has_text=f"{person} · mask")


def test_two_readers_stand_beside_each_other_with_their_agreement(world: World, tab: Page) -> None:
    first = draw(world.store, FIRST_NUMBER, person="ana")
    second = draw(world.store, FIRST_NUMBER, person="cleo", shift_px=4)
    agreed = compare(world.store.mask(first), world.store.mask(second))

    open_picture(tab, world, first.description)

    for person in ("ana", "cleo"):
        expect(label_of(tab, person).locator("img")).to_be_visible()
    expect(tab.locator("#review-detail")).to_contain_text("where they differ: blue only cleo, orange only ana")
    row = tab.locator("#review-detail tbody tr")
    expect(row).to_contain_text(f"{agreed.dice:.3f}")
    assert agreed.surface_distance is not None
    expect(row).to_contain_text(f"{agreed.surface_distance:.2f} px")


def test_an_approved_mask_may_be_learnt_from_and_says_who_approved(world: World, tab: Page) -> None:
    revision = draw(world.store, FIRST_NUMBER + 1)
    open_picture(tab, world, revision.description)

    label_of(tab, "ana").get_by_role("button", name="Approve").click()

    expect(tab.locator("#review-detail .told")).to_have_text("Approved: mask 1 of ana.")
    expect(label_of(tab, "ana")).to_contain_text("approved")
    (said,) = review.of(world.store, revision)
    assert (said.verdict, said.reviewer) == ("approved", "ben")
    assert revision in review.approved(world.store, "train")


def test_a_mask_is_sent_back_with_a_note_and_not_without(world: World, tab: Page) -> None:
    revision = draw(world.store, FIRST_NUMBER + 2)
    open_picture(tab, world, revision.description)
    send_back = label_of(tab, "ana").get_by_role("button", name="Send back")

    send_back.click()
    expect(tab.get_by_role("alert")).to_have_text("Write in the note what should change, then send it back.")
    assert review.of(world.store, revision) == []

    tab.get_by_label("Note to the author").fill("a little wider on the left")
    send_back.click()
    expect(tab.locator("#review-detail .told")).to_have_text("Sent back: mask 1 of ana.")
    expect(label_of(tab, "ana")).to_contain_text("ben: a little wider on the left")
    here = world.store.work_of(revision.scan_sha256, "ana")
    assert (here.state, here.note) == ("sent_back", "a little wider on the left")


def test_a_mask_that_is_no_longer_the_newest_is_not_approved_unseen(world: World, tab: Page) -> None:
    revision = draw(world.store, FIRST_NUMBER + 3)
    open_picture(tab, world, revision.description)
    newer = draw(world.store, FIRST_NUMBER + 3, shift_px=2)

    label_of(tab, "ana").get_by_role("button", name="Approve").click()

    expect(tab.get_by_role("alert")).to_contain_text("ana has saved a newer mask meanwhile.")
    expect(label_of(tab, "ana")).to_contain_text("mask 2")
    assert review.of(world.store, revision) == review.of(world.store, newer) == []


def test_what_is_said_of_a_confounder_is_kept_and_can_be_taken_back(world: World, tab: Page) -> None:
    revision = draw(world.store, FIRST_NUMBER + 4)
    open_picture(tab, world, revision.description)
    detail = tab.locator("#review-detail")

    detail.get_by_role("button", name="It is there").click()
    expect(tab.get_by_role("alert")).to_contain_text("Choose a confounder from the list first")
    detail.get_by_label("Confounder").select_option("hair")
    detail.get_by_role("button", name="It is there").click()

    expect(detail.locator("li")).to_have_text("ben: Hair is there")
    (said,) = confounder_statements.current(world.store, "train")
    assert (said.scan_sha256, said.confounder, said.present) == (revision.scan_sha256, "hair", True)

    detail.get_by_label("Confounder").select_option("hair")
    detail.get_by_role("button", name="Take back").click()
    expect(detail.locator("li")).to_have_count(0)
    assert confounder_statements.current(world.store) == []


def test_the_name_is_kept_by_the_browser(world: World, tab: Page) -> None:
    tab.goto(f"{world.url}review")
    name = tab.get_by_label("Your name")
    expect(name).to_have_value("me")
    name.fill("ben")
    name.press("Tab")
    tab.wait_for_function("localStorage.getItem('causalseg') !== null")

    tab.reload()

    expect(name).to_have_value("ben")


@pytest.mark.parametrize("state", ["approved", "everything"])
def test_the_list_shows_what_is_asked_for(world: World, tab: Page, state: str) -> None:
    tab.goto(f"{world.url}review")
    tab.locator("#review-list .pager").wait_for()
    tab.get_by_label("Show").click()
    tab.get_by_role("option", name=state).click()

    expect(tab.locator("#review-list .card", has_text="approved").first).to_be_visible()
    if state == "approved":
        expect(tab.locator("#review-list .pager")).to_have_text(re.compile(r"^1–\d+ of \d+$"))
        shown = tab.locator("#review-list .card").count()
        assert shown == tab.locator("#review-list .card:has(.pill.approved)").count()
