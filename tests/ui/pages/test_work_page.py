"""The Work page in a real browser: import, the next scan with its reason, skip, flag, filter, delete and purge."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from causalseg.annotations.queue import search
from causalseg.annotations.queue.search import Query
from tests.ui.pages.conftest import World
from tests.ui.pages.world import draw, folder_of_phantoms, phantom_scan

SCANS, MASKS = 4, 2
"""Of the imported folder."""


def open_page(tab: Page, world: World, person: str) -> None:
    tab.goto(f"{world.url}work")
    expect(tab.locator("#work-list .pager")).to_be_visible()
    tab.get_by_label("Your name").fill(person)


def shown_place(tab: Page) -> tuple[str, int]:
    """Scan and index of the open picture, as its own button says them."""
    button = tab.locator("#work-detail [data-act=flag]")
    return str(button.get_attribute("data-scan")), int(button.get_attribute("data-index") or -1)


def test_import_then_next_with_its_reason_then_skip(world: World, tab: Page, tmp_path: Path) -> None:
    folder = folder_of_phantoms(tmp_path / "coming", SCANS, masks=MASKS, first=200)
    before = len(world.store.scans())
    open_page(tab, world, "dan")
    tab.get_by_text("Import scans").click()
    tab.get_by_label("or a folder on this machine").fill(str(folder))
    tab.get_by_label("What the masks show").fill("thing of a phantom")

    tab.get_by_role("button", name="Import", exact=True).click()

    expect(tab.locator("#import-told .told")).to_have_text(f"Added {SCANS} scans and {MASKS} masks.")
    expect(tab.locator("#work-list .card", has_text="thing of a phantom")).to_have_count(MASKS)
    assert len(world.store.scans()) == before + SCANS

    tab.get_by_role("button", name="Next scan for me").click()
    expect(tab.locator("#work-detail .why")).to_have_text(
        re.compile(r"^(Next in line|Random control|Unlike|Uncertain)")
    )
    first = shown_place(tab)

    tab.locator("#work-detail").get_by_role("button", name="Skip").click()
    expect(tab.locator("#work-detail .told")).to_have_text("Skipped; it comes again when nothing else is left.")
    expect(tab.locator("#work-detail .why")).to_be_visible()
    assert shown_place(tab) != first
    skipped = [one for one in world.store.events(first[0]) if one.kind == "skipped"]
    assert [one.person for one in skipped] == ["dan"]


def test_a_scan_is_opened_on_the_main_page_with_the_words_of_its_newest_mask(world: World, tab: Page) -> None:
    revision = draw(world.store, 240, person="cleo")
    open_page(tab, world, "eve")
    tab.locator("#work-list .card").first.click()

    tab.locator("#work-detail").get_by_role("link", name="Open it").click()

    expect(tab.locator("#scan-picture img")).to_be_visible()
    expect(tab.locator("#description textarea")).to_have_value(revision.description)
    expect(tab.locator("#facts .facts")).to_contain_text("96 × 96 px")


def test_several_files_are_imported_and_what_cannot_be_read_says_why(world: World, tab: Page, tmp_path: Path) -> None:
    folder = folder_of_phantoms(tmp_path / "files", 1, first=300)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nno more")
    open_page(tab, world, "dan")
    tab.get_by_text("Import scans").click()
    tab.locator("#import-files input[type=file]").set_input_files([folder / "images" / "0.png", broken])
    expect(tab.locator("#import-files .file-preview tr")).to_have_count(2)

    tab.get_by_role("button", name="Import", exact=True).click()

    expect(tab.locator("#import-told .told")).to_have_text("Added 1 scan and 0 masks.")
    expect(tab.locator("#import-told li")).to_contain_text("broken.png: ")


def test_a_flag_needs_a_reason_and_keeps_the_scan_from_coming_again(world: World, tab: Page) -> None:
    revision = draw(world.store, 210, person="cleo")
    open_page(tab, world, "eve")
    tab.locator("#work-list .card").first.click()
    flag = tab.locator("#work-detail").get_by_role("button", name="Flag", exact=True)

    flag.click()
    expect(tab.get_by_role("alert")).to_have_text("Write the reason first, then flag it.")
    tab.get_by_label("Reason for a flag").fill("blurred")
    flag.click()

    expect(tab.locator("#work-detail .pill.flagged")).to_be_visible()
    here = world.store.work_of(revision.scan_sha256, "eve")
    assert (here.state, here.note) == ("flagged", "blurred")
    tab.locator("#work-detail").get_by_role("button", name="Take my flag away").click()
    expect(flag).to_be_visible()
    assert world.store.work_of(revision.scan_sha256, "eve").state == "not_started"


def test_the_list_is_filtered_by_state_modality_and_words(world: World, tab: Page) -> None:
    draw(world.store, 220, person="cleo")
    open_page(tab, world, "eve")
    for label, option, query in (
        ("State", "not started", Query(state="not_started")),
        ("State", "done", Query(state="done")),
        ("Modality", "ultrasound", Query(state="done", modality="ultrasound")),
    ):
        tab.get_by_label(label).click()
        tab.get_by_role("option", name=option, exact=True).click()
        total = search.find(world.store, query).total
        expect(tab.locator("#work-list .pager")).to_have_text(
            re.compile(rf" of {total}$" if total else "^Nothing matches")
        )

    tab.get_by_label("Part of a description").fill("no such thing")
    expect(tab.locator("#work-list .pager")).to_have_text("Nothing matches.")


def test_deleting_says_what_goes_and_purging_removes_it(world: World, tab: Page) -> None:
    revision = draw(world.store, 230, person="cleo")
    open_page(tab, world, "eve")
    tab.locator("#work-list .card").first.click()
    detail, purge = tab.locator("#work-detail"), tab.locator("#purge")

    detail.get_by_role("button", name="Delete…").click()
    expect(detail.locator(".question")).to_contain_text("1 mask of 1 person, for everybody.")
    assert world.store.scan(revision.scan_sha256) is not None
    detail.get_by_role("button", name="Delete it").click()
    expect(detail).to_contain_text("Deleted: nobody sees it any more.")
    assert world.store.scan(revision.scan_sha256) is None

    tab.get_by_text("Purge what is deleted").click()
    purge.get_by_role("button", name="Remove it for ever…").click()
    purge.get_by_role("button", name="Remove it for ever", exact=True).click()
    expect(purge.locator(".told")).to_contain_text("Gone for ever: 1 scan, 1 mask")
    assert not list(world.store.masks.glob(f"*/{revision.mask_sha256}.png"))


def test_once_the_model_has_looked_the_queue_says_by_what_it_chose(world: World, tab: Page) -> None:
    scan, _, _ = phantom_scan(250)
    world.store.add(scan, person="cleo")
    open_page(tab, world, "fay")
    tab.get_by_text("Let the model look first").click()

    tab.get_by_role("button", name="Look at them").click()

    expect(tab.locator("#look-told")).to_contain_text("has looked at every picture")
    tab.get_by_role("button", name="Next scan for me").click()
    expect(tab.locator("#work-detail .why b")).to_have_text(
        re.compile(r"^(Uncertain|Switches disagree|Unlike the others|Random control)\.$")
    )
