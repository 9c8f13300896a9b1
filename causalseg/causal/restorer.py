"""do(no S) in the picture: the scan as it would look without the confounders in S, an estimate.

    image (3, H, W) --unshuffle--> (12, H/2, W/2) --blocks modulated by S, strides 2 to 16 and back--> what S changed
    restored = image + [light and colour: a matrix for the whole picture] + [the rest, pixel by pixel]

S goes in as the sum of its entries' embedded text codes, so that the order of a set does not matter, one pass removes
any set, and an entry that was only typed in has a code too. Nothing says where a confounder is or whether it is there
at all: where S is absent the network must leave the picture as it is, and is taught and tested to.
"""

from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (32, 64, 96, 128)
"""Channels at strides 2, 4, 8 and 16."""
CONDITION = 128
CODE_SCALE = 20.0
"""Length of a centred text code: at unit length, beside one another, all entries look alike to a fresh layer."""


class PictureRestorer(nn.Module):
    """A U-Net whose blocks are modulated by what is to be removed and by the picture's own statistics."""

    centre: Tensor

    def __init__(self, text_width: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(text_width))
        self.code = nn.Sequential(
            nn.Linear(text_width, CONDITION), nn.SiLU(inplace=True), nn.Linear(CONDITION, CONDITION)
        )
        self.statistics = nn.Sequential(nn.Linear(12, CONDITION), nn.SiLU(inplace=True))
        self.deepest = nn.Sequential(nn.Linear(WIDTHS[-1], CONDITION), nn.SiLU(inplace=True))
        self.condition = nn.Sequential(nn.Linear(2 * CONDITION, CONDITION), nn.SiLU(inplace=True))
        self.condition_below = nn.Sequential(nn.Linear(2 * CONDITION, CONDITION), nn.SiLU(inplace=True))
        self.enter = nn.Conv2d(12, WIDTHS[0], 3, padding=1)
        self.down = nn.ModuleList([nn.Conv2d(a, b, 2, 2) for a, b in pairwise(WIDTHS)])
        self.encode = nn.ModuleList([_Block(width) for width in WIDTHS])
        self.bottom = nn.ModuleList([_Block(WIDTHS[-1]) for _ in range(2)])
        self.up = nn.ModuleList([nn.Conv2d(b, 4 * a, 1) for a, b in pairwise(WIDTHS)])
        self.decode = nn.ModuleList([_Block(width) for width in WIDTHS[:-1]])
        self.leave = nn.Conv2d(WIDTHS[0], 12, 3, padding=1)
        self.light = nn.Linear(CONDITION, 15)
        _start_small(self.leave, 0.2)
        _start_small(self.light, 0.05)

    def centre_on(self, codes: Float[Tensor, "confounder code"]) -> None:
        """Take the mean of a dictionary's codes as the origin, in place: once, before training."""
        self.centre.copy_(codes.mean(0))

    def set_codes(
        self, codes: Float[Tensor, "pair code"], row: Int[Tensor, " pair"], batch: int
    ) -> Float[Tensor, "batch condition"]:
        """Of each row of a batch: the sum of its entries' embedded codes."""
        embedded = self.code(functional.normalize(codes - self.centre, dim=-1) * CODE_SCALE)
        return embedded.new_zeros(batch, CONDITION).index_add(0, row, embedded)

    def forward(
        self, image: Float[Tensor, "batch 3 height width"], set_code: Float[Tensor, "batch condition"]
    ) -> Float[Tensor, "batch 3 height width"]:
        """`image` in [-1, 1] without what each row's `set_code` names; sides are multiples of 16.

        Not clamped, so that a pixel that is out of range still learns; `CausalSegNetwork.restored` clamps.
        """
        condition = self.condition(torch.cat([set_code, self.statistics(_statistics(image))], 1))
        features, skips = self.enter(functional.pixel_unshuffle(image, 2)), []
        for block, down in zip(self.encode[:-1], self.down, strict=True):
            features = block(features, condition)
            skips.append(features)
            features = down(features)
        features = self.encode[-1](features, condition)
        condition = self.condition_below(torch.cat([condition, self.deepest(features.mean((2, 3)))], 1))
        for block in self.bottom:
            features = block(features, condition)
        for up, block in zip(reversed(self.up), reversed(self.decode), strict=True):
            features = block(functional.pixel_shuffle(up(features), 2) + skips.pop(), condition)
        changed = functional.pixel_shuffle(self.leave(features), 2)
        return image + self._relit(image, condition) + changed

    def _relit(self, image: Tensor, condition: Tensor) -> Tensor:
        """What changes alike in the whole picture: a colour matrix, an offset and a square term."""
        matrix, offset, square = self.light(condition).split([9, 3, 3], dim=1)
        mixed = torch.einsum("bij,bjhw->bihw", matrix.reshape(-1, 3, 3), image.to(matrix.dtype))
        return mixed + offset[:, :, None, None] + square[:, :, None, None] * image * image


class _Block(nn.Module):
    """A residual block, scaled and shifted by the condition."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(CONDITION, 2 * channels)
        _start_small(self.second, 0.3)
        with torch.no_grad():
            self.film.weight.mul_(0.5)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.film(condition)[:, :, None, None].chunk(2, dim=1)
        return features + self.second(functional.silu(self.first(features) * (1 + scale) + shift))


def _start_small(layer: nn.Conv2d | nn.Linear, share: float) -> None:
    """Shrink a fresh layer: the identity is near, yet every layer gets gradient (at zero only the light learnt)."""
    with torch.no_grad():
        layer.weight.mul_(share)
        if layer.bias is not None:
            layer.bias.zero_()


def _statistics(image: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 12"]:
    """Mean, spread, darkest and brightest twentieth of each channel."""
    pixels = image.float().flatten(2)
    coarse = pixels[:, :, ::8]
    return torch.cat([pixels.mean(2), pixels.std(2), coarse.quantile(0.05, 2), coarse.quantile(0.95, 2)], 1).to(
        image.dtype
    )
