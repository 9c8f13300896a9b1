"""Towers of a CLIP from the Hub: what open_clip itself computes, weights through the real loading code, refusals."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import open_clip
import pytest
import safetensors.torch
import torch

from causalseg.errors import CheckpointError, ChecksumMismatch
from causalseg.models.backbones import Backbone, fetch, put_clip_weights, read_backbones, verified
from causalseg.models.image_towers import ClipPixels
from causalseg.models.towers import TextCode, build_towers
from tests.models.small import SIDE_PX, SMALL


@pytest.mark.parametrize("name", ["RN50", "ViT-B-16"])
def test_patch_codes_and_texts_live_in_one_space(name: str) -> None:
    towers = build_towers(name, SIDE_PX, random_start=True, overrides=SMALL[name])
    text = towers.text(["polyp", "one small polyp in the upper left"])

    assert towers.patch_codes is not None
    with torch.no_grad():
        codes = towers.patch_codes(towers.image.eval()(torch.randn(2, 3, SIDE_PX, SIDE_PX)))

    assert codes.shape == (2, towers.text.width, SIDE_PX // 16, SIDE_PX // 16)
    assert text.words.shape[2] == text.sentence.shape[1] == towers.text.width
    torch.testing.assert_close(codes.norm(dim=1), torch.ones(2, 4, 4))


def test_a_sentence_does_not_depend_on_what_is_read_beside_it() -> None:
    tower = build_towers("RN50", SIDE_PX, random_start=True, overrides=SMALL["RN50"]).text

    alone, together = tower(["polyp!"]), tower(["polyp!", "one small polyp in the upper left corner"])

    torch.testing.assert_close(alone.sentence, together.sentence[:1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(alone.words[0], together.words[0, together.is_word[0]], rtol=1e-4, atol=1e-5)
    assert isinstance(together, TextCode)


@pytest.mark.parametrize("name", ["RN50", "ViT-B-16"])
def test_a_clip_in_pieces_computes_what_it_computes_whole(name: str) -> None:
    """The text tower's sentence, and the image tower's last stage, against open_clip's own forward passes."""
    torch.manual_seed(0)
    towers = build_towers(name, SIDE_PX, random_start=True, overrides=SMALL[name])
    torch.manual_seed(0)
    clip: Any = open_clip.create_model(f"causalseg-{name}", force_custom_text=True).eval()  # registered by build_towers
    image = torch.rand(1, 3, SIDE_PX, SIDE_PX) * 2 - 1

    with torch.no_grad():
        sentence = clip.encode_text(open_clip.get_tokenizer(f"causalseg-{name}")(["polyp"]), normalize=True)
        whole = clip.visual.forward_intermediates(ClipPixels()(image), indices=1, intermediates_only=True)
        stages = towers.image.eval()(image)

    last = whole["image_intermediates"][-1]
    torch.testing.assert_close(towers.text(["polyp"]).sentence, sentence, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(stages[3 if name == "ViT-B-16" else 4], last, rtol=1e-4, atol=1e-4)


def test_weights_of_a_file_reach_both_towers_and_position_codes_are_resized(tmp_path: Path) -> None:
    name = "ViT-B-16"
    build_towers(name, 2 * SIDE_PX, random_start=True, overrides=SMALL[name])
    given = open_clip.create_model(f"causalseg-{name}")
    path = tmp_path / "open_clip_model.safetensors"
    safetensors.torch.save_file({key: value.contiguous() for key, value in given.state_dict().items()}, path)
    build_towers(name, SIDE_PX, random_start=True, overrides=SMALL[name])
    other = open_clip.create_model(f"causalseg-{name}", force_custom_text=True)

    put_clip_weights(other, path)

    loaded = other.state_dict()
    assert torch.equal(loaded["visual.conv1.weight"], given.state_dict()["visual.conv1.weight"])
    assert torch.equal(loaded["text.text_projection"], given.state_dict()["text_projection"])
    assert loaded["visual.positional_embedding"].shape == (1 + (SIDE_PX // 16) ** 2, 64)


def test_backbones_are_pinned() -> None:
    for backbone in read_backbones().values():
        assert len(backbone.revision) == 40
        assert len(backbone.sha256) == 64
        assert backbone.file.endswith(".safetensors")


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "open_clip_model.safetensors"
    path.write_bytes(b"not it")

    with pytest.raises(ChecksumMismatch, match="timm/resnet50"):
        verified(path, read_backbones()["RN50"])


def test_weights_that_cannot_be_fetched_say_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    nowhere = replace(read_backbones()["RN50"], repo_id="causalseg-tests/there-is-no-such-repository")

    with pytest.raises(CheckpointError, match=r"cannot be fetched.*--random-start"):
        fetch(nowhere)
    assert isinstance(nowhere, Backbone)
