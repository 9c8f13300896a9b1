"""No serious fault that axe-core can find on Work, Review and Train, by day and by night, and nothing cut off."""

from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from tests.ui.drive import DESKTOP, new_page
from tests.ui.pages.conftest import World
from tests.ui.pages.world import draw
from tests.ui.segment.test_segment_accessible import TABLET, faults

OPENED = 260
"""A phantom that no other test draws on."""


def opened(world: World, browser: Browser, path: str, scheme: Literal["light", "dark"], size: ViewportSize) -> Page:
    """The page with something on it."""
    page = new_page(browser, size, scheme)
    page.goto(f"{world.url}{path}")
    if path == "train":
        page.locator("#versions table").first.wait_for()
    else:
        page.locator(f"#{path}-list .card").first.click()
        page.locator(f"#{path}-detail img").first.wait_for()
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["work", "review", "train"])
def test_a_page(world: World, browser: Browser, path: str, scheme: Literal["light", "dark"]) -> None:
    for person in ("ana", "cleo"):
        draw(world.store, OPENED, person=person)
    page = opened(world, browser, path, scheme, DESKTOP)

    assert faults(page) == []
    page.context.close()


@pytest.mark.parametrize("path", ["work", "review", "train"])
def test_a_tablet_cuts_nothing_off(world: World, browser: Browser, path: str) -> None:
    draw(world.store, OPENED)
    page = opened(world, browser, path, "light", TABLET)

    assert page.evaluate("document.documentElement.scrollWidth") <= TABLET["width"]
    page.context.close()
