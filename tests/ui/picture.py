"""The README's picture: `python -m tests.ui.picture assets/readme.png` opens our own phantom on the real checkpoint."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from causalseg.annotations.store import LabelStore
from causalseg.checkpoints import find_entry
from causalseg.engine import Engine
from causalseg.settings import Settings
from causalseg.ui.layout import build_demo, launch_options
from tests.browser import HOW_TO_INSTALL, find_chromium
from tests.ui.conftest import CHROMIUM_ARGS, free_port
from tests.ui.drive import TIMEOUT_MS, expect_status, expect_text

VIEWPORT = {"width": 1280, "height": 800}


def take(page: Page, path: Path) -> None:
    """Open the first example, wait for its mask, and write what is on the page."""
    page.locator("#examples button").first.click()
    expect_text(page, "#answer p", "found")
    expect_status(page, "^adjusted mask")
    expect(page.locator("#mask-picture img")).to_be_visible()
    page.screenshot(path=path)


def main(path: Path) -> int:
    """Serve the app, take the picture; exit code 1 where there is no browser."""
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
        page = browser.new_page(viewport=VIEWPORT)  # pyright: ignore[reportArgumentType]
        page.goto(url)
        take(page, path)
        browser.close()
        demo.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
