"""The page on the embedded checkpoint: the first example is answered, a switch redraws, what is saved is kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from causalseg.annotations.store import LabelStore
from causalseg.engine import Engine
from causalseg.settings import Settings
from causalseg.ui.demo import build_demo, launch_options
from tests.ui.conftest import free_port
from tests.ui.drive import expect_status, expect_text, new_page


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    settings = Settings()
    demo = build_demo(Engine.load(), LabelStore(tmp_path / "store"), settings)
    options = launch_options(settings) | {"server_port": free_port(), "prevent_thread_lock": True, "quiet": True}
    _, url, _ = demo.launch(**options)
    yield url
    demo.close()


def test_the_first_example_is_found_switched_and_refused_for_what_is_absent(served: str, browser: Browser) -> None:
    page = new_page(browser)
    page.goto(served)

    page.locator("#examples button").first.click()
    expect_text(page, "#answer p", "found")
    expect_status(page, "^adjusted mask")
    page.locator("#observed").click()
    expect_status(page, "^observed mask")
    page.locator("#description textarea").fill("bicycle")
    expect_text(page, "#answer p", "[Nn]othing like that found")
    page.context.close()
