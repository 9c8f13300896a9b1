"""What all tests share. The jaxtyping import hook is switched on in pyproject.toml."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.browser import CHROMIUM_ARGS, HOW_TO_INSTALL, find_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# One thread a process: sums do not depend on how many cores there are, and two test processes share two cores.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"

settings.register_profile("causalseg", deadline=None, derandomize=True)
settings.load_profile("causalseg")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser as `page`."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.page)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Real scans beside the checkout, which may not be published: tests that need them are skipped elsewhere."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("needs the folder ../shared with real scans")
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """One browser for all page tests of a process; each test has a context of its own."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None:
        pytest.fail(HOW_TO_INSTALL)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield browser
        browser.close()
