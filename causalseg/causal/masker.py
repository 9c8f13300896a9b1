"""The causal masker of CausalCLIPSeg (arXiv 2503.15949): which part of a feature is causal, which confounds.

The layers are those of the public code. A mask has the feature's own shape and is soft, one value a channel and pixel;
no text goes into it. What is not causal *is* the confounder ("self-annotated"): f * M and f * (1 - M).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Parts(NamedTuple):
    """A feature split by a mask M into a causal and a confounding part; under a mask the two add up to it."""

    causal: Float[Tensor, "batch channels height width"]
    confounding: Float[Tensor, "batch channels height width"]


class CoordConv(nn.Module):
    """A 3x3 convolution that sees where it is: x and y, both from -1 to 1, are two more channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block = conv_block(channels + 2, channels)

    def forward(
        self, features: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Convolution, batch norm, ReLU."""
        height, width = features.shape[-2:]
        y = torch.linspace(-1, 1, height, device=features.device, dtype=features.dtype)
        x = torch.linspace(-1, 1, width, device=features.device, dtype=features.dtype)
        place = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1])
        return self.block(torch.cat([features, place.expand(len(features), -1, -1, -1)], dim=1))


class CausalMasker(nn.Sequential):
    """CoordConv, convolution, CoordConv, convolution, batch norm, sigmoid."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            CoordConv(channels),
            conv_block(channels, channels),
            CoordConv(channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.Sigmoid(),
        )


def conv_block(channels_in: int, channels_out: int, kernel_px: int = 3) -> nn.Sequential:
    """Convolution that keeps the size, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel_px, padding=kernel_px // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


def take_apart(
    features: Float[Tensor, "batch channels height width"], mask: Float[Tensor, "batch channels height width"] | None
) -> Parts:
    """f * M and f * (1 - M); where the mask is held at 1 (None), both are the whole feature.

    *Reconstruction*, after the public code of CIRL (arXiv 2203.14237): in its warm-up both masks are ones, so that both
    heads learn the task before the game begins.
    """
    if mask is None:
        return Parts(features, features)
    return Parts(features * mask, features * (1 - mask))
