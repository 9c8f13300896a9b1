"""What is removed from which scan, and what do(no S) does on the pyramid; in the picture it acts before: `restorer`.

Every level h of the pyramid is intervened on as

    do(h; S) = h - sum over k in S of a_k * R(h; d_k)

where d_k is the text code of confounder k, a_k where its removal acts (`presence.reach` of its map; 1 for a global
confounder), and R one block a level, shared by all confounders and modulated by d_k and by the level's own statistics.
R is 0 at its start and learns from corrections alone. An empty S is no intervention: the observed features come back
untouched.

`make_removal` is the only place that assembles a removal: the engine, fine-tuning and the experiments differ in the
evidence that they give it, never in what is done with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from causalseg.causal.presence import Presence, reach


@dataclass(frozen=True, slots=True, eq=False)
class Removal:
    """Which confounders are removed from which scans of a batch: one line a pair. Each acts in full."""

    row: Int[Tensor, " pair"]
    """Index of the scan in the batch."""
    code: Float[Tensor, "pair code"]
    """d_k."""
    where: Float[Tensor, "pair 1 height width"]
    """a_k, in [0, 1], at any one resolution: where the blocks on the pyramid act. In the picture nothing limits it."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Maps and codes of the confounders in a few scans: what `make_removal` needs."""

    maps: Float[Tensor, "scan confounder map_h map_w"]
    """a_k before `reach`, in [0, 1]; 1 everywhere for a global confounder."""
    codes: Float[Tensor, "confounder code"]
    """d_k."""


def evidence_of(
    presence: Presence, codes: Float[Tensor, "confounder code"], is_local: Bool[Tensor, " confounder"]
) -> Evidence:
    """What presence sees in its scans."""
    return Evidence(torch.where(is_local[:, None, None], presence.maps, 1.0), codes)


def make_removal(evidence: Evidence, removed: Sequence[Sequence[int]]) -> Removal:
    """do(no `removed[row]`) for each row of a batch: sets, so neither order nor naming an entry twice matters.

    Row i is scan i of the evidence; where the evidence is of one scan, every row is that scan under another removal.
    """
    scans, device = len(evidence.maps), evidence.maps.device
    lines = [(row, row if scans > 1 else 0, k) for row, ids in enumerate(removed) for k in sorted(set(ids))]
    row, scan, confounder = torch.tensor(lines, dtype=torch.long, device=device).reshape(-1, 3).unbind(1)
    return Removal(row, evidence.codes[confounder], reach(evidence.maps[scan, confounder])[:, None])


class RemovalBlock(nn.Module):
    """R(h; d): what a confounder added to the features of one level."""

    def __init__(self, channels: int, hidden: int, code_width: int, *, dilation: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(channels, hidden, 3, padding=1)
        self.widen = nn.Conv2d(hidden, hidden, 3, padding=dilation, dilation=dilation)
        self.leave = nn.Conv2d(hidden, channels, 1)
        self.condition = nn.Sequential(nn.Linear(code_width + 2 * channels, 128), nn.ReLU(inplace=True))
        self.film = nn.Linear(128, 2 * hidden)
        self.affine = nn.Linear(128, 2 * channels)
        for parameter in (*self.leave.parameters(), *self.affine.parameters()):
            nn.init.zeros_(parameter)

    def forward(
        self, features: Float[Tensor, "pair channels height width"], code: Float[Tensor, "pair code"]
    ) -> Float[Tensor, "pair channels height width"]:
        """R(h; d) for every pair."""
        condition = self.condition(torch.cat([code, *_mean_and_spread(features)], dim=1))
        scale, shift = self.film(condition)[:, :, None, None].chunk(2, dim=1)
        hidden = functional.relu(self.enter(features) * (1 + scale) + shift)
        hidden = hidden + functional.relu(self.widen(hidden))
        gain, offset = self.affine(condition)[:, :, None, None].chunk(2, dim=1)
        return self.leave(hidden) + features * gain + offset


def _mean_and_spread(features: Float[Tensor, "pair channels height width"]) -> list[Tensor]:
    """Of every channel; the spread from the mean square, which on a CPU is several times faster than `std`."""
    mean = features.float().mean((2, 3))
    spread = (features.float().square().mean((2, 3)) - mean.square()).clamp(min=1e-10).sqrt()
    return [mean.to(features.dtype), spread.to(features.dtype)]


class InterventionNetwork(nn.Module):
    """One removal block for each pyramid level."""

    def __init__(self, level_channels: int, text_width: int, code_width: int) -> None:
        super().__init__()
        self.code = nn.Sequential(nn.Linear(text_width, code_width), nn.ReLU(inplace=True))
        self.late = nn.ModuleList(
            [RemovalBlock(level_channels, 64, code_width, dilation=dilation) for dilation in (2, 2, 1, 1)]
        )

    def on_level(self, index: int, features: Tensor, removal: Removal) -> Tensor:
        """do(h; S) on pyramid level `index` (strides 4, 8, 16, 32)."""
        if len(removal.row) == 0:
            return features
        where = functional.interpolate(removal.where, size=features.shape[-2:], mode="bilinear").to(features.dtype)
        added = where * self.late[index](features[removal.row], self.code(removal.code))
        return features.index_add(0, removal.row, added.to(features.dtype), alpha=-1)
