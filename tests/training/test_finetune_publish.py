"""A version can leave the machine: the manifest names it, a model card says what it is; what its gate stopped stays."""

from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
import yaml

from causalseg.checkpoints import CheckpointEntry, find_entry, kept_state, load_network, save_weights
from causalseg.errors import BadVersion, CheckpointError
from causalseg.files import file_sha256
from causalseg.models.build import build_network
from causalseg.versions import VersionStore
from tests.test_versions import CHANGE, ENTRY, TINY, card
from training.finetune.publish import adopt, model_card
from training.manifest import write_entry


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CheckpointEntry]:
    """A project folder with one tiny checkpoint."""
    folder = tmp_path_factory.mktemp("project")
    torch.manual_seed(0)
    save_weights(build_network(TINY), folder / ENTRY.file)
    entry = replace(ENTRY, sha256=file_sha256(folder / ENTRY.file))
    write_entry(entry, folder / "checkpoints_manifest.yaml")
    return folder, entry


def test_an_adopted_version_is_loaded_by_its_name(project: tuple[Path, CheckpointEntry], tmp_path: Path) -> None:
    folder, base = project
    versions = VersionStore(tmp_path)
    written = versions.add(replace(card("one"), checkpoint_sha256=base.sha256), CHANGE)

    adopted = adopt(versions, written, base, folder)

    found = find_entry(adopted.name, folder / "checkpoints_manifest.yaml")
    assert found == adopted
    state, plain = kept_state(load_network(found, folder)), kept_state(load_network(base, folder))
    assert [name for name in state if not torch.equal(state[name], plain[name])] == list(CHANGE)
    assert safetensors.torch.load_file(folder / found.file).keys() == CHANGE.keys()
    with pytest.raises(CheckpointError, match="changes other weights"):
        load_network(replace(found, changes_to_sha256="f" * 64), folder)


def test_what_the_gate_stopped_is_not_given_away(project: tuple[Path, CheckpointEntry], tmp_path: Path) -> None:
    versions = VersionStore(tmp_path)
    written = versions.add(replace(card("bad", passed=False), checkpoint_sha256=project[1].sha256), CHANGE)

    with pytest.raises(BadVersion, match="no better"):
        adopt(versions, written, project[1], project[0])


def test_a_model_card_has_front_matter_scores_and_the_licence() -> None:
    text = model_card(card("one"), ENTRY)

    front = yaml.safe_load(text.split("---")[1])
    assert front["library_name"] == "causalseg"
    assert "| corrections | 0.500 [0.400, 0.600] |" in text
    assert ENTRY.licence in text
