"""An intervened pass with tower stages of its own: what it may change, and what it may not."""

import pytest
import torch

from causalseg.causal.intervention import Removal
from causalseg.models.build import Architecture, build_network
from causalseg.models.network import CausalSegNetwork, with_removal
from tests.models.small import SIDE_PX, SMALL


@pytest.fixture(params=["causalseg-lite", "RN50"])
def network(request: pytest.FixtureRequest) -> CausalSegNetwork:
    """Its stages under do() differ from those of the observed pass."""
    torch.manual_seed(0)
    architecture = Architecture(towers=request.param, channels=32, code_width=16, input_side_px=SIDE_PX, separate=True)
    built = build_network(architecture, random_start=True, overrides=SMALL[request.param])
    network = with_removal(built.eval().requires_grad_(requires_grad=False))
    assert network.stages_under_do is not None
    for parameter in network.stages_under_do.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def removal(network: CausalSegNetwork, amount: float, where: torch.Tensor) -> Removal:
    code = network.dictionary_codes([["noise"]])
    return Removal(torch.tensor([1]), code, torch.tensor([amount]), where)


EVERYWHERE = torch.ones(1, 1, 8, 8)


def test_the_pass_under_do_uses_its_own_stages(network: CausalSegNetwork) -> None:
    image = torch.randn(2, 3, SIDE_PX, SIDE_PX)
    stages = network.observe(image)

    reached = network.intervened_stages(image, stages, removal(network, 1.0, EVERYWHERE))

    assert all((a[1] - b[1]).abs().max() > 0 for a, b in zip(reached[2:], stages[2:], strict=True))


def test_what_is_not_removed_from_is_observed_to_the_bit(network: CausalSegNetwork) -> None:
    image = torch.randn(2, 3, SIDE_PX, SIDE_PX)
    stages = network.observe(image)

    for amount, where, rows in ((1.0, EVERYWHERE, [0]), (0.0, EVERYWHERE, [0, 1]), (1.0, 0 * EVERYWHERE, [0, 1])):
        reached = network.intervened_stages(image, stages, removal(network, amount, where))
        assert all(torch.equal(a[rows], b[rows]) for a, b in zip(reached[1:], stages[1:], strict=True))


def test_a_removal_on_the_left_leaves_the_right_as_observed(network: CausalSegNetwork) -> None:
    image = torch.randn(2, 3, SIDE_PX, SIDE_PX)
    stages, left = network.observe(image), EVERYWHERE.clone()
    left[..., 4:] = 0

    reached = network.intervened_stages(image, stages, removal(network, 1.0, left))

    for before, after in zip(stages[2:4], reached[2:4], strict=True):
        quarter = before.shape[-1] // 4
        assert torch.equal(after[1, ..., -quarter:], before[1, ..., -quarter:])
        assert (after[1, ..., :quarter] - before[1, ..., :quarter]).abs().max() > 0


def test_the_effect_grows_with_the_strength_without_a_jump(network: CausalSegNetwork) -> None:
    image = torch.randn(2, 3, SIDE_PX, SIDE_PX)
    stages = network.observe(image)

    def change(amount: float) -> float:
        reached = network.intervened_stages(image, stages, removal(network, amount, EVERYWHERE))
        return float((reached[3][1] - stages[3][1]).abs().mean())

    changes = [change(amount) for amount in (0.001, 0.25, 0.5, 1.0)]
    assert changes == sorted(changes)
    assert changes[0] < 0.01 * changes[-1]


def test_the_extent_is_the_largest_of_what_is_removed() -> None:
    where = torch.stack([torch.full((1, 2, 2), value) for value in (0.5, 1.0, 0.25)])
    three = Removal(torch.tensor([0, 0, 2]), torch.zeros(3, 4), torch.tensor([1.0, 0.25, 1.0]), where)

    assert three.extent(3)[:, 0, 0, 0].tolist() == [0.5, 0.0, 0.25]
