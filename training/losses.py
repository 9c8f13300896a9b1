"""Losses of all stages; each returns a mean over the batch, in float32 whatever the passes were made in."""

from collections.abc import Callable
from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

_SOFT = 0.01
"""Of the Charbonnier distance, in units of [-1, 1]: below it errors count by their square."""
_LEAST_DAMAGE = 0.03
"""Mean change of a picture below which its error is no longer divided by it."""


def mask_loss(
    mask_logits: Float[Tensor, "batch 1 height width"],
    mask: Float[Tensor, "batch 1 height width"],
    weight: Float[Tensor, " batch"] | None = None,
) -> Float[Tensor, ""]:
    """Cross-entropy plus soft Dice; the Dice term is left out where the true mask is empty."""
    logits = mask_logits.float()
    entropy = functional.binary_cross_entropy_with_logits(logits, mask, reduction="none").mean((1, 2, 3))
    each = entropy + _soft_dice()(logits, mask).flatten() * (mask.sum((1, 2, 3)) > 0)
    return each.mean() if weight is None else weighted_mean(each, weight)


@cache
def _soft_dice() -> Callable[[Tensor, Tensor], Tensor]:
    from monai.losses.dice import DiceLoss  # here, for monai takes three seconds to import

    return DiceLoss(sigmoid=True, smooth_nr=1, smooth_dr=1, reduction="none")


def weighted_mean(each: Float[Tensor, " batch"], weight: Float[Tensor, " batch"]) -> Float[Tensor, ""]:
    """Mean of the scans with a weight; 0 where none has one."""
    return (each * weight).sum() / weight.sum().clamp(min=1)


def region_text_loss(
    patch_codes: Float[Tensor, "batch code patch_h patch_w"],
    mask: Float[Tensor, "batch 1 height width"],
    class_codes: Float[Tensor, "target code"],
    class_index: Int[Tensor, " batch"],
    temperature: float = 0.1,
) -> Float[Tensor, ""]:
    """Contrast of the pooled code inside the mask against the text codes of all targets (scans with a mask only)."""
    codes = patch_codes.float()
    inside = functional.adaptive_avg_pool2d(mask, (codes.shape[-2], codes.shape[-1]))
    area = inside.sum((1, 2, 3))
    pooled = (codes * inside).sum((2, 3)) / area.clamp(min=1e-6)[:, None]
    with torch.autocast(codes.device.type, enabled=False):
        similarity = functional.normalize(pooled, dim=1) @ class_codes.T
    each = functional.cross_entropy(similarity / temperature, class_index, reduction="none")
    return weighted_mean(each, (area > 0.05).float())


def patch_text_loss(
    patch_codes: Float[Tensor, "batch code patch_h patch_w"],
    mask: Float[Tensor, "batch 1 height width"],
    class_codes: Float[Tensor, "target code"],
    class_index: Int[Tensor, " batch"],
    temperature: float = 0.1,
) -> Float[Tensor, ""]:
    """Every patch against its own target's text: alike inside the mask, unlike outside."""
    inside = functional.adaptive_avg_pool2d(mask, (patch_codes.shape[-2], patch_codes.shape[-1]))[:, 0]
    with torch.autocast(patch_codes.device.type, enabled=False):
        similarity = torch.einsum("bchw,bc->bhw", patch_codes.float(), class_codes[class_index])
    return functional.binary_cross_entropy_with_logits((similarity - 0.4) / temperature, inside)


def picture_error(
    restored: Float[Tensor, "batch 3 height width"],
    spoilt: Float[Tensor, "batch 3 height width"],
    goal: Float[Tensor, "batch 3 height width"],
) -> Float[Tensor, " batch"]:
    """What is left to restore of each picture: its Charbonnier distance to the goal, over what had changed."""
    error = ((restored.float() - goal).square() + _SOFT**2).sqrt().mean((1, 2, 3)) - _SOFT
    return error / ((spoilt - goal).abs().mean((1, 2, 3)) + _LEAST_DAMAGE)


def dice_score(
    predicted: Bool[Tensor, "batch height width"], mask: Bool[Tensor, "batch height width"]
) -> Float[Tensor, " batch"]:
    """Dice of each picture; 1 where both are empty."""
    overlap = (predicted & mask).sum((1, 2)).double()
    total = predicted.sum((1, 2)) + mask.sum((1, 2))
    return torch.where(total > 0, 2 * overlap / total.clamp(min=1), torch.ones_like(overlap))
