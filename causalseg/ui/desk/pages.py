"""The pages hooked into the app: `add_pages(demo, desk)` after the main page is built, before it is queued."""

from collections.abc import Callable

import gradio as gr
from gradio.components.navbar import Navbar

from causalseg.ui.desk import review, train, words, work
from causalseg.ui.desk.desk import ASSETS_DIR, Desk

CSS = ASSETS_DIR / "desk.css"

_PAGES: tuple[tuple[str, str, Callable[[gr.Blocks, Desk], None]], ...] = (
    (words.WORK_PAGE, "work", work.build),
    (words.REVIEW_PAGE, "review", review.build),
    (words.TRAIN_PAGE, "train", train.build),
)
"""Name, path, builder; in the order in which they stand in the bar."""


def add_bar() -> None:
    """The bar that leads from page to page; each page has one."""
    Navbar(main_page_name=words.MAIN_PAGE, elem_id="pages")


def add_pages(demo: gr.Blocks, desk: Desk) -> None:
    """Give `demo` its other pages, each with its bar."""
    for name, path, build in _PAGES:
        with demo.route(name, path) as page:
            add_bar()
            build(page, desk)
