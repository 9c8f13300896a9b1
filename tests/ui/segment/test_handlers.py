"""The handlers, without a page: a scan is read and encoded once, and every switch is an answer about that scan."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from causalseg.errors import BadDescription, InputError, UnknownConfounder, UnreadableScan
from causalseg.settings import Settings
from causalseg.ui.segment import handlers, text
from causalseg.ui.segment.examples import Example
from causalseg.ui.segment.session import SessionState, shown_mask
from tests.ui.fakes import ABSENT_WORD, DETECTED, FakeEngine, band, bright, disc

SETTINGS = Settings()


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def png(tmp_path: Path) -> Path:
    path = tmp_path / "scan.png"
    Image.fromarray(disc(60, 80)).save(path)
    return path


@pytest.fixture
def opened(engine: FakeEngine, png: Path) -> SessionState:
    return handlers.open_upload(engine, SETTINGS, SessionState(), [str(png)], "polyp")


def test_opening_shows_the_adjusted_mask(opened: SessionState) -> None:
    assert opened.removed == opened.detected == DETECTED
    assert opened.mask_word == "adjusted"
    assert opened.current is not None and opened.current.removed == DETECTED
    assert opened.observed is not None and opened.observed.removed == ()


def test_the_upload_is_deleted_once_it_is_read(opened: SessionState, png: Path) -> None:
    assert opened.encoded is not None
    assert not png.exists()


def test_a_refused_upload_is_deleted_too(engine: FakeEngine, tmp_path: Path) -> None:
    path = tmp_path / "text.png"
    path.write_text("not a picture", encoding="utf-8")
    with pytest.raises(UnreadableScan):
        handlers.open_upload(engine, SETTINGS, SessionState(), [str(path)], "")
    assert not path.exists()
    assert engine.calls["encode"] == 0


def test_an_example_is_kept_and_brings_its_modality_and_description(engine: FakeEngine, png: Path) -> None:
    state = handlers.open_example(engine, SETTINGS, Example(png, "endoscopy", "polyp"))
    assert png.exists()
    assert state.description == "polyp"
    assert state.encoded is not None and state.encoded.scan.modality == "endoscopy"


def test_switching_never_reads_nor_encodes_again(engine: FakeEngine, opened: SessionState) -> None:
    state = opened
    for removed in ((), ("hair",), ("hair", "gain"), DETECTED, ("burned_in_text",)):
        state = handlers.switch(engine, state, removed)
    assert engine.calls["encode"] == 1
    assert state.encoded is opened.encoded


def test_a_switch_takes_its_confounders_share_of_the_mask_away(engine: FakeEngine, opened: SessionState) -> None:
    state = handlers.switch(engine, opened, ["compression"])
    assert opened.encoded is not None and state.current is not None
    expected = bright(opened.encoded.scan.image_u8)
    expected[band(engine.place("compression"), expected.shape[0])] = False
    np.testing.assert_array_equal(state.current.mask, expected)
    assert state.mask_word == "counterfactual"


def test_the_order_of_ticks_does_not_matter(engine: FakeEngine, opened: SessionState) -> None:
    there = handlers.switch(engine, opened, ["burned_in_text", "low_contrast"])
    assert there.removed == ("low_contrast", "burned_in_text")
    assert there.mask_word == "adjusted"


def test_observed_and_adjusted_are_there_and_back(engine: FakeEngine, opened: SessionState) -> None:
    observed = handlers.show_observed(engine, opened)
    back = handlers.show_adjusted(engine, observed)
    assert observed.mask_word == "observed" and observed.current is observed.observed
    assert back.current is not None and opened.current is not None
    np.testing.assert_array_equal(back.current.mask, opened.current.mask)


def test_the_observed_mask_is_made_once_a_description(engine: FakeEngine, opened: SessionState) -> None:
    before = engine.calls["segment"]
    state = handlers.switch(engine, opened, ["hair"])
    handlers.switch(engine, state, ["gain"])
    assert engine.calls["segment"] == before + 2


def test_typing_the_same_description_changes_nothing(engine: FakeEngine, opened: SessionState) -> None:
    assert handlers.look_again(engine, opened, "polyp") is opened


def test_clearing_the_description_clears_the_mask_and_keeps_the_switches(
    engine: FakeEngine, opened: SessionState
) -> None:
    cleared = handlers.look_again(engine, opened, "  ")
    assert cleared.current is None and cleared.observed is None
    assert cleared.removed == opened.removed
    assert handlers.switch(engine, cleared, ["hair"]).removed == ("hair",)


def test_entering_an_empty_description_says_what_to_do(engine: FakeEngine, opened: SessionState) -> None:
    with pytest.raises(BadDescription, match="Type what to look for"):
        handlers.ask(engine, opened, "")


def test_asking_without_a_scan_says_what_to_do(engine: FakeEngine) -> None:
    with pytest.raises(InputError, match="Open a scan first"):
        handlers.ask(engine, SessionState(), "polyp")


def test_what_is_not_found_is_empty_until_shown_anyway(engine: FakeEngine, opened: SessionState) -> None:
    state = handlers.look_again(engine, opened, ABSENT_WORD)
    assert state.current is not None and not state.current.found
    assert not shown_mask(state.current, anyway=state.anyway).any()
    anyway = handlers.show_anyway(state, True)
    assert anyway.current is not None
    np.testing.assert_array_equal(shown_mask(anyway.current, anyway=anyway.anyway), anyway.current.probability > 0.5)


def test_try_all_ranks_by_how_far_the_mask_moves(engine: FakeEngine, opened: SessionState) -> None:
    effects = handlers.try_all(engine, opened)
    dices = [effect.dice for _, effect in effects]
    assert dices == sorted(dices)
    assert dices[0] < 1.0 == dices[-1]
    assert engine.calls["counterfactuals"] == 1 and engine.calls["encode"] == 1


def test_try_all_leaves_out_what_cannot_be_in_this_modality(engine: FakeEngine, png: Path) -> None:
    state = handlers.open_example(engine, SETTINGS, Example(png, "mri", "glioma"))
    labels = {label for label, _ in handlers.try_all(engine, state)}
    assert "Ghosting" in labels and "Hair" not in labels


def test_listed_puts_the_strongest_first(engine: FakeEngine, opened: SessionState) -> None:
    present, absent = handlers.listed(engine, opened)
    assert present == ("burned_in_text", "low_contrast")
    assert opened.encoded is not None
    strengths = [opened.encoded.strength[id_] for id_ in absent]
    assert strengths == sorted(strengths, reverse=True)
    assert not set(present) & set(absent)


def test_an_added_confounder_is_marked_and_can_be_taken_back(engine: FakeEngine, opened: SessionState) -> None:
    added = handlers.add(engine, opened, "sensor_noise", 0.6, 3)
    assert added.simulated == "Simulated: Noise, strength 0.60, seed 3"
    assert added.original is opened.encoded
    assert added.encoded is not None and opened.encoded is not None
    assert (added.encoded.scan.image_u8 != opened.encoded.scan.image_u8).any()
    back = handlers.back_to_original(engine, added)
    assert back.encoded is opened.encoded and not back.simulated and back.original is None
    assert engine.calls["encode"] == 2


def test_a_second_confounder_is_added_to_the_scan_as_opened(engine: FakeEngine, opened: SessionState) -> None:
    once = handlers.add(engine, opened, "hair", 0.5, 0)
    twice = handlers.add(engine, handlers.add(engine, opened, "gain", 1.0, 0), "hair", 0.5, 0)
    assert once.encoded is not None and twice.encoded is not None
    np.testing.assert_array_equal(once.encoded.scan.image_u8, twice.encoded.scan.image_u8)


@pytest.mark.parametrize(
    ("confounder", "seed", "sentence"),
    [
        (None, 0, text.PICK_FIRST),
        ("hair", None, text.BAD_SEED),
        ("hair", -1, text.BAD_SEED),
        ("hair", 2**32, text.BAD_SEED),
    ],
)
def test_adding_says_what_is_missing(
    engine: FakeEngine, opened: SessionState, confounder: str | None, seed: int | None, sentence: str
) -> None:
    with pytest.raises(InputError) as refused:
        handlers.add(engine, opened, confounder, 0.5, seed)
    assert str(refused.value) == sentence


def test_adding_an_unknown_confounder_is_refused(engine: FakeEngine, opened: SessionState) -> None:
    with pytest.raises(UnknownConfounder):
        handlers.add(engine, opened, "gremlins", 0.5, 0)


def test_a_handler_leaves_the_state_it_was_given_alone(engine: FakeEngine, opened: SessionState) -> None:
    before = (opened.removed, opened.description, opened.current, opened.observed)
    handlers.switch(engine, opened, ())
    handlers.look_again(engine, opened, "lung")
    assert (opened.removed, opened.description, opened.current, opened.observed) == before


def test_a_copy_of_the_upload_gives_the_same_scan(engine: FakeEngine, png: Path, tmp_path: Path) -> None:
    other = Path(shutil.copy(png, tmp_path / "other name.png"))
    first = handlers.open_upload(engine, SETTINGS, SessionState(), [str(png)], "")
    second = handlers.open_upload(engine, SETTINGS, SessionState(), [str(other)], "")
    assert first.encoded is not None and second.encoded is not None
    assert first.encoded.scan.sha256 == second.encoded.scan.sha256


CABLE = "a cable across the image"


def test_a_typed_confounder_is_listed_and_removed_at_once(engine: FakeEngine, opened: SessionState) -> None:
    typed = handlers.look_for(engine, opened, f"  {CABLE} ")
    assert typed.removed == (*DETECTED, CABLE) and typed.mask_word == "counterfactual"
    assert handlers.listed(engine, typed)[0][-1] == CABLE
    assert typed.switched is not None and (typed.switched.label, typed.switched.is_removed) == (CABLE, True)
    assert engine.calls["encode"] == 1
    assert handlers.show_adjusted(engine, typed).removed == DETECTED


def test_the_label_of_a_known_confounder_is_that_one(engine: FakeEngine, opened: SessionState) -> None:
    assert handlers.look_for(engine, opened, "hair").removed == (*DETECTED, "hair")
    assert handlers.look_for(engine, opened, "NOISE").encoded is opened.encoded


def test_a_typed_confounder_stays_for_another_look(engine: FakeEngine, opened: SessionState) -> None:
    typed = handlers.switch(engine, handlers.look_for(engine, opened, CABLE), [CABLE])
    added = handlers.add(engine, typed, "sensor_noise", 0.6, 3)
    for state in (added, handlers.back_to_original(engine, added)):
        assert CABLE in handlers.listed(engine, state)[0]
        assert handlers.switch(engine, state, [CABLE]).removed == (CABLE,)


def test_try_all_tries_the_typed_one_too(engine: FakeEngine, opened: SessionState) -> None:
    assert CABLE in dict(handlers.try_all(engine, handlers.look_for(engine, opened, CABLE)))


def test_a_confounder_is_typed_after_a_scan_is_open(engine: FakeEngine, opened: SessionState) -> None:
    with pytest.raises(InputError, match="Open a scan first"):
        handlers.look_for(engine, SessionState(), CABLE)
    with pytest.raises(BadDescription):
        handlers.look_for(engine, opened, "  ")
