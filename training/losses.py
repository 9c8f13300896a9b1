"""Losses of both stages; each returns a mean over the batch."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional


def mask_loss(
    mask_logits: Float[Tensor, "batch 1 height width"],
    mask: Float[Tensor, "batch 1 height width"],
    weight: Float[Tensor, " batch"] | None = None,
) -> Float[Tensor, ""]:
    """Cross-entropy plus soft Dice; the Dice term is left out where the true mask is empty."""
    logits = mask_logits.float()
    probability = logits.sigmoid()
    entropy = functional.binary_cross_entropy_with_logits(logits, mask, reduction="none").mean((1, 2, 3))
    overlap = 2 * (probability * mask).sum((1, 2, 3)) + 1
    dice = 1 - overlap / (probability.sum((1, 2, 3)) + mask.sum((1, 2, 3)) + 1)
    each = entropy + dice * (mask.sum((1, 2, 3)) > 0)
    return each.mean() if weight is None else (each * weight).sum() / weight.sum().clamp(min=1)


def region_text_loss(
    patch_codes: Float[Tensor, "batch code patch_h patch_w"],
    mask: Float[Tensor, "batch 1 height width"],
    class_codes: Float[Tensor, "target code"],
    class_index: Int[Tensor, " batch"],
    temperature: float = 0.1,
) -> Float[Tensor, ""]:
    """Contrast of the pooled code inside the mask against the text codes of all targets (scans with a mask only)."""
    inside = functional.adaptive_avg_pool2d(mask, (patch_codes.shape[-2], patch_codes.shape[-1]))
    area = inside.sum((1, 2, 3))
    chosen = area > 0.05
    if not chosen.any():
        return patch_codes.sum() * 0
    pooled = (patch_codes * inside).sum((2, 3))[chosen] / area[chosen, None]
    similarity = functional.normalize(pooled.float(), dim=1) @ class_codes.T
    return functional.cross_entropy(similarity / temperature, class_index[chosen])


def patch_text_loss(
    patch_codes: Float[Tensor, "batch code patch_h patch_w"],
    mask: Float[Tensor, "batch 1 height width"],
    class_codes: Float[Tensor, "target code"],
    class_index: Int[Tensor, " batch"],
    temperature: float = 0.1,
) -> Float[Tensor, ""]:
    """Every patch against its own target's text: alike inside the mask, unlike outside."""
    inside = functional.adaptive_avg_pool2d(mask, (patch_codes.shape[-2], patch_codes.shape[-1]))[:, 0]
    similarity = torch.einsum("bchw,bc->bhw", patch_codes.float(), class_codes[class_index])
    return functional.binary_cross_entropy_with_logits((similarity - 0.4) / temperature, inside)


def dice_score(
    predicted: Bool[Tensor, "batch height width"], mask: Bool[Tensor, "batch height width"]
) -> Float[Tensor, " batch"]:
    """Dice of each picture; 1 where both are empty."""
    overlap = (predicted & mask).sum((1, 2)).double()
    total = predicted.sum((1, 2)) + mask.sum((1, 2))
    return torch.where(total > 0, 2 * overlap / total.clamp(min=1), torch.ones_like(overlap))
