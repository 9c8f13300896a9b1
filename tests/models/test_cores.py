"""The three causal cores on the three kinds of towers: shapes, gradients, one batch learnt, the shared interface."""

from typing import cast

import pytest
import torch
from torch import Tensor

from causalseg.errors import UnknownConfounder
from causalseg.models.build import CORES, Architecture
from causalseg.models.causalclipseg import Carafe, CausalClipSegNetwork
from causalseg.models.network import SegmentationNetwork, with_removal
from causalseg.models.towers import Towers, build_towers
from tests.models.small import SIDE_PX, SMALL, small_network
from training.losses import dice_score, mask_loss

ON_TOWERS = [(core, towers) for core in CORES for towers in SMALL]


def scans() -> tuple[Tensor, Tensor, list[str]]:
    """Four scans with a bright square each, and what they are called."""
    torch.manual_seed(0)
    masks = torch.zeros(4, 1, SIDE_PX, SIDE_PX)
    for i, (y, x) in enumerate(((4, 4), (4, 36), (36, 4), (24, 24))):
        masks[i, :, y : y + 24, x : x + 24] = 1
    images = 0.1 * torch.randn(4, 3, SIDE_PX, SIDE_PX) + masks - 0.5
    return images, masks, ["polyp", "one small polyp", "the polyp", "polyp in the centre"]


@pytest.mark.parametrize(("core", "towers"), ON_TOWERS[1:])  # the first is learnt in tests/training
def test_one_batch_is_learnt(core: str, towers: str) -> None:
    images, masks, descriptions = scans()
    torch.manual_seed(1)
    network = small_network(core, towers).train()
    text = network.text_tower(descriptions)
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], 2e-3)

    for _ in range(60):
        logits = network.answer(images, text).mask_logits
        full = torch.nn.functional.interpolate(logits, size=(SIDE_PX, SIDE_PX), mode="bilinear")
        loss = mask_loss(full, masks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        dice = dice_score(full[:, 0] > 0, masks[:, 0] > 0).min()
        if dice > 0.9:
            break

    assert dice > 0.9


@pytest.fixture(scope="module", params=["RN50", "ViT-B-16"])
def whole(request: pytest.FixtureRequest) -> tuple[str, Towers]:
    """The towers at their published size, at random."""
    return request.param, build_towers(request.param, SIDE_PX, random_start=True)


@pytest.mark.parametrize("core", CORES)
def test_whole_clip_towers_answer_and_learn(whole: tuple[str, Towers], core: str) -> None:
    name, towers = whole
    network = CORES[core](
        Architecture(towers=name, core=core, channels=32, input_side_px=SIDE_PX, dictionary="endoscopy"), towers
    )
    images = torch.randn(2, 3, SIDE_PX, SIDE_PX)

    stages = network.train().observe(images)
    answer = network.decode(network.observed_pyramid(stages), network.text_tower(["polyp", "a small polyp"]))
    (answer.mask_logits.sum() + answer.presence_logits.sum()).backward()

    assert [SIDE_PX // stage.shape[-1] for stage in stages[1:]] == [4, 8, 16, 32]
    assert tuple(stage.shape[1] for stage in stages) == network.image_tower.channels
    read = network.image_tower.stages if core != "causalclipseg" or name == "RN50" else network.image_tower.stages[2:]
    assert [key for key, p in read.named_parameters() if p.grad is None] == []
    network.zero_grad()


@pytest.mark.parametrize(("core", "towers"), ON_TOWERS)
def test_answers_have_one_shape_and_scans_of_a_batch_do_not_mix(core: str, towers: str) -> None:
    torch.manual_seed(0)
    network = small_network(core, towers).eval()
    images, text = torch.randn(2, 3, SIDE_PX, SIDE_PX), network.text_tower(["a polyp on the left", "lung"])

    with torch.no_grad():
        both = network.answer(images, text)
        second = network.answer(images[1:], text[torch.tensor([1])])

    assert both.mask_logits.shape[:2] == (2, 1)
    assert both.presence_logits.shape == (2,)
    torch.testing.assert_close(both.mask_logits[1:], second.mask_logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("core", ["causalclipseg", "mcdrl"])
def test_the_papers_cores_find_no_named_confounder_and_remove_none(core: str) -> None:
    network = small_network(core, "RN50").eval()
    stages = network.observe(torch.randn(1, 3, SIDE_PX, SIDE_PX))

    presence = network.presence(stages, network.dictionary_codes([["blur"], ["hair", "hairs"]]))

    assert torch.equal(presence.strength, torch.zeros(1, 2))
    assert torch.equal(presence.maps, torch.zeros(1, 2, 1, 1))
    with pytest.raises(UnknownConfounder, match="Only core causalseg"):
        with_removal(network)


def test_branches_differ_only_while_masks_are_in_use() -> None:
    torch.manual_seed(0)
    network = cast("CausalClipSegNetwork", small_network("causalclipseg", "RN50")).eval()
    network.confounding_projector.load_state_dict(network.causal_projector.state_dict())
    text = network.text_tower(["polyp"])

    with torch.no_grad():
        pyramid = network.observed_pyramid(network.observe(torch.randn(1, 3, SIDE_PX, SIDE_PX)))
        held = network.branches(pyramid, text, None)
        masked = network.branches(pyramid, text, [torch.full_like(level, 0.9) for level in pyramid])
        answered = network.branches(pyramid, text, network.masks(pyramid)).causal

        torch.testing.assert_close(held.causal, held.confounding)
        assert not torch.allclose(masked.causal, masked.confounding)
        torch.testing.assert_close(network.decode(pyramid, text).mask_logits, answered)


def test_the_answer_at_the_papers_core_is_at_the_pictures_own_resolution() -> None:
    network = small_network("causalclipseg", "ViT-B-16").eval()

    with torch.no_grad():
        answer = network.answer(torch.randn(1, 3, SIDE_PX, SIDE_PX), network.text_tower(["polyp"]))

    assert answer.mask_logits.shape == (1, 1, SIDE_PX, SIDE_PX)
    assert answer.presence_logits == answer.mask_logits.max()


def test_carafe_keeps_what_is_the_same_everywhere() -> None:
    """Each pixel is a weighted mean of its window, so inside a constant picture nothing changes."""
    torch.manual_seed(0)
    grown = Carafe(3).double()(torch.full((1, 3, 6, 6), 2.5, dtype=torch.float64))

    assert grown.shape == (1, 3, 12, 12)
    inside = grown[:, :, 2:-2, 2:-2]
    torch.testing.assert_close(inside, torch.full_like(inside, 2.5))


def test_an_unknown_core_and_unknown_towers_name_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"causalclipseg.*causalseg.*mcdrl"):
        Architecture(core="magic")
    with pytest.raises(ValueError, match=r"RN50.*ViT-B-16"):
        build_towers("RN51", SIDE_PX)


def test_cores_share_one_interface() -> None:
    for core in CORES:
        assert isinstance(small_network(core, "RN50"), SegmentationNetwork)
