"""How strongly each confounder is in a scan, and where: a_k(h, w) and z_k of the dictionary's entries.

Both are similarities between projected tower features and the entry's text code, so an entry that was only typed
in has them too. The maps are read at stride 8, the strength from the maps and from pooled statistics of all stages
(blur and noise show in the spread of the finest features, a colour cast in their mean) and from a coarse layout of the
finest features (uneven light shows in how they differ from place to place).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

DETECTED_FROM = 0.25
"""Strength from which a confounder counts as detected, where its checkpoint does not say another one."""
REACH_FROM, REACH_TO = 0.05, 0.20
"""Values of a map at which a block on the pyramid begins to act in a cell, and acts in full: thin marks are seen
faintly."""
LAYOUT_SIDE, LAYOUT_CHANNELS = 8, 8
"""Cells a side of the coarse layout, and what is kept of each."""
REACH_CELLS = 2
"""How far beyond the cells where it is seen a local confounder has changed the features."""


class Presence(NamedTuple):
    """Strength and map of every confounder in a batch of scans."""

    strength_logits: Float[Tensor, "batch confounder"]
    map_logits: Float[Tensor, "batch confounder height width"]
    """At stride 8."""

    @property
    def strength(self) -> Float[Tensor, "batch confounder"]:
        """z_k in [0, 1]."""
        return self.strength_logits.sigmoid()

    @property
    def maps(self) -> Float[Tensor, "batch confounder height width"]:
        """a_k(h, w) in [0, 1]."""
        return self.map_logits.sigmoid()


def reach(maps: Float[Tensor, "*batch height width"]) -> Float[Tensor, "*batch height width"]:
    """Where the pyramid's blocks act, in [0, 1]: 1 where the map reaches `REACH_TO`, widened by `REACH_CELLS` cells."""
    rows = maps.reshape(maps.shape[:-2].numel(), 1, *maps.shape[-2:])
    wide = functional.max_pool2d(rows, 2 * REACH_CELLS + 1, stride=1, padding=REACH_CELLS).reshape(maps.shape)
    return ((wide - REACH_FROM) / (REACH_TO - REACH_FROM)).clamp(0, 1)


class ConfounderPresence(nn.Module):
    """Presence of any set of confounders, each known by its text code."""

    def __init__(self, stage_channels: tuple[int, ...], text_width: int, channels: int = 64) -> None:
        super().__init__()
        self.lift = nn.ModuleList([nn.Conv2d(2 * c, channels, 1) for c in stage_channels[:4]])
        self.mix = nn.Sequential(
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.layout = nn.Conv2d(stage_channels[0], LAYOUT_CHANNELS, 1)
        self.map_query = nn.Conv2d(channels, channels, 1)
        known = 3 * channels + 2 * sum(stage_channels) + LAYOUT_CHANNELS * LAYOUT_SIDE**2
        self.strength_query = nn.Sequential(nn.Linear(known, 128), nn.ReLU(inplace=True), nn.Linear(128, channels))
        self.map_key = nn.Sequential(nn.Linear(text_width, 128), nn.ReLU(inplace=True), nn.Linear(128, channels + 1))
        self.strength_key = nn.Sequential(
            nn.Linear(text_width, 128), nn.ReLU(inplace=True), nn.Linear(128, channels + 1)
        )

    def forward(self, features: list[Tensor], codes: Float[Tensor, "confounder code"]) -> Presence:
        """Presence of the entries with `codes` in scans with tower `features` (strides 2 to 32)."""
        mixed = self._mixed(features)
        map_key, map_bias = self.map_key(codes).split([self.map_query.out_channels, 1], dim=1)
        map_logits = torch.einsum("bchw,kc->bkhw", self.map_query(mixed), map_key) / map_key.shape[1] ** 0.5
        map_logits = map_logits + map_bias[None, :, :, None]
        return Presence(self.strength_logits(self._statistics(mixed, features), codes), map_logits.float())

    def statistics(self, features: list[Tensor]) -> Float[Tensor, "batch statistics"]:
        """The input of `strength_logits`: one vector a scan."""
        return self._statistics(self._mixed(features), features)

    def strength_logits(
        self, statistics: Float[Tensor, "batch statistics"], codes: Float[Tensor, "confounder code"]
    ) -> Float[Tensor, "batch confounder"]:
        """How strongly each entry is in scans with these `statistics`, as logits."""
        query = self.strength_query(statistics)
        key, bias = self.strength_key(codes).split([query.shape[1], 1], dim=1)
        return (query @ key.T / key.shape[1] ** 0.5 + bias.T).float()

    def _statistics(self, mixed: Tensor, features: list[Tensor]) -> Float[Tensor, "batch statistics"]:
        parts = [mixed.mean((2, 3)), mixed.amax((2, 3)), mixed.float().std((2, 3))]
        for level in features:
            parts += [level.mean((2, 3)), level.float().std((2, 3))]
        coarse = functional.adaptive_avg_pool2d(features[0], LAYOUT_SIDE)
        parts.append(self.layout(coarse).flatten(1))
        return torch.cat([part.float() for part in parts], dim=1)

    def _mixed(self, features: list[Tensor]) -> Tensor:
        eighth = (features[2].shape[-2], features[2].shape[-1])
        lifted = sum(
            (lift(_spread_and_mean(level, eighth)) for lift, level in zip(self.lift, features[:4], strict=True)),
            start=torch.zeros((), device=features[0].device),
        )
        return self.mix(lifted)


def _spread_and_mean(level: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Local mean and local root mean square at another resolution."""
    if level.shape[-1] < size_hw[1]:
        both = torch.cat([level, level.abs()], 1)
        return functional.interpolate(both, size=size_hw, mode="bilinear")
    square = functional.adaptive_avg_pool2d(level.float() ** 2, size_hw)
    return torch.cat([functional.adaptive_avg_pool2d(level, size_hw), (square + 1e-6).sqrt()], 1)
