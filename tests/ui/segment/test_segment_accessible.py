"""No serious fault that axe-core can find, and nothing cut off, on a laptop and on a tablet, by day and by night."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.ui.conftest import App
from tests.ui.drive import DESKTOP, new_page, open_example

SERIOUS = ("serious", "critical")
TABLET: ViewportSize = {"width": 820, "height": 1180}


def faults(page: Page) -> list[tuple[str, list[Any]]]:
    """What axe-core calls serious or critical: the rule and the elements; looked at when no colour is on its way."""
    page.wait_for_function("document.getAnimations().every((one) => !(one instanceof CSSTransition))")
    found = Axe().run(page).response["violations"]
    return [(one["id"], [node["target"] for node in one["nodes"]]) for one in found if one["impact"] in SERIOUS]


def fresh(app: App, browser: Browser, scheme: Literal["light", "dark"], size: ViewportSize) -> Page:
    page = new_page(browser, size, scheme)
    page.goto(app.url)
    page.locator("#examples button").first.wait_for()
    return page


@pytest.fixture(params=["light", "dark"])
def newcomer(app: App, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Somebody who has not been here yet."""
    page = fresh(app, browser, request.param, DESKTOP)
    yield page
    page.context.close()


@pytest.fixture
def tablet(app: App, browser: Browser) -> Iterator[Page]:
    page = fresh(app, browser, "light", TABLET)
    page.locator("#tour-close").click()
    yield page
    page.context.close()


def test_the_page_as_it_opens(newcomer: Page) -> None:
    expect(newcomer.locator("#tour")).to_be_visible()
    assert faults(newcomer) == []


def test_the_page_with_a_scan(newcomer: Page) -> None:
    newcomer.locator("#tour-close").click()
    open_example(newcomer)
    assert faults(newcomer) == []


def test_the_sheet_of_keys(page: Page) -> None:
    page.locator("#help").click()
    assert faults(page) == []


def test_the_editor(example: Page) -> None:
    example.locator("#correct").click()
    example.locator("#editor canvas").first.wait_for()
    assert faults(example) == []


def test_a_tablet_cuts_nothing_off(tablet: Page) -> None:
    open_example(tablet)
    assert tablet.evaluate("document.documentElement.scrollWidth") <= TABLET["width"]
    stage, left = tablet.locator("#stage").bounding_box(), tablet.locator("#left").bounding_box()
    assert stage is not None and left is not None and stage["width"] == stage["height"] >= 400
    assert left["x"] + left["width"] <= stage["x"]
    for part in ("#present input", "#observed", "#tools #correct"):
        box = tablet.locator(part).first.bounding_box()
        assert box is not None and 0 <= box["x"] <= TABLET["width"] - box["width"]
