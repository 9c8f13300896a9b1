from pathlib import Path

import pytest
import yaml

from causalseg.causal.dictionary import FAMILIES, Confounder, load_dictionary
from causalseg.causal.simulate import SIMULATORS
from causalseg.scan import MODALITIES

ENTRY = {
    "id": "smoke",
    "label": "Smoke",
    "family": "artefact",
    "modalities": ["endoscopy"],
    "scope": "global",
    "simulator": None,
    "native_to": [],
    "prompts": ["surgical smoke", "grey smoke in front of the tissue", "hazy plume of a cautery"],
}


def load(folder: Path, *entries: object) -> tuple[Confounder, ...]:
    path = folder / "confounders.yaml"
    path.write_text(yaml.safe_dump(list(entries)), encoding="utf-8")
    return load_dictionary(path)


def test_every_simulator_belongs_to_exactly_one_entry() -> None:
    assert [entry.simulator for entry in load_dictionary()] == list(SIMULATORS)


def test_the_dictionary_is_read_once() -> None:
    assert load_dictionary() is load_dictionary()


def test_every_modality_and_every_family_is_spoken_of() -> None:
    dictionary = load_dictionary()
    assert {modality for entry in dictionary for modality in entry.modalities} == {*MODALITIES}
    assert {entry.family for entry in dictionary} == {*FAMILIES}


def test_no_phrase_stands_for_two_confounders() -> None:
    prompts = [prompt for entry in load_dictionary() for prompt in entry.prompts]
    assert len({*prompts}) == len(prompts)


def test_every_modality_has_a_confounder_that_its_scans_are_free_of() -> None:
    for modality in MODALITIES:
        assert any(modality in entry.modalities and modality not in entry.native_to for entry in load_dictionary())


def test_an_entry_comes_back_as_it_was_written(tmp_path: Path) -> None:
    (entry,) = load(tmp_path, ENTRY)
    assert (entry.id, entry.scope, entry.simulator, entry.native_to) == ("smoke", "global", None, ())
    assert list(entry.prompts) == ENTRY["prompts"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"famly": "artefact"}, "famly: Unexpected keyword"),
        ({"family": "weather"}, "family: Input should be 'acquisition device'"),
        ({"scope": "everywhere"}, "scope: Input should be 'local' or 'global'"),
        ({"modalities": ["endoscopy", "xray"]}, "unknown modalities .'xray'"),
        ({"native_to": ["smell"]}, "unknown modalities .'smell'"),
        ({"native_to": ["mri"]}, "must hold all of native_to"),
        ({"modalities": []}, "modalities: Tuple should have at least 1 item"),
        ({"modalities": "endoscopy"}, "modalities: Input should be a valid tuple"),
        ({"prompts": ["smoke", "haze"]}, "prompts: Tuple should have at least 3 items"),
        ({"prompts": ["smoke", "haze", "smoke"]}, "must all be different"),
        ({"prompts": ["smoke", "haze", 3]}, "prompts.2: Input should be a valid string"),
        ({"label": ""}, "label: String should have at least 1 character"),
        ({"simulator": 3}, "simulator: Input should be a valid string"),
        ({"hides": True}, "only a local confounder hides"),
    ],
)
def test_a_wrong_entry_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(tmp_path, ENTRY | change)


def test_what_is_not_said_to_hide_does_not(tmp_path: Path) -> None:
    seen, hiding = load(tmp_path, ENTRY, ENTRY | {"id": "glove", "scope": "local", "hides": True, "prompts": [*"abc"]})
    assert (seen.hides, hiding.hides) == (False, True)


@pytest.mark.parametrize("key", ENTRY)
def test_a_missing_key_is_refused(tmp_path: Path, key: str) -> None:
    entry = {name: value for name, value in ENTRY.items() if name != key}
    with pytest.raises(ValueError, match=f"0.{key}: Field required"):
        load(tmp_path, entry)


def test_two_entries_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'smoke'. occur more than once"):
        load(tmp_path, ENTRY, ENTRY)


@pytest.mark.parametrize("text", ["", "id: smoke", "- smoke"])
def test_a_file_that_is_no_list_of_entries_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "confounders.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="must hold a list of entries"):
        load_dictionary(path)
