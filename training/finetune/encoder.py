"""Pictures to what the frozen towers make of them, observed or with confounders removed inside the tower."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from causalseg.causal.dictionary import load_dictionary
from causalseg.causal.intervention import Removal
from causalseg.causal.presence import gate
from causalseg.checkpoints import CheckpointEntry
from causalseg.models.network import CausalSegNetwork
from causalseg.models.preprocess import to_network
from training.finetune.features import Features, Pairs, quantized


class Seen(NamedTuple):
    """A few scans, observed."""

    stages: list[Tensor]
    """All five, finest first."""
    statistics: Float[Tensor, "batch statistics"]
    strength: Float[Tensor, "batch confounder"]
    maps: Float[Tensor, "batch confounder map_h map_w"]


class Encoder:
    """Towers, presence and the removal blocks inside the tower: everything that fine-tuning leaves as it is."""

    def __init__(self, network: CausalSegNetwork, entry: CheckpointEntry) -> None:
        self.network = network
        self.dictionary = load_dictionary()
        self.codes = network.dictionary_codes([list(one.prompts) for one in self.dictionary])
        self.side_px = entry.architecture.input_side_px
        self.least_presence = entry.least_presence
        self.detected_from = np.array([entry.detected_from(one.id) for one in self.dictionary])
        self._is_local = torch.tensor([one.scope == "local" for one in self.dictionary])

    @torch.no_grad()
    def observe(self, squares_u8: UInt8[np.ndarray, "batch side side 3"]) -> Seen:
        """Stages and presence of a few squashed scans."""
        return self.seen(self.network.observe(to_network(torch.from_numpy(squares_u8))))

    @torch.no_grad()
    def seen(self, stages: list[Tensor]) -> Seen:
        """Presence of observed stages."""
        presence = self.network.presence(stages, self.codes)
        maps = torch.where(self._is_local[:, None, None], presence.maps, 1.0)
        return Seen(stages, self.network.presence.statistics(stages), presence.strength, maps)

    def detected(self, seen: Seen) -> list[list[int]]:
        """For every scan, the indices of the confounders that its adjusted mask removes."""
        return [np.flatnonzero(row >= self.detected_from).tolist() for row in seen.strength.numpy()]

    def removal(self, seen: Seen, removed: Sequence[Sequence[int]]) -> tuple[Removal, Int[Tensor, " pair"]]:
        """The removal of `removed` as far as presence sees them, and the confounder of each of its lines."""
        amounts = gate(seen.strength, torch.from_numpy(self.detected_from).float())
        lines = [(row, k) for row, ids in enumerate(removed) for k in ids if float(amounts[row, k]) > 0]
        row, confounder = torch.tensor(lines, dtype=torch.long).reshape(-1, 2).unbind(1)
        where = seen.maps[row, confounder][:, None]
        return Removal(row, self.codes[confounder], amounts[row, confounder], where), confounder

    def observed_items(
        self, seen: Seen, masks: Bool[np.ndarray, "batch side side"], texts: Sequence[str], groups: Sequence[str]
    ) -> Features:
        """The scans as they are, as items."""
        empty = Pairs(
            np.zeros(0, np.int64),
            np.zeros(0, np.int64),
            np.zeros(0, np.float16),
            np.zeros((0, *seen.maps.shape[-2:]), np.uint8),
        )
        return _items(seen.stages[1:], seen.statistics, empty, masks, texts, groups)

    @torch.no_grad()
    def intervened_items(
        self,
        seen: Seen,
        removed: Sequence[Sequence[int]],
        masks: Bool[np.ndarray, "batch side side"],
        texts: Sequence[str],
        groups: Sequence[str],
    ) -> Features:
        """The scans with `removed` removed as far as presence sees it; a scan that nothing is done to stays as it is.

        The blocks on the pyramid have not acted yet: they are among what is learnt.
        """
        removal, confounder = self.removal(seen, removed)
        stages = self.network.intervened_stages(seen.stages, removal) if len(confounder) else seen.stages
        where_u8 = (removal.where[:, 0] * 255).round().to(torch.uint8).numpy()
        pairs = Pairs(removal.row.numpy(), confounder.numpy(), removal.amount.half().numpy(), where_u8)
        return _items(stages[1:], seen.statistics, pairs, masks, texts, groups)


def _items(
    stages: Sequence[Tensor],
    statistics: Tensor,
    pairs: Pairs,
    masks: Bool[np.ndarray, "batch side side"],
    texts: Sequence[str],
    groups: Sequence[str],
) -> Features:
    both = [quantized(stage) for stage in stages]
    return Features(
        tuple(q for q, _ in both),
        tuple(scale for _, scale in both),
        statistics.half().numpy(),
        pairs,
        masks,
        tuple(texts),
        tuple(groups),
    )
