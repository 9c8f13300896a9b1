"""The causal intervention network: do(remove S) on the features of a scan.

Every stage h of the tower (strides 2 to 16) and every level of the pyramid is intervened on as

    do(h; S) = h - sum over k in S of g(z_k) * a_k * R(h; d_k)

where d_k is the text code of confounder k, z_k its strength, a_k where its removal acts (`presence.reach` of its map;
1 for a global confounder), g the gate of `presence.gate`, and R one block a stage, shared by all confounders and
modulated by d_k and by the stage's own statistics. An empty S is no intervention: the observed features come back
untouched.

`make_removal` is the only place that assembles a removal: the engine, every stage of training, fine-tuning and the
experiments differ in the evidence that they give it, never in what is done with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from causalseg.causal.presence import Presence, gate, reach


@dataclass(frozen=True, slots=True, eq=False)
class Removal:
    """Which confounders are removed from which scans of a batch: one line a pair, in any order."""

    row: Int[Tensor, " pair"]
    """Index of the scan in the batch."""
    code: Float[Tensor, "pair code"]
    """d_k."""
    amount: Float[Tensor, " pair"]
    """g(z_k), in [0, 1]."""
    where: Float[Tensor, "pair 1 height width"]
    """a_k, in [0, 1], at any one resolution."""

    def extent(self, batch: int) -> Float[Tensor, "batch 1 height width"]:
        """How far anything at all is removed from each scan: the largest g(z_k) a_k, 0 where nothing is."""
        extent = self.where.new_zeros(batch, *self.where.shape[1:])
        row = self.row[:, None, None, None].expand_as(self.where)
        return extent.scatter_reduce(0, row, self.amount[:, None, None, None] * self.where, "amax")


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Amount, maps and codes of the confounders in a few scans: what `make_removal` needs."""

    amount: Float[Tensor, "scan confounder"]
    """g(z_k), in [0, 1]: how much of its removal acts."""
    maps: Float[Tensor, "scan confounder map_h map_w"]
    """a_k before `reach`, in [0, 1]; 1 everywhere for a global confounder."""
    codes: Float[Tensor, "confounder code"]
    """d_k."""


def evidence_of(
    presence: Presence,
    codes: Float[Tensor, "confounder code"],
    is_local: Bool[Tensor, " confounder"],
    detected_from: Float[Tensor, " confounder"] | float | None,
) -> Evidence:
    """What presence sees in its scans; `detected_from` are the strengths at which half of a removal acts.

    None: a removal acts in full, whatever presence sees; what is absent must then be left alone by the removal itself.
    """
    maps = torch.where(is_local[:, None, None], presence.maps, 1.0)
    strength = presence.strength
    return Evidence(torch.ones_like(strength) if detected_from is None else gate(strength, detected_from), maps, codes)


def make_removal(evidence: Evidence, removed: Sequence[Sequence[int]]) -> Removal:
    """do(no `removed[row]`) for each row of a batch, as far as the evidence goes.

    Row i is scan i of the evidence; where the evidence is of one scan, every row is that scan under another removal.
    A confounder whose amount is 0 is left out, so removing an absent confounder changes nothing.
    """
    scans = len(evidence.amount)
    lines = [(row, row if scans > 1 else 0, k) for row, ids in enumerate(removed) for k in ids]
    row, scan, confounder = (
        torch.tensor(lines, dtype=torch.long, device=evidence.amount.device).reshape(-1, 3).unbind(1)
    )
    amount = evidence.amount[scan, confounder]
    row, scan, confounder, amount = (column[amount > 0] for column in (row, scan, confounder, amount))
    where = reach(evidence.maps[scan, confounder])[:, None]
    return Removal(row, evidence.codes[confounder], amount, where)


class RemovalBlock(nn.Module):
    """R(h; d): what a confounder added to the features of one stage."""

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
    """One removal block for each tower stage it acts on and for each pyramid level."""

    def __init__(self, stage_channels: tuple[int, ...], level_channels: int, text_width: int, code_width: int) -> None:
        super().__init__()
        self.code = nn.Sequential(nn.Linear(text_width, code_width), nn.ReLU(inplace=True))
        hidden_dilation = ((32, 2), (64, 2), (96, 2), (160, 1))
        self.early = nn.ModuleList(
            [
                RemovalBlock(channels, hidden, code_width, dilation=dilation)
                for channels, (hidden, dilation) in zip(stage_channels[:4], hidden_dilation, strict=False)
            ]
        )
        self.late = nn.ModuleList(
            [RemovalBlock(level_channels, 64, code_width, dilation=dilation) for dilation in (2, 2, 1, 1)]
        )

    def on_stage(self, index: int, features: Tensor, removal: Removal) -> Tensor:
        """do(h; S) on the output of tower stage `index` (0 to 3); later stages are returned unchanged."""
        if index >= len(self.early):
            return features
        return self._subtract(self.early[index], features, removal)

    def on_level(self, index: int, features: Tensor, removal: Removal) -> Tensor:
        """do(h; S) on pyramid level `index` (strides 4, 8, 16, 32)."""
        return self._subtract(self.late[index], features, removal)

    def _subtract(self, block: nn.Module, features: Tensor, removal: Removal) -> Tensor:
        if len(removal.row) == 0:
            return features
        where = functional.interpolate(removal.where, size=features.shape[-2:], mode="bilinear")
        share = (removal.amount[:, None, None, None] * where).to(features.dtype)
        added = share * block(features[removal.row], self.code(removal.code))
        return features.index_add(0, removal.row, added.to(features.dtype), alpha=-1)
