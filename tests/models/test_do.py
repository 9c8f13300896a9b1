"""do(no S) on a network at random weights: the laws that hold exactly, whatever is learnt."""

import pytest
import torch

from causalseg.causal.intervention import Evidence, Removal, evidence_of, make_removal
from causalseg.models.network import CausalSegNetwork, with_removal
from tests.models.small import SIDE_PX, SMALL, small_network

NAMES = ["noise", "hair", "dark corners"]
IMAGE = torch.linspace(-9, 9, 3 * 3 * SIDE_PX**2).reshape(3, 3, SIDE_PX, SIDE_PX).sin()


@pytest.fixture(scope="module", params=[*SMALL])
def network(request: pytest.FixtureRequest) -> CausalSegNetwork:
    """Its blocks on the pyramid have left their start, where they do nothing."""
    torch.manual_seed(0)
    network = with_removal(small_network("causalseg", request.param).eval().requires_grad_(requires_grad=False))
    for block in network.intervention.late:
        torch.nn.init.normal_(dict(block.named_parameters())["leave.weight"], std=0.1)
    return network


@pytest.fixture(scope="module")
def stages(network: CausalSegNetwork) -> list[torch.Tensor]:
    """Contiguous: a ViT's are slices of one another, and a convolution rounds otherwise in another layout."""
    return [stage.contiguous() for stage in network.observe(IMAGE)]


@pytest.fixture(scope="module")
def evidence(network: CausalSegNetwork, stages: list[torch.Tensor]) -> Evidence:
    codes = network.dictionary_codes([[name] for name in NAMES])
    return evidence_of(network.presence(stages, codes), codes, torch.tensor([False, True, False]))


def pyramid(network: CausalSegNetwork, stages: list[torch.Tensor], removal: Removal) -> list[torch.Tensor]:
    return network.intervened_pyramid(IMAGE, stages, removal)


def test_an_empty_set_changes_nothing_and_no_pixel(
    network: CausalSegNetwork, stages: list[torch.Tensor], evidence: Evidence
) -> None:
    nothing = make_removal(evidence, [[], [], []])

    assert network.restored(IMAGE, nothing) is IMAGE
    assert network.intervened_stages(IMAGE, stages, nothing) is stages
    for level, observed in zip(pyramid(network, stages, nothing), network.observed_pyramid(stages), strict=True):
        assert torch.equal(level, observed)


def test_rows_that_nothing_is_removed_from_come_back_to_the_bit(
    network: CausalSegNetwork, stages: list[torch.Tensor], evidence: Evidence
) -> None:
    removal = make_removal(evidence, [[], [0, 1], []])

    restored = network.restored(IMAGE, removal)
    reached = network.intervened_stages(IMAGE, stages, removal)
    levels = pyramid(network, stages, removal)

    before = [IMAGE, *stages, *network.observed_pyramid(stages)]
    for old, new in zip(before, [restored, *reached, *levels], strict=True):
        assert torch.equal(new[[0, 2]], old[[0, 2]])
        assert (new[1] - old[1]).abs().max() > 0


def test_the_tower_reads_the_restored_picture(
    network: CausalSegNetwork, stages: list[torch.Tensor], evidence: Evidence
) -> None:
    removal = make_removal(evidence, [[0], [2], [0, 1, 2]])

    reached = network.intervened_stages(IMAGE, stages, removal)

    for stage, read in zip(reached, network.observe(network.restored(IMAGE, removal)), strict=True):
        assert torch.equal(stage, read)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([[0, 1, 2], [2, 0], []], [[2, 1, 0], [0, 2], []]),
        ([[1], [0, 2], [2]], [[1, 1], [0, 2, 0], [2, 2, 2]]),
    ],
    ids=["order", "named twice"],
)
def test_a_set_is_a_set_however_it_is_written(
    network: CausalSegNetwork,
    stages: list[torch.Tensor],
    evidence: Evidence,
    one: list[list[int]],
    other: list[list[int]],
) -> None:
    first, second = make_removal(evidence, one), make_removal(evidence, other)

    assert torch.equal(network.restored(IMAGE, first), network.restored(IMAGE, second))
    for level, same in zip(pyramid(network, stages, first), pyramid(network, stages, second), strict=True):
        assert torch.equal(level, same)


def test_neither_picture_nor_stages_are_changed_in_place(
    network: CausalSegNetwork, stages: list[torch.Tensor], evidence: Evidence
) -> None:
    before = [value.clone() for value in (IMAGE, *stages)]

    pyramid(network, stages, make_removal(evidence, [[0], [1], [2]]))

    assert all(torch.equal(a, b) for a, b in zip(before, (IMAGE, *stages), strict=True))
