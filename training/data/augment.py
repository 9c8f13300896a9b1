"""Batch augmentation: geometry on scans and masks alike, light and colour on scans.

Colour and contrast vary mildly only: strong corruption is what the confounder simulators are for. The colours of
another scan of the same modality may be put on (its channels' mean and spread), as if another site had taken it.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

FLIP_UPSIDE_DOWN = frozenset({"endoscopy", "dermoscopy", "mri"})
"""Modalities whose scans have no fixed up."""


_EXCHANGED = 0.3
"""Share of scans that put on another one's colours, at mild light."""


class View(NamedTuple):
    """A random view of each scan of a batch."""

    images: Float[Tensor, "batch 3 height width"]
    masks: Float[Tensor, "batch 1 height width"]
    is_relit: Bool[Tensor, " batch"]
    """Whether light and colour were changed too, not the geometry alone."""


def augment(
    images: Float[Tensor, "batch 3 height width"],
    masks: Float[Tensor, "batch 1 height width"],
    modalities: list[str],
    generator: torch.Generator,
    *,
    relit_share: float = 1.0,
    light: float = 1.0,
) -> View:
    """One random view of each scan and its mask; light and colour change in `relit_share` of them.

    `light` is how far they change: 1 mildly, 2 as between sites.
    """
    grid = functional.affine_grid(_affine(modalities, generator), list(images.shape), align_corners=False)
    images = functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    masks = functional.grid_sample(masks, grid, mode="nearest", padding_mode="reflection", align_corners=False)
    images, is_relit = relight(images, modalities, generator, relit_share=relit_share, light=light)
    return View(images.contiguous(memory_format=torch.channels_last), masks, is_relit)


def relight(
    images: Float[Tensor, "batch 3 height width"],
    modalities: list[str],
    generator: torch.Generator,
    *,
    relit_share: float,
    light: float,
) -> tuple[Float[Tensor, "batch 3 height width"], Bool[Tensor, " batch"]]:
    """The scans with light and colour changed in `relit_share` of them, and in which; no pixel moves."""
    is_relit = torch.rand(len(images), generator=generator) < relit_share
    relit = _relit(_exchange_colours(images, modalities, generator, light * _EXCHANGED), generator, light)
    return torch.where(is_relit[:, None, None, None], relit, images), is_relit


def _exchange_colours(
    images: Float[Tensor, "batch 3 height width"], modalities: list[str], generator: torch.Generator, exchanged: float
) -> Float[Tensor, "batch 3 height width"]:
    """A share of the scans, `exchanged`, with part of the way to another one's channel means and spreads."""
    mean, spread = images.mean((2, 3), keepdim=True), images.std((2, 3), keepdim=True).clamp(min=1e-3)
    other = torch.randperm(len(images), generator=generator)
    is_alike = torch.tensor([modalities[i] == modalities[j] for i, j in enumerate(other.tolist())])
    share = _uniform(0.0, 1.0, (len(images), 1, 1, 1), generator)
    chosen = is_alike & (torch.rand(len(images), generator=generator) < exchanged)
    share = share * chosen[:, None, None, None]
    new_mean, new_spread = mean.lerp(mean[other], share), spread.lerp(spread[other], share)
    return ((images - mean) / spread * new_spread + new_mean).clamp(-1, 1)


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


def _relit(images: Float[Tensor, "batch 3 height width"], generator: torch.Generator, light: float) -> Tensor:
    each, channel = (len(images), 1, 1, 1), (len(images), 3, 1, 1)
    gamma = torch.exp(_uniform(-0.3 * light, 0.3 * light, each, generator))
    images = ((images + 1) / 2).clamp(0, 1) ** gamma * 2 - 1
    centre = images.mean((1, 2, 3), keepdim=True)
    images = centre + (images - centre) * _uniform(1 - 0.25 * light, 1 + 0.25 * light, each, generator)
    images = images * (1 + _uniform(-0.1 * light, 0.1 * light, channel, generator))
    images = images + _uniform(-0.2 * light, 0.2 * light, each, generator)
    grey = _uniform(0.0, 1.0, each, generator) < 0.1
    return torch.where(grey, images.mean(1, keepdim=True), images).clamp(-1, 1)
