"""A checkpoint is verified, complete and safe, or it is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
import yaml

from causalseg.checkpoints import (
    CheckpointEntry,
    find_entry,
    kept_state,
    put_weights,
    read_manifest,
    save_weights,
    verified_path,
)
from causalseg.errors import CheckpointError, ChecksumMismatch
from causalseg.files import file_sha256
from causalseg.models.build import Architecture, build_network


@pytest.fixture
def copied(tmp_path: Path) -> tuple[CheckpointEntry, Path]:
    """The embedded entry with a copy of its file under a folder of its own."""
    entry = find_entry("causalseg-lite")
    target = tmp_path / entry.file
    target.parent.mkdir(parents=True)
    target.write_bytes(verified_path(entry).read_bytes())
    return entry, target


def test_the_embedded_checkpoint_is_the_one_the_manifest_names(
    copied: tuple[CheckpointEntry, Path], tmp_path: Path
) -> None:
    assert verified_path(copied[0], tmp_path) == copied[1]


def test_one_flipped_bit_is_refused(copied: tuple[CheckpointEntry, Path], tmp_path: Path) -> None:
    entry, file = copied
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))

    with pytest.raises(ChecksumMismatch, match="SHA-256 differs"):
        verified_path(entry, tmp_path)


def test_a_missing_file_says_what_to_do(copied: tuple[CheckpointEntry, Path], tmp_path: Path) -> None:
    copied[1].unlink()

    with pytest.raises(CheckpointError, match=r"missing.*Restore the file"):
        verified_path(copied[0], tmp_path)


def test_weights_survive_saving_at_half_precision(tmp_path: Path) -> None:
    network = build_network(Architecture(channels=32, code_width=16))
    path = tmp_path / "weights.safetensors"
    save_weights(network, path)
    other = build_network(Architecture(channels=32, code_width=16))

    put_weights(other, safetensors.torch.load_file(path), "test")

    for name, value in kept_state(network).items():
        torch.testing.assert_close(
            kept_state(other)[name], value.to(torch.float16).to(value.dtype) if value.is_floating_point() else value
        )
    assert not any(name.startswith("text_tower") for name in safetensors.torch.load_file(path))


def test_incomplete_weights_are_refused() -> None:
    network = build_network(Architecture(channels=32, code_width=16))
    weights = dict(kept_state(network))
    weights.pop("decoder.narrow.weight")

    with pytest.raises(CheckpointError, match=r"decoder\.narrow\.weight"):
        put_weights(network, weights, "test")


def test_an_unknown_manifest_key_is_an_error(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text("broken:\n  file: x\n  shasum: y\n")

    with pytest.raises(CheckpointError, match="shasum"):
        read_manifest(manifest)


@pytest.mark.parametrize("key", ["separate", "restores"])
def test_a_manifest_of_a_design_that_is_gone_is_refused_in_a_sentence(key: str, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.yaml"
    entry = {
        "file": "x", "sha256": "0", "licence": "none", "architecture": {"channels": 32, key: True},
        "presence_threshold": 0.5, "temperature": 1.0, "detection_threshold": 0.25,
    }  # fmt: skip
    manifest.write_text(yaml.safe_dump({"old": entry}))

    with pytest.raises(CheckpointError, match=rf"^old: the manifest entry cannot be used: architecture\.{key}: "):
        read_manifest(manifest)


def test_the_file_in_the_manifest_is_small_enough_to_ship() -> None:
    path = verified_path(find_entry("causalseg-lite"))

    assert path.stat().st_size < 40e6
    assert file_sha256(path) == find_entry("causalseg-lite").sha256
    assert replace(find_entry("causalseg-lite"), name="x").licence
