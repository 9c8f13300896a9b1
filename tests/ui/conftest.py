"""A live app on the fake engine, and a real browser to look at it."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from causalseg.annotations.store import LabelStore
from causalseg.settings import Settings
from causalseg.ui.demo import build_demo, launch_options
from tests.ui.drive import describe, expect_status, expect_text, new_page, open_example, upload
from tests.ui.fakes import FakeEngine, disc
from tests.ui.volumes import write_frames

TOUR_SEEN_JS = "localStorage.setItem('causalseg-tour', 'yes')"
"""Of a browser that has been here before."""


@dataclass(frozen=True)
class App:
    """The running app and what stands behind it."""

    url: str
    engine: FakeEngine
    store: LabelStore
    cache_dir: Path


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    cache_dir = tmp_path_factory.mktemp("gradio")
    engine, store = FakeEngine(), LabelStore(tmp_path_factory.mktemp("store"))
    settings = Settings(max_file_bytes=4 * 1024 * 1024)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(cache_dir))
        demo = build_demo(engine, store, settings, examples_dir=write_examples(tmp_path_factory.mktemp("examples")))
        _, url, _ = demo.launch(
            **launch_options(settings), server_port=free_port(), prevent_thread_lock=True, quiet=True
        )
        yield App(url, engine, store, cache_dir)
        demo.close()


@pytest.fixture
def page(app: App, browser: Browser) -> Iterator[Page]:
    """The app in a new tab of 1280 x 800."""
    page = new_page(browser)
    page.context.add_init_script(TOUR_SEEN_JS)
    page.goto(app.url)
    page.locator("#examples button").first.wait_for()
    yield page
    page.context.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_examples(folder: Path) -> Path:
    Image.fromarray(disc(90, 120)).save(folder / "disc.png")
    row = {"file": "disc.png", "modality": "endoscopy", "description": "polyp"}
    (folder / "index.json").write_text(json.dumps([row]), encoding="utf-8")
    return folder


@pytest.fixture
def example(page: Page) -> Page:
    """The example, opened and asked."""
    open_example(page)
    expect_status(page, "^adjusted mask")
    return page


@pytest.fixture
def grainy(page: Page, grainy_png: Path) -> Page:
    """A scan larger than the editor's canvas, opened and asked."""
    upload(page, grainy_png)
    expect_text(page, "#facts", "PNG · 700 × 500 px")
    describe(page, "polyp")
    expect_status(page, "^adjusted mask")
    return page


@pytest.fixture
def frames(page: Page, tmp_path: Path) -> Page:
    """A file of several frames, opened and asked, its observed mask on screen."""
    upload(page, write_frames(tmp_path))
    expect_text(page, "#facts", "DICOM · 120 × 90 px")
    describe(page, "lung")
    expect_status(page, "^adjusted mask")
    page.locator("#observed").click()
    expect_status(page, "^observed mask")
    return page


@pytest.fixture
def grainy_png(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A scan larger than the editor's canvas, whose mask has details of a single pixel; another one in every test."""
    path = tmp_path / "Meier_Anna_1961.png"
    noise = np.random.default_rng(crc32(request.node.nodeid.encode())).integers(
        0, 90, size=(500, 700, 1), dtype=np.uint8
    )
    Image.fromarray(disc(500, 700) // 2 + noise).save(path)
    return path
