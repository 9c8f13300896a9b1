"""The README's pictures: `python -m tests.ui.picture assets` opens our own phantom on the real checkpoint, twice.

By day it is `readme.png`, by night `readme-dark.png`.
"""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from causalseg.annotations.store import LabelStore
from causalseg.checkpoints import find_entry
from causalseg.engine import Engine
from causalseg.settings import Settings
from causalseg.ui.demo import build_demo, launch_options
from tests.browser import CHROMIUM_ARGS, HOW_TO_INSTALL, find_chromium
from tests.ui.conftest import TOUR_SEEN_JS, free_port
from tests.ui.drive import TIMEOUT_MS, expect_status, expect_text, open_example

VIEWPORT: ViewportSize = {"width": 1280, "height": 800}
PICTURES: Mapping[str, Literal["light", "dark"]] = {"readme.png": "light", "readme-dark.png": "dark"}
SWITCHED = "Calipers"
"""Shown where it is, and put back."""


def take(page: Page, path: Path) -> None:
    """Open the first example, put one confounder back, and write what is on the page."""
    open_example(page)
    expect_text(page, "#answer p", "found")
    expect_status(page, "^adjusted mask")
    page.locator("#present").get_by_label(SWITCHED).uncheck()
    expect_text(page, "#effect", f"{SWITCHED} put back")
    page.locator("#masthead h1").click()
    page.screenshot(path=path)


def main(folder: Path) -> int:
    """Serve the app, take the pictures; exit code 1 where there is no browser."""
    chromium = find_chromium()
    if chromium is None:
        sys.stderr.write(f"{HOW_TO_INSTALL}\n")
        return 1
    settings = Settings()
    with tempfile.TemporaryDirectory() as store_dir, sync_playwright() as playwright:
        demo = build_demo(
            Engine.load(), LabelStore(Path(store_dir)), settings, metrics=find_entry(settings.checkpoint).metrics
        )
        options = launch_options(settings) | {"server_port": free_port(), "prevent_thread_lock": True, "quiet": True}
        _, url, _ = demo.launch(**options)
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        expect.set_options(timeout=TIMEOUT_MS)
        for name, scheme in PICTURES.items():
            page = browser.new_page(viewport=VIEWPORT, color_scheme=scheme)
            page.add_init_script(TOUR_SEEN_JS)
            page.goto(url)
            take(page, folder / name)
            page.close()
        browser.close()
        demo.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
