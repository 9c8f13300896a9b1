"""The same weights on every processor: equal up to rounding, and not by having stood still."""

from collections.abc import Mapping

import torch
from torch import Tensor

ROUNDING = 1e-5
"""Of a weight: processors add floats in orders of their own, and AdamW divides by small numbers."""
LEAST_MOVE = 10 * ROUNDING
"""Of some weight in training: what a lost optimizer, draw or epoch would leave different."""
HALF_STEP = 2**-10
"""Share of a number by which its neighbours at half precision differ."""


def assert_same_weights(
    one: Mapping[str, Tensor], other: Mapping[str, Tensor], *, start: Mapping[str, Tensor], share: float = 0.0
) -> None:
    """Two trainings from `start` ended alike but for `ROUNDING` and a `share`, so far on that a fault would be seen."""
    assert one.keys() == other.keys()
    moved = 0.0
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, rtol=share, atol=ROUNDING, msg=name)
        if name in start and value.is_floating_point():
            moved = max(moved, float((value.float() - start[name].float()).abs().max()))
    assert moved > LEAST_MOVE, f"training moved no weight by more than {moved}"
