"""The whole app: four pages with a bar between them, and how it is launched."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import gradio as gr
from gradio.components.navbar import Navbar
from gradio.themes import Base

from causalseg.annotations.store import LabelStore
from causalseg.checkpoints import find_entry
from causalseg.engine import Engine
from causalseg.settings import Settings
from causalseg.ui import shared_text
from causalseg.ui.assets import ASSETS_DIR, script
from causalseg.ui.review.handlers import bind_review_page
from causalseg.ui.segment.bindings import bind_segment_page
from causalseg.ui.segment.layout import STATE_SECONDS
from causalseg.ui.services import Services
from causalseg.ui.train import handlers as train
from causalseg.ui.work.handlers import bind_work_page

QUEUE_SIZE = 32
_CACHE_SWEEP_SECONDS = 600
_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
_MONOSPACE = ("ui-monospace", "Consolas", "monospace")


def build_demo(
    engine: Engine,
    store: LabelStore,
    settings: Settings,
    *,
    examples_dir: Path = ASSETS_DIR / "examples",
    metrics: Mapping[str, Any] = MappingProxyType({}),
    services: Services | None = None,
) -> gr.Blocks:
    """The whole app, queued; launch it with `launch_options`. `metrics` are those of the checkpoint's entry."""
    services = services or Services(engine, store, settings, find_entry(settings.checkpoint))
    with gr.Blocks(
        title=shared_text.TITLE,
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(_CACHE_SWEEP_SECONDS, STATE_SECONDS),
    ) as demo:
        _add_bar()
        bind_segment_page(demo, services, examples_dir, metrics)
    for name, path, build in (
        (shared_text.WORK_PAGE, "work", bind_work_page),
        (shared_text.REVIEW_PAGE, "review", bind_review_page),
        (shared_text.TRAIN_PAGE, "train", train.build),
    ):
        with demo.route(name, path) as page:
            _add_bar()
            build(page, services)
    return demo.queue(max_size=QUEUE_SIZE, api_open=False)


def launch_options(settings: Settings) -> dict[str, Any]:
    """Arguments of `launch`: nothing leaves this machine and nothing is recorded."""
    return {
        "theme": _theme(),
        "css_paths": [ASSETS_DIR / "app.css", ASSETS_DIR / "lists.css"],
        "js": script("app.js"),
        "footer_links": [],
        "run_history": False,
        "ssr_mode": False,
        "share": False,
        "max_file_size": settings.max_file_bytes,
        "allowed_paths": [],
        "enable_monitoring": False,
    }


def _add_bar() -> None:
    """The bar that leads from page to page; each page has one."""
    Navbar(main_page_name=shared_text.MAIN_PAGE, elem_id="pages")


def _theme() -> Base:
    """Calm, with primary buttons dark enough for white words."""
    fill, hover = "*primary_700", "*primary_800"
    return Base(primary_hue="teal", neutral_hue="slate", font=_FONTS, font_mono=_MONOSPACE).set(
        button_primary_background_fill=fill,
        button_primary_background_fill_dark=fill,
        button_primary_background_fill_hover=hover,
        button_primary_background_fill_hover_dark=hover,
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
    )
