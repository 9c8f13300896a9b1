"""Small steps in the browser; each waits for a condition, never for a time."""

import base64
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from playwright.sync_api import Browser, Page, Request, ViewportSize, expect

from causalseg.ui.pictures import CANVAS_SIDE_PX

TIMEOUT_MS = 300_000
"""Of every wait; generous, for machines that are busy."""
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
_POLL_MS = 50
"""Between two looks at a condition."""
_STILL_FRAMES = 4
"""For which what is drawn must not change; frames, not time, so that a busy machine may be slow."""
_FRAMES_JS = "left => new Promise(done => { const next = () => left-- ? requestAnimationFrame(next) : done(); next() })"
_TINTED = 20
"""How much greener than red a reddish scan is under the mask's tint."""


def new_page(browser: Browser, size: ViewportSize = DESKTOP, scheme: Literal["light", "dark"] = "light") -> Page:
    """A tab of a visitor of its own; close it by its context."""
    page = browser.new_context(viewport=size, color_scheme=scheme).new_page()
    page.set_default_timeout(TIMEOUT_MS)
    expect.set_options(timeout=TIMEOUT_MS)
    return page


def upload(page: Page, path: Path) -> None:
    """Choose a file, once the one before has left the drop zone: until then it would be added to that one."""
    expect(page.locator("#file .file-preview")).to_have_count(0)
    page.locator("#file input[type=file]").set_input_files(path)


def open_example(page: Page) -> None:
    page.locator("#examples button").first.click()
    expect(page.locator("#mask-picture img")).to_be_visible()


def describe(page: Page, words: str) -> None:
    page.locator("#description textarea").fill(words)


def expect_text(page: Page, selector: str, pattern: str) -> None:
    expect(page.locator(selector)).to_have_text(re.compile(pattern))


def expect_status(page: Page, pattern: str) -> None:
    expect_text(page, "#status .prose", pattern)


def expect_message(page: Page, pattern: str) -> None:
    expect_text(page, "#message [role=alert]", pattern)


def picture(page: Page, selector: str) -> UInt8[np.ndarray, "height width channels"]:
    """The pixels of an image on the page that came as a data URI."""
    source = page.locator(selector).get_attribute("src") or ""
    return np.asarray(Image.open(BytesIO(base64.b64decode(source.partition(",")[2]))))


def turn_to(page: Page, place: int) -> None:
    """Go to a slice, from 1 on, that is not the one shown; wait for its picture."""
    shown, slider = page.locator("#scan-picture img"), page.locator("#slices input[type=number]")
    before = shown.get_attribute("src") or ""
    slider.fill(str(place))
    slider.press("Enter")
    expect(shown).not_to_have_attribute("src", before)


def until(page: Page, is_true: Callable[[], bool], *, what: str) -> None:
    """Wait for what no selector can say."""
    until_s = time.monotonic() + TIMEOUT_MS / 1000
    while time.monotonic() < until_s:
        if is_true():
            return
        page.wait_for_timeout(_POLL_MS)
    raise AssertionError(f"waited in vain for: {what}")


@dataclass
class Editor:
    """The editor as a person uses it: points are in pixels of its canvas."""

    page: Page
    sent: list[dict[str, Any]] = field(default_factory=list)
    """What the browser sent at each save."""

    def __post_init__(self) -> None:
        self.page.on("request", self._keep)

    def load(self, *, tinted_xy: tuple[int, int]) -> None:
        """Press the button and wait until the mask is to be seen at `tinted_xy`."""
        self.page.locator("#correct").click()
        self.wait(tinted_xy=tinted_xy)

    def load_again(self, *, tinted_xy: tuple[int, int]) -> None:
        """Press it twice: what is drawn and differs from what was saved may be dropped."""
        self.page.locator("#correct").click()
        expect_message(self.page, "not saved")
        self.load(tinted_xy=tinted_xy)

    def wait(self, *, tinted_xy: tuple[int, int] | None = None) -> None:
        """Until a mask is to be seen at `tinted_xy`; or, where it is empty, until the editor is there."""
        self.page.locator("#editor canvas").first.wait_for()
        expect_text(self.page, "#saved p", "^Editing the ")
        if tinted_xy is not None:
            until(self.page, lambda: self._is_tinted(tinted_xy), what="the mask in the editor")
        until(self.page, self._is_still, what="the editor's zoom to come to rest")

    def stroke(self, from_xy: tuple[int, int], to_xy: tuple[int, int], *, steps: int = 12) -> None:
        undo = self.page.locator('#editor button[aria-label="Undo"]')
        self.page.mouse.move(*self.on_page(from_xy))
        self.page.mouse.down()
        self.page.mouse.move(*self.on_page(to_xy), steps=steps)
        self.page.mouse.up()
        expect(undo).to_be_enabled()

    def save(self, revision: int) -> None:
        self.page.locator("#save").click()
        expect_text(self.page, "#saved", f"saved as revision {revision} ")

    def saves(self) -> bool:
        """Whether a press on Save was taken; it is not while the editor has not taken the mask that it was given.

        The refusal of the press before may still be on the page, so a press may be taken and not be seen to be: press
        again, and look at the last revision, not at its number.
        """
        self.page.locator("#save").click()
        said = self.page.locator("#saved:has-text('saved as revision '), #message [role=alert]")
        said.first.wait_for()
        return "saved as revision " in self.page.locator("#saved").inner_text()

    def layer(self, cache_dir: Path) -> UInt8[np.ndarray, "side side 4"]:
        """The layer in the browser's last save, as the browser wrote it."""
        path = Path(self.sent[-1]["layers"][0]["path"])
        if not path.is_relative_to(cache_dir):
            raise AssertionError("the browser's layer is not in the test's cache")
        return np.asarray(Image.open(path).convert("RGBA"))

    def on_page(self, xy: tuple[int, int]) -> tuple[float, float]:
        """Where a pixel of the canvas is on the page: the canvas is centred and zoomed to fit."""
        box = self.page.locator("#editor canvas").first.bounding_box()
        zoom = re.search(r"(\d+)%", self.page.locator("#editor").inner_text())
        if box is None or zoom is None:
            raise AssertionError("the editor is not to be seen")
        scale = int(zoom[1]) / 100
        centre_x, centre_y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        half = CANVAS_SIDE_PX / 2
        return centre_x + scale * (xy[0] + 0.5 - half), centre_y + scale * (xy[1] + 0.5 - half)

    def _is_still(self) -> bool:
        before = self.page.locator("#editor").screenshot()
        self.page.evaluate(_FRAMES_JS, _STILL_FRAMES)
        return self.page.locator("#editor").screenshot() == before

    def colour(self, xy: tuple[int, int]) -> tuple[float, float, float]:
        """Red, green and blue in [0, 255] of what is to be seen around a pixel."""
        x, y = self.on_page(xy)
        png = self.page.screenshot(clip={"x": x - 2, "y": y - 2, "width": 5, "height": 5})
        red, green, blue = np.asarray(Image.open(BytesIO(png)).convert("RGB")).reshape(-1, 3).mean(axis=0)
        return float(red), float(green), float(blue)

    def _is_tinted(self, xy: tuple[int, int]) -> bool:
        red, green, _ = self.colour(xy)
        return green > red + _TINTED

    def _keep(self, request: Request) -> None:
        if not request.url.endswith("/queue/join?") or '"layers":[{' not in (request.post_data or ""):
            return
        values = json.loads(request.post_data or "{}")["data"]
        self.sent += [value for value in values if isinstance(value, dict) and "layers" in value]
