"""Other looks at a file, without a page: another slice, another window, all slices."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from causalseg.errors import InputError
from causalseg.scan import Scan
from causalseg.settings import Settings
from causalseg.ui.long_tasks import LongTasks
from causalseg.ui.segment import handlers, panels, text
from causalseg.ui.segment.session import SessionState
from tests.ui.fakes import FakeEngine, bright
from tests.ui.volumes import CENTER, COUNT, WIDTH, write_frames, write_series

SETTINGS = Settings()


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def opened(engine: FakeEngine, tmp_path: Path) -> SessionState:
    return handlers.open_upload(engine, SETTINGS, SessionState(), [str(write_frames(tmp_path))], "lung")


def scan_of(state: SessionState) -> Scan:
    assert state.encoded is not None
    return state.encoded.scan


def test_another_slice_keeps_the_question_and_is_encoded_once(engine: FakeEngine, opened: SessionState) -> None:
    turned = handlers.look_at(engine, opened, 4)
    assert scan_of(turned).index == 3 and turned.description == "lung" and turned.mask_word == "adjusted"
    assert engine.calls["encode"] == 2
    assert turned.observed is not None
    np.testing.assert_array_equal(turned.observed.mask, bright(scan_of(turned).image_u8))


def test_there_and_back_is_the_same_mask(engine: FakeEngine, opened: SessionState) -> None:
    back = handlers.look_at(engine, handlers.look_at(engine, opened, 5), 1)
    assert back.current is not None and opened.current is not None
    np.testing.assert_array_equal(back.current.mask, opened.current.mask)


def test_the_slice_on_screen_again_changes_nothing(engine: FakeEngine, opened: SessionState) -> None:
    assert handlers.look_at(engine, opened, 1) is opened
    assert handlers.look_at(engine, opened, None) is opened


def test_switches_stay_as_they_are(engine: FakeEngine, opened: SessionState) -> None:
    chosen = handlers.switch(engine, opened, ["hair"])
    assert handlers.look_at(engine, chosen, 2).removed == ("hair",)
    assert handlers.look_at(engine, handlers.show_observed(engine, opened), 2).mask_word == "observed"


def test_a_slice_that_is_not_there_is_refused(engine: FakeEngine, opened: SessionState) -> None:
    with pytest.raises(InputError, match=f"from 1 to {COUNT}"):
        handlers.look_at(engine, opened, COUNT + 1)


def test_a_window_changes_the_picture_and_stays_for_the_next_slice(engine: FakeEngine, opened: SessionState) -> None:
    narrow = handlers.look_through(engine, opened, 250, 20)
    assert (scan_of(narrow).image_u8 != scan_of(opened).image_u8).any()
    window = scan_of(handlers.look_at(engine, narrow, 3)).window
    assert window is not None and (window.center, window.width) == (250, 20)


def test_the_files_own_window_comes_back(engine: FakeEngine, opened: SessionState) -> None:
    narrow = handlers.look_through(engine, opened, 250, 20)
    own = handlers.look_through_named(engine, narrow, handlers.FILE_WINDOW)
    assert own.window is None
    np.testing.assert_array_equal(scan_of(own).image_u8, scan_of(opened).image_u8)


def test_a_preset_is_its_window(engine: FakeEngine, opened: SessionState) -> None:
    labels = [named.label for named in scan_of(opened).windows]
    lung = handlers.look_through_named(engine, opened, labels.index("lung"))
    window = scan_of(lung).window
    assert window is not None and (window.center, window.width) == (-600, 1500)


def test_numbers_that_are_shown_already_change_nothing(engine: FakeEngine, opened: SessionState) -> None:
    assert handlers.look_through(engine, opened, CENTER, WIDTH) is opened


@pytest.mark.parametrize("numbers", [(None, 20), (20, None), (20, -1), (float("nan"), 20)])
def test_half_a_window_says_what_is_missing(
    engine: FakeEngine, opened: SessionState, numbers: tuple[float | None, float | None]
) -> None:
    with pytest.raises(InputError) as refused:
        handlers.look_through(engine, opened, *numbers)
    assert str(refused.value) == text.BAD_WINDOW


def test_a_simulated_scan_turns_to_the_original_slice(engine: FakeEngine, opened: SessionState) -> None:
    added = handlers.add(engine, opened, "sensor_noise", 0.6, 3)
    turned = handlers.look_at(engine, added, 2)
    assert turned.original is None and not turned.simulated
    np.testing.assert_array_equal(scan_of(turned).image_u8, scan_of(opened).view(1).image_u8)


def test_all_slices_are_the_slices_one_by_one(engine: FakeEngine, opened: SessionState) -> None:
    *_, volume = handlers.segment_slices(engine, opened, is_stopped=lambda: False)
    assert volume.is_done.all() and volume.mask_word == "adjusted"
    for index in range(COUNT):
        current = handlers.look_at(engine, opened, index + 1).current
        assert current is not None
        np.testing.assert_array_equal(volume.masks[index], current.mask)


def test_what_was_made_before_a_stop_is_kept(engine: FakeEngine, opened: SessionState) -> None:
    encoded = engine.calls["encode"]
    volumes = list(handlers.segment_slices(engine, opened, is_stopped=lambda: engine.calls["encode"] == encoded + 2))
    assert volumes[-1].is_done.tolist() == [True, True, False, False, False]


def test_all_slices_need_a_question(engine: FakeEngine, opened: SessionState) -> None:
    for state in (SessionState(), handlers.look_again(engine, opened, "")):
        with pytest.raises(InputError):
            next(handlers.segment_slices(engine, state, is_stopped=lambda: False))


def test_a_series_is_sorted_by_place_and_its_files_are_deleted(engine: FakeEngine, tmp_path: Path) -> None:
    paths = write_series(tmp_path)
    state = handlers.open_upload(engine, SETTINGS, SessionState(), [str(path) for path in paths], "lung")
    areas = [bright(scan_of(state).view(index).image_u8).sum() for index in range(scan_of(state).count)]
    assert len(areas) == COUNT and areas in (sorted(areas), sorted(areas, reverse=True))
    assert not any(path.exists() for path in paths)


def test_the_volume_is_in_millilitres_where_the_slices_distance_is_known(engine: FakeEngine, tmp_path: Path) -> None:
    paths = [str(path) for path in write_series(tmp_path)]
    state = handlers.open_upload(engine, SETTINGS, SessionState(), paths, "lung")
    *_, volume = handlers.segment_slices(engine, state, is_stopped=lambda: False)
    millilitres = volume.masks.sum() * 0.5 * 0.5 * 2.0 / 1000
    assert f"{COUNT} of {COUNT} slices · {millilitres:,.1f} ml" in panels.volume(volume, scan_of(state))


def test_progress_tells_the_time_left(engine: FakeEngine, opened: SessionState) -> None:
    first, second = islice(handlers.segment_slices(engine, opened, is_stopped=lambda: False), 2)
    assert f"1 of {COUNT} · 12 s left" in panels.volume_progress(first, 3.0)
    assert f"2 of {COUNT} · 9 s left" in panels.volume_progress(second, 6.0)


def test_stopping_reaches_the_task_of_that_tab_only() -> None:
    tasks = LongTasks()
    mine, other = tasks.begin("mine"), tasks.begin("other")
    tasks.stop("mine")
    assert mine.is_stopped and not mine.is_dropped and not other.is_stopped


def test_a_second_task_drops_the_first() -> None:
    tasks = LongTasks()
    first, second = tasks.begin("tab"), tasks.begin("tab")
    tasks.end("tab", first)
    assert first.is_dropped and not second.is_stopped
    tasks.drop("tab")
    assert second.is_dropped
