"""The Train page in a real browser: fine-tuning in a process of its own, the verdict, versions served and put back."""

import re

import pytest
from playwright.sync_api import Page, expect

from causalseg.annotations.review.approved_for_training import learnable
from causalseg.scan import Scan
from tests.ui.pages.conftest import ENTRY, World
from tests.ui.pages.world import phantom_scan

LONGEST_MS = 600_000
"""Of the fine-tuning on a machine that is busy; half a minute where it is not."""
BASE = f"{ENTRY.name} {ENTRY.version}"


@pytest.fixture
def scan() -> Scan:
    return phantom_scan(1)[0]


def open_page(tab: Page, world: World) -> None:
    tab.goto(f"{world.url}train")
    expect(tab.locator("#served .served")).to_be_visible()


def answers(world: World, scan: Scan) -> str:
    """Name of what answers a scan that is opened now."""
    return world.engine.name_for(world.engine.encode(scan))


def test_a_promoted_version_answers_the_next_scan_and_one_click_goes_back(world: World, tab: Page, scan: Scan) -> None:
    world.add_version("clinic-1")
    begun = world.engine.encode(scan)
    open_page(tab, world)
    row = tab.locator("#versions tbody tr", has_text="clinic-1").first

    row.get_by_role("button", name="Serve this").click()

    expect(tab.locator("#served .served")).to_have_text(re.compile(r"answered by .* \+ clinic-1$"))
    assert (answers(world, scan), world.engine.name_for(begun)) == (f"{BASE} + clinic-1", BASE)

    tab.locator("#versions").get_by_role("button", name="Go back to this").click()

    expect(tab.locator("#served .served")).to_have_text(re.compile(rf"answered by {re.escape(BASE)}$"))
    assert answers(world, scan) == BASE
    expect(row.get_by_role("button", name="Go back to this")).to_be_visible()


def test_what_is_not_good_enough_has_no_button_and_says_why(world: World, tab: Page) -> None:
    world.add_version("poor", passed=False)
    open_page(tab, world)
    row = tab.locator("#versions tbody tr", has_text="poor").first

    row.get_by_text("not good enough").click()

    expect(row.get_by_text("The masks held back are no better.")).to_be_visible()
    expect(row.get_by_role("button")).to_have_count(0)


def test_a_fine_tuning_on_phantoms_ends_with_a_verdict(world: World, tab: Page) -> None:
    open_page(tab, world)
    there = learnable(world.store)
    expect(tab.locator("#material")).to_contain_text(f"{there.corrections} approved masks of {there.patients} patients")
    tab.get_by_label("Name of the new version").fill("phantoms")

    tab.get_by_role("button", name="Fine-tune").click()

    expect(tab.locator("#progress [role=progressbar]")).to_be_visible()
    expect(tab.get_by_role("button", name="Fine-tune")).to_be_disabled()
    verdict = tab.locator("#verdict .verdict h2")
    expect(verdict).to_have_text(re.compile(r"^phantoms (may be served|is not good enough)"), timeout=LONGEST_MS)
    expect(tab.locator("#progress svg.curve")).to_be_visible()
    for measure in ("corrections held back", "scans it learnt from before", "confounders switched off"):
        expect(tab.locator("#verdict table").get_by_text(measure)).to_be_visible()
    expect(tab.locator("#verdict li").first).to_have_text(re.compile("etter on corrections held back.*: Dice 0"))
    expect(tab.locator("#versions tbody tr", has_text="phantoms")).to_have_count(1)
    assert world.versions.card("phantoms").settings["steps"] == 5


def test_stopping_leaves_no_version_and_what_is_served_as_it_was(world: World, tab: Page, scan: Scan) -> None:
    open_page(tab, world)
    before = answers(world, scan)
    tab.get_by_label("Name of the new version").fill("never-made")
    tab.get_by_role("button", name="Fine-tune").click()
    expect(tab.locator("#progress [role=progressbar]")).to_be_visible()

    tab.get_by_role("button", name="Stop").click()

    expect(tab.locator("#progress")).to_contain_text("Stopped. Nothing was written")
    expect(tab.get_by_role("button", name="Fine-tune")).to_be_enabled()
    assert "never-made" not in [card.name for card in world.versions.cards()]
    assert answers(world, scan) == before


def test_a_name_that_is_taken_is_refused_at_once_in_words(world: World, tab: Page) -> None:
    world.add_version("taken")
    open_page(tab, world)
    tab.get_by_label("Name of the new version").fill("taken")

    tab.get_by_role("button", name="Fine-tune").click()

    expect(tab.get_by_role("alert")).to_contain_text("There is a version 'taken' already.")
    expect(tab.get_by_role("button", name="Fine-tune")).to_be_enabled()
