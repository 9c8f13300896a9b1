"""Batch augmentation of stage 1: geometry on scans and masks alike, light and colour on scans.

Colour and contrast vary mildly only: strong corruption is what the confounder simulators are for.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

FLIP_UPSIDE_DOWN = frozenset({"endoscopy", "dermoscopy", "mri"})
"""Modalities whose scans have no fixed up."""


def augment(
    images: Float[Tensor, "batch 3 height width"],
    masks: Float[Tensor, "batch 1 height width"],
    modalities: list[str],
    generator: torch.Generator,
) -> tuple[Float[Tensor, "batch 3 height width"], Float[Tensor, "batch 1 height width"]]:
    """One random view of each scan and its mask."""
    grid = functional.affine_grid(_affine(modalities, generator), list(images.shape), align_corners=False)
    images = functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    masks = functional.grid_sample(masks, grid, mode="nearest", padding_mode="reflection", align_corners=False)
    return _light(images, generator).contiguous(memory_format=torch.channels_last), masks


def _uniform(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator) * (high - low) + low


def _affine(modalities: list[str], generator: torch.Generator) -> Float[Tensor, "batch 2 3"]:
    batch = (len(modalities),)
    angle = _uniform(-0.4, 0.4, batch, generator)
    zoom, aspect = _uniform(0.75, 1.25, batch, generator), torch.exp(_uniform(-0.3, 0.3, batch, generator))
    mirror = 1 - 2 * (_uniform(0.0, 1.0, batch, generator) < 0.5).float()
    may_turn = torch.tensor([modality in FLIP_UPSIDE_DOWN for modality in modalities])
    upside = 1 - 2 * ((_uniform(0.0, 1.0, batch, generator) < 0.5) & may_turn).float()
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    shift = _uniform(-0.12, 0.12, (len(modalities), 2), generator)
    first = torch.stack([cos * mirror * aspect, -sin * upside, shift[:, 0]], 1)
    second = torch.stack([sin * mirror, cos * upside / aspect, shift[:, 1]], 1)
    return torch.stack([first, second], 1)


def _light(images: Float[Tensor, "batch 3 height width"], generator: torch.Generator) -> Tensor:
    each, channel = (len(images), 1, 1, 1), (len(images), 3, 1, 1)
    gamma = torch.exp(_uniform(-0.3, 0.3, each, generator))
    images = ((images + 1) / 2).clamp(0, 1) ** gamma * 2 - 1
    centre = images.mean((1, 2, 3), keepdim=True)
    images = centre + (images - centre) * _uniform(0.75, 1.25, each, generator)
    images = images * (1 + _uniform(-0.1, 0.1, channel, generator)) + _uniform(-0.2, 0.2, each, generator)
    grey = _uniform(0.0, 1.0, each, generator) < 0.1
    return torch.where(grey, images.mean(1, keepdim=True), images).clamp(-1, 1)
