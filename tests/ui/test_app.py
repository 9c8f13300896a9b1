"""What holds the app together: a short app.py, examples that open, a GPU only where there is one to borrow."""

import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from causalseg.annotations.store import LabelStore
from causalseg.settings import Settings
from causalseg.ui.assets import ASSETS_DIR
from causalseg.ui.bind import EDITOR, MODEL
from causalseg.ui.demo import QUEUE_SIZE, build_demo, launch_options
from causalseg.ui.gpu import on_gpu
from causalseg.ui.segment.examples import examples, read_example
from tests.ui.conftest import write_examples
from tests.ui.fakes import FakeEngine

LONGEST_APP_LINES = 40


def test_app_py_only_wires() -> None:
    app_py = ASSETS_DIR.parent / "app.py"
    assert len(app_py.read_text(encoding="utf-8").splitlines()) <= LONGEST_APP_LINES


def test_every_example_opens_with_its_modality_and_a_description() -> None:
    for example in examples(ASSETS_DIR / "examples"):
        scan = read_example(example, Settings())
        assert scan.modality == example.modality
        assert example.description


def test_some_examples_are_dicom() -> None:
    formats = {read_example(example, Settings()).format for example in examples(ASSETS_DIR / "examples")}
    assert formats == {"PNG", "DICOM"}


def test_without_the_spaces_package_a_call_stays_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert on_gpu(len) is len


def test_with_the_spaces_package_a_call_is_wrapped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapped: list[Callable[..., Any]] = []
    spaces = types.ModuleType("spaces")
    spaces.__spec__ = importlib.machinery.ModuleSpec("spaces", None)
    vars(spaces)["GPU"] = lambda call: wrapped.append(call) or call
    monkeypatch.setitem(sys.modules, "spaces", spaces)
    assert on_gpu(len)([1, 2]) == 2
    assert wrapped == [len]


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    demo = build_demo(FakeEngine(), LabelStore(tmp_path), Settings(), examples_dir=write_examples(tmp_path))
    return {"demo": demo, "events": list(demo.fns.values())}


def test_the_model_answers_one_question_at_a_time(config: dict[str, Any]) -> None:
    by_place = {MODEL.name: 0, EDITOR.name: 0}
    for event in config["events"]:
        if event.concurrency_id in by_place:
            by_place[event.concurrency_id] += 1
            assert event.concurrency_limit == 1
    assert min(by_place.values()) >= 3


def test_no_event_is_open_to_other_programs(config: dict[str, Any]) -> None:
    assert {event.api_visibility for event in config["events"]} == {"private"}
    assert not config["demo"].api_open


def test_states_and_files_are_forgotten(config: dict[str, Any]) -> None:
    demo = config["demo"]
    states = [block for block in demo.blocks.values() if type(block).__name__ == "State"]
    assert len(states) == 7 and all(state.time_to_live == 3600 for state in states)
    assert demo.delete_cache == (600, 3600)
    assert demo._queue.max_size == QUEUE_SIZE
    assert not demo.analytics_enabled


def test_nothing_is_shared_recorded_or_let_in_from_the_disk() -> None:
    options = launch_options(Settings())
    assert options["run_history"] is options["ssr_mode"] is options["share"] is False
    assert options["allowed_paths"] == [] and options["max_file_size"] == Settings().max_file_bytes
    assert "server_name" not in options, "Gradio's own default is 127.0.0.1, and its variables may move it"


@pytest.mark.parametrize("can_remove", [True, False])
def test_there_are_switches_only_where_confounders_can_be_removed_by_name(tmp_path: Path, can_remove: bool) -> None:
    engine = FakeEngine()
    engine.can_remove = can_remove
    demo = build_demo(engine, LabelStore(tmp_path), Settings(), examples_dir=write_examples(tmp_path))
    blocks: dict[str | None, Any] = {getattr(block, "elem_id", None): block for block in demo.blocks.values()}
    assert blocks["switching"].visible == blocks["adjusted"].interactive == can_remove
    assert ("no-switches" in blocks) != can_remove
