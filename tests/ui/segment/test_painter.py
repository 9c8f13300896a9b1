"""The editor against a reference painter that knows nothing but sets of pixels.

What each stroke covers is learnt from the editor once: the brush on an empty layer, the eraser on all one can draw.
From then on the reference painter works by itself: the brush adds a stroke's pixels, the eraser takes them away, undo
and redo go back and forth in a list. After every random sequence the mask that is saved equals the reference's to the
pixel. A sequence uses a stroke once with each tool: an eraser takes half of a pixel at its rim, and twice is all of it.
"""

import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from jaxtyping import Bool
from PIL import Image
from playwright.sync_api import Page, expect

from causalseg.scan import read_scan
from causalseg.ui.pictures import CANVAS_SIDE_PX
from tests.ui.conftest import App
from tests.ui.drive import Editor, describe, expect_status, expect_text, upload
from tests.ui.fakes import ABSENT_WORD, disc

SEQUENCES = int(os.environ.get("CAUSALSEG_LONG", "0"))
"""Of random actions; CAUSALSEG_LONG=50 took 54 minutes on one core beside other work."""
LONGEST_SEQUENCE = 4
SEED = 7
DISC_CENTRE_XY = (205, 256)
STROKES = (((150, 150), (300, 330)), ((330, 120), (200, 420)), ((120, 300), (420, 260)))
"""From and to, in pixels of the canvas; each crosses the others and the mask."""

Mask = Bool[np.ndarray, "height width"]
Action = Literal["b", "e", "Control+z", "Control+y"]
"""Brush, eraser, undo, redo: the keys."""


@dataclass
class Painter:
    """The reference."""

    footprints: dict[tuple[Action, int], Mask]
    """What a stroke covers with a tool."""
    masks: list[Mask]
    """All that can be gone back to, or forth."""
    at: int = 0

    @property
    def mask(self) -> Mask:
        return self.masks[self.at]

    def act(self, action: Action, stroke: int) -> None:
        if action == "Control+z":
            self.at -= 1
        elif action == "Control+y":
            self.at += 1
        else:
            covered = self.footprints[action, stroke]
            drawn = self.mask | covered if action == "b" else self.mask & ~covered
            self.masks, self.at = [*self.masks[: self.at + 1], drawn], self.at + 1


@dataclass
class Hand:
    """The same actions in the browser."""

    app: App
    editor: Editor
    sha256: str
    saved: int = 0

    def act(self, action: Action, stroke: int = 0) -> None:
        page = self.editor.page
        page.keyboard.press(action)
        if action in ("b", "e"):
            self.editor.stroke(*STROKES[stroke], steps=2)
        else:
            other = "Redo" if action == "Control+z" else "Undo"
            expect(page.locator(f'#editor button[aria-label="{other}"]')).to_be_enabled()

    def mask(self) -> Mask:
        """What is drawn now, saved."""
        self.saved += 1
        self.editor.save(self.saved)
        return self.app.store.mask(self.app.store.revisions(self.sha256, "me")[-1])

    def learn(self, action: Action, before: Mask) -> dict[tuple[Action, int], Mask]:
        """What each stroke changes of `before`, which is what is drawn now and afterwards."""
        learnt: dict[tuple[Action, int], Mask] = {}
        for stroke in range(len(STROKES)):
            self.act(action, stroke)
            learnt[action, stroke] = self.mask() != before
            self.act("Control+z")
        return learnt


def choices(painter: Painter, left: list[tuple[Action, int]]) -> list[tuple[Action, int]]:
    """What can be done next."""
    back: list[tuple[Action, int]] = [("Control+z", 0)] if painter.at > 0 else []
    forth: list[tuple[Action, int]] = [("Control+y", 0)] if painter.at < len(painter.masks) - 1 else []
    return left + 2 * back + 2 * forth


@pytest.mark.skipif(not SEQUENCES, reason="takes long: set CAUSALSEG_LONG to how many sequences are to be painted")
def test_random_strokes_undone_and_redone_equal_a_reference_painter_to_the_pixel(
    app: App, page: Page, tmp_path: Path
) -> None:
    path, chance = tmp_path / "disc.png", random.Random(SEED)
    Image.fromarray(disc(CANVAS_SIDE_PX, CANVAS_SIDE_PX)).save(path)
    scan = read_scan(path)
    upload(page, path)
    expect_text(page, "#facts", f"{CANVAS_SIDE_PX} × {CANVAS_SIDE_PX}")
    editor = Editor(page)
    hand, empty = Hand(app, editor, scan.sha256), np.zeros(scan.hw, bool)

    describe(page, ABSENT_WORD)
    expect_text(page, "#answer p", "Nothing like that")
    page.locator("#correct").click()
    editor.wait()
    footprints = hand.learn("b", empty)

    page.get_by_role("tab", name="Mask").click()
    describe(page, "polyp")
    expect_text(page, "#answer p", "^found")
    page.locator("#observed").click()
    expect_status(page, "^observed mask")
    editor.load_again(tinted_xy=DISC_CENTRE_XY)
    proposed = hand.mask()
    for stroke in range(len(STROKES)):
        hand.act("b", stroke)
    everything = hand.mask()
    footprints |= hand.learn("e", everything)
    for _ in STROKES:
        hand.act("Control+z")

    for _ in range(SEQUENCES):
        painter, left = Painter(footprints, [proposed]), list(footprints)
        for _ in range(chance.randint(1, LONGEST_SEQUENCE)):
            action, stroke = chance.choice(choices(painter, left))
            left = [one for one in left if one != (action, stroke)]
            painter.act(action, stroke)
            hand.act(action, stroke)
        np.testing.assert_array_equal(hand.mask(), painter.mask)
        for _ in range(painter.at):
            hand.act("Control+z")
