"""kill -9 of the app in the middle of a hundred saves: every acknowledged label is there and whole, and it goes on."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page

from causalseg.annotations.store import LabelStore
from tests.ui.conftest import TOUR_SEEN_JS
from tests.ui.drive import Editor, expect_text, new_page, until
from tests.user.app import Server, serving

SAVES = 100
KILLED_AFTER = 60
AT_ONCE = 8
"""Saves that wait in the queue, which holds no more than `QUEUE_SIZE`."""
HOLE_PX = 6


def first_save(page: Page, server: Server, number: int) -> tuple[Editor, dict[str, Any]]:
    """Open the first example and save its mask; the editor, and the question that the browser sent."""
    page.goto(server.url)
    page.locator("#examples button").first.click()
    expect_text(page, "#answer p", "found")
    editor = Editor(page)
    page.locator("#correct").click()
    editor.wait()
    with page.expect_request(lambda request: '"layers":[{' in (request.post_data or "")) as asked:
        editor.save(number)
    return editor, json.loads(asked.value.post_data or "")


def with_hole(layer: np.ndarray, number: int) -> bytes:
    """The layer with a hole somewhere else for each number, as a PNG."""
    rows, columns = np.nonzero(layer[..., 3])
    at = number * len(rows) // SAVES
    holed = layer.copy()
    holed[rows[at] : rows[at] + HOLE_PX, columns[at] : columns[at] + HOLE_PX, 3] = 0
    file = BytesIO()
    Image.fromarray(holed).save(file, "PNG")
    return file.getvalue()


def send(page: Page, server: Server, question: dict[str, Any], layer_png: bytes) -> None:
    """What the browser sends when Save is pressed with this layer."""
    file = FilePayload(name="layer.png", mimeType="image/png", buffer=layer_png)
    (path,) = page.request.post(f"{server.url}/gradio_api/upload", multipart={"files": file}).json()
    value = next(value for value in question["data"] if isinstance(value, dict) and "layers" in value)
    value["layers"][0] |= {"path": path, "url": f"{server.url}/gradio_api/file={path}"}
    page.request.post(f"{server.url}/gradio_api/queue/join", data=question)


def test_every_label_that_was_acknowledged_survives_and_the_next_server_goes_on(
    browser: Browser, tmp_path: Path
) -> None:
    page, store = new_page(browser), LabelStore(tmp_path / "store")
    page.context.add_init_script(TOUR_SEEN_JS)
    with serving(tmp_path) as server:
        editor, question = first_save(page, server, 1)
        layer = editor.layer(tmp_path / "gradio")
        for number in range(SAVES):
            until(page, lambda sent=number: sent - server.acknowledged() < AT_ONCE, what="the queue to be worked off")
            send(page, server, question, with_hole(layer, number))
            if server.acknowledged() >= KILLED_AFTER:
                break
        server.process.kill()
        server.process.wait()
        acknowledged = server.acknowledged()

    (stored,) = store.scans()
    saved = store.revisions(stored.sha256)
    assert KILLED_AFTER <= acknowledged <= len(saved) < SAVES
    assert [revision.number for revision in saved] == list(range(1, len(saved) + 1))
    masks = {store.mask(revision).tobytes() for revision in saved}
    assert len(masks) > KILLED_AFTER / 2, "each was drawn otherwise"
    assert store.database.rows("PRAGMA integrity_check") == [("ok",)]

    with serving(tmp_path) as server:
        first_save(page, server, len(saved) + 1)
    page.context.close()
    assert len(store.revisions(stored.sha256)) == len(saved) + 1
    assert "Traceback" not in (tmp_path / "log.txt").read_text(encoding="utf-8")
