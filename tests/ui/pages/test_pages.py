"""How the pages hang together: each is there with its bar, nothing stands on them that nobody put there."""

from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.components.navbar import Navbar

from causalseg.annotations.store import LabelStore
from causalseg.settings import Settings
from causalseg.ui.demo import build_demo
from tests.ui.conftest import write_examples
from tests.ui.fakes import FakeEngine

PATHS = ["", "work", "review", "train"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> gr.Blocks:
    folder: Path = tmp_path_factory.mktemp("pages")
    return build_demo(FakeEngine(), LabelStore(folder), Settings(), examples_dir=write_examples(folder))


def on(demo: gr.Blocks, kind: type[Any]) -> list[Any]:
    return [block for block in demo.blocks.values() if type(block) is kind]


def test_every_page_has_its_bar(demo: gr.Blocks) -> None:
    assert [path for path, *_ in demo.pages] == PATHS
    assert [bar.page for bar in on(demo, Navbar)] == PATHS


def test_every_button_says_what_it_does(demo: gr.Blocks) -> None:
    words = [button.value for button in on(demo, gr.Button)]
    assert len(words) >= 6 and "Run" not in words


def test_the_pages_keep_nothing_of_a_person_on_the_server(demo: gr.Blocks) -> None:
    assert {state.page for state in on(demo, gr.State)} == {""}
