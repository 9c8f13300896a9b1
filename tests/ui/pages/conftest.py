"""The whole app on a small model of random weights, with a store and versions of its own."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from causalseg.annotations.store import LabelStore
from causalseg.checkpoints import find_entry
from causalseg.engine import Engine
from causalseg.settings import Settings
from causalseg.ui.demo import build_demo, launch_options
from causalseg.ui.services import Services
from causalseg.ui.train.process import Tuner
from causalseg.ui.train.training_entry import Order, command_of
from causalseg.versions import VersionCard, VersionStore
from tests.test_versions import CHANGE, TINY, card
from tests.ui.conftest import free_port, write_examples
from tests.ui.drive import new_page
from tests.ui.pages.world import draw_approved, small_engine
from tests.user.environment import PYTHON

ENTRY = replace(find_entry("causalseg-lite"), architecture=TINY)
"""The embedded checkpoint by name and hash, so that the real command fine-tunes it; the network here is a small one."""
SIDE_PX = 192


@dataclass(frozen=True)
class World:
    """The running app and what stands behind it."""

    url: str
    engine: Engine
    store: LabelStore
    versions: VersionStore
    tmp: Path

    def add_version(self, name: str, *, passed: bool = True) -> VersionCard:
        made = replace(card(name, passed=passed), checkpoint=ENTRY.name, checkpoint_sha256=ENTRY.sha256)
        return self.versions.add(replace(made, parent=ENTRY.name), CHANGE)


def few_steps_by_the_users_python(order: Order) -> tuple[str, ...]:
    """The page's own command, in the environment of requirements.txt alone."""
    return (str(PYTHON), *command_of(order)[1:], "--steps", "5")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    tmp = tmp_path_factory.mktemp("desk")
    settings = Settings(store_dir=tmp / "store", versions_dir=tmp / "versions")
    engine, store = small_engine(settings, ENTRY), LabelStore(settings.store_dir)
    draw_approved(store, 6, side_px=SIDE_PX)
    services = Services(engine, store, settings, ENTRY, Tuner(few_steps_by_the_users_python))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp / "gradio"))
        demo = build_demo(engine, store, settings, examples_dir=write_examples(tmp), services=services)
        options = launch_options(settings)
        _, url, _ = demo.launch(**options, server_port=free_port(), prevent_thread_lock=True, quiet=True)
        yield World(url, engine, store, services.versions, tmp)
        demo.close()
    services.tuner.stop()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A new tab of 1280 x 800."""
    page = new_page(browser)
    yield page
    page.context.close()
