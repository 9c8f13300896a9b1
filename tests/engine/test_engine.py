"""The one door: sizes, presence, refusals, and that a switch repeats nothing dear."""

import logging
import pickle
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import causalseg.engine as engine_module
from causalseg import Engine, Scan, read_scan
from causalseg.errors import BadDescription, BadStrength, UnknownCheckpoint, UnknownConfounder
from tests.same import ROUNDING
from tests.scan.sample_files import make_dicom

Phantom = tuple[Scan, str]


def test_mask_and_probability_have_the_scans_own_size(engine: Engine, phantom: Phantom) -> None:
    scan = phantom[0]
    answer = engine.segment(engine.encode(scan), phantom[1])

    assert answer.mask.shape == answer.probability.shape == scan.hw
    assert answer.mask.dtype == np.bool_
    assert 0 <= answer.probability.min() <= answer.probability.max() <= 1


def test_an_encoded_scan_carries_features_and_no_model(engine: Engine, phantom: Phantom) -> None:
    encoded = engine.encode(phantom[0])

    sent = pickle.dumps(encoded)

    features = sum(part.nbytes for part in (encoded.picture, *encoded.stages, *encoded.pyramid, encoded.evidence.maps))
    assert len(sent) < features + encoded.scan.image_u8.nbytes + 100_000
    again = engine.segment(pickle.loads(sent), phantom[1])
    np.testing.assert_allclose(
        again.probability, engine.segment(encoded, phantom[1]).probability, rtol=0, atol=ROUNDING
    )


@settings(max_examples=12)
@given(height=st.integers(1, 90), width=st.integers(1, 90))
def test_any_size_is_answered(engine: Engine, height: int, width: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    answer = engine.segment(engine.encode(Scan(image, "x", "PNG")), "polyp")

    assert answer.mask.shape == (height, width)


def test_every_confounder_has_a_strength_in_the_unit_interval(engine: Engine, phantom: Phantom) -> None:
    encoded = engine.encode(phantom[0])
    answer = engine.segment(encoded, phantom[1])

    assert list(answer.confounders) == [entry.id for entry in engine.confounders]
    assert all(0 <= strength <= 1 for strength in answer.confounders.values())


def test_what_is_not_there_gets_an_empty_mask_and_keeps_its_probability(engine: Engine, phantom: Phantom) -> None:
    answer = engine.segment(engine.encode(phantom[0]), "bicycle")

    assert not answer.found
    assert not answer.mask.any()
    assert answer.presence < 0.5


def test_a_switch_repeats_neither_preprocessing_nor_presence_nor_the_text_tower(
    engine: Engine, phantom: Phantom, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: dict[str, int] = {}

    def counted(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **keywords: object) -> object:
            calls[name] = calls.get(name, 0) + 1
            return function(*arguments, **keywords)

        return call

    network = engine._checkpoint
    monkeypatch.setattr(engine_module, "squash", counted("squash", engine_module.squash))
    monkeypatch.setattr(network.text_tower, "forward", counted("text", network.text_tower.forward))
    monkeypatch.setattr(network.presence, "forward", counted("presence", network.presence.forward))
    stem = network.image_tower.stages[0]
    monkeypatch.setattr(stem, "forward", counted("stem", stem.forward))
    engine._texts.clear()

    encoded = engine.encode(phantom[0])
    engine.segment(encoded, phantom[1], remove=None)
    engine.segment(encoded, phantom[1], remove=[])
    assert calls == {"squash": 1, "stem": 1, "presence": 1, "text": 1}
    for removal in (["sensor_noise"], ["hair", "calipers"], [entry.id for entry in engine.confounders]):
        engine.segment(encoded, phantom[1], remove=removal)

    assert calls == {"squash": 1, "stem": 1 + 3, "presence": 1, "text": 1}, "the tower reads each restored picture"


@pytest.mark.parametrize("description", ["", "   ", "\n\t"])
def test_an_empty_description_is_refused(engine: Engine, phantom: Phantom, description: str) -> None:
    with pytest.raises(BadDescription, match="Type what to look for"):
        engine.segment(engine.encode(phantom[0]), description)


def test_a_description_of_5000_characters_is_refused(engine: Engine, phantom: Phantom) -> None:
    with pytest.raises(BadDescription, match="5000 characters; shorten it to at most 500"):
        engine.segment(engine.encode(phantom[0]), "p" * 5000)


def test_the_longest_allowed_description_is_read_to_its_end(engine: Engine, phantom: Phantom) -> None:
    encoded = engine.encode(phantom[0])
    plain = engine.segment(encoded, "é " * 249 + "a")
    other = engine.segment(encoded, "é " * 249 + "b")

    assert np.abs(plain.probability - other.probability).max() > 0


def test_an_unknown_confounder_is_named_and_a_way_out_given(engine: Engine, phantom: Phantom) -> None:
    encoded = engine.encode(phantom[0])

    with pytest.raises(UnknownConfounder, match=r"'moonlight'.*confounders` lists"):
        engine.segment(encoded, "polyp", remove=["moonlight"])
    with pytest.raises(UnknownConfounder, match="'moonlight'"):
        engine.add(phantom[0], "moonlight", 0.5, 0)


def test_adding_is_seeded_marked_and_leaves_its_input_alone(engine: Engine, phantom: Phantom) -> None:
    before = phantom[0].image_u8.copy()
    one, again = (engine.add(phantom[0], "sensor_noise", 0.7, 5) for _ in range(2))

    np.testing.assert_array_equal(one.image_u8, again.image_u8)
    np.testing.assert_array_equal(phantom[0].image_u8, before)
    assert (one.image_u8 != before).any()
    assert any("Simulated" in warning for warning in one.warnings)
    with pytest.raises(BadStrength):
        engine.add(phantom[0], "sensor_noise", 1.5, 0)


def test_what_is_simulated_is_the_slice_on_screen_and_no_other_can_be_turned_to(engine: Engine) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (3, 32, 32), dtype=np.uint8)
    scan = read_scan(make_dicom(frames)).view(1)

    added = engine.add(scan, "sensor_noise", 0.7, 5)

    assert (scan.count, added.count, added.index) == (3, 1, 1)
    assert (added.image_u8 != scan.image_u8).any()


def test_an_unknown_checkpoint_names_those_there_are() -> None:
    with pytest.raises(UnknownCheckpoint, match="causalseg-lite"):
        Engine.load("no-such-model")


def test_nothing_of_a_description_reaches_the_log(
    engine: Engine, phantom: Phantom, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        engine.segment(engine.encode(phantom[0]), "sesquipedalian polyp")

    assert "segment removals=1 description_chars=20" in caplog.text
    assert "sesquipedalian" not in caplog.text


def test_a_typed_confounder_is_found_and_removed_by_its_text_alone(engine: Engine, phantom: Phantom) -> None:
    encoded = engine.encode(engine.add(phantom[0], "sensor_noise", 1.0, 1))

    typed = engine.look_for(encoded, "  grainy noise all over ")

    name = "grainy noise all over"
    assert list(typed.strength) == [*encoded.strength, name]
    assert {known: typed.strength[known] for known in encoded.strength} == encoded.strength
    assert typed.strength[name] > 0.15
    assert engine.detected(typed) == engine.detected(encoded)
    observed, removed = engine.segment(typed, phantom[1], remove=None), engine.segment(typed, phantom[1], remove=[name])
    assert removed.removed == (name,)
    assert np.abs(removed.probability - observed.probability).max() > 0
    assert list(engine.counterfactuals(typed, phantom[1])) == list(typed.strength)
    assert engine.look_for(typed, name) is typed


def test_a_typed_confounder_belongs_to_the_scan_it_was_typed_for(engine: Engine, phantom: Phantom) -> None:
    encoded = engine.encode(phantom[0])

    engine.look_for(encoded, "a cable across the image")

    with pytest.raises(UnknownConfounder):
        engine.segment(encoded, phantom[1], remove=["a cable across the image"])


@pytest.mark.parametrize("text", ["", "  \n", "x" * 501])
def test_a_typed_confounder_needs_a_text_of_some_length(engine: Engine, phantom: Phantom, text: str) -> None:
    with pytest.raises(BadDescription):
        engine.look_for(engine.encode(phantom[0]), text)
