"""What each branch of `causalclipseg` finds; the confounding one should know no more than the prior."""

from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool

from causalseg.annotations import dice
from causalseg.models.causalclipseg import CausalClipSegNetwork
from causalseg.models.preprocess import squash, to_network, to_scan_probability
from training.data import Row, load_image, load_mask
from training.data.descriptions import neutral
from training.evaluate.measures import bootstrap_mean


class BranchMasks(NamedTuple):
    """Both branches' masks of one scan, at its own size."""

    causal: Bool[np.ndarray, "height width"]
    confounding: Bool[np.ndarray, "height width"]
    mean_mask: float
    """Mean of M over all scales, channels and pixels: how much of the features the maskers call causal."""


def branches_table(
    network: CausalClipSegNetwork, groups: dict[str, list[Row]], side_px: int, per_set: int
) -> dict[str, Any]:
    """Dice of both branches with the neutral description, and the mean of M.

    Of at most `per_set` scans a set, evenly spaced, all with something to find.
    """
    table: dict[str, Any] = {}
    for name, rows in groups.items():
        shown = [row for row in rows[:: max(1, len(rows) // per_set)][:per_set] if load_mask(row.mask).any()]
        pairs = [(branch_masks(network, row, side_px), load_mask(row.mask)) for row in shown]
        table[name] = {
            "causal": bootstrap_mean([dice(found.causal, mask) for found, mask in pairs]),
            "confounding": bootstrap_mean([dice(found.confounding, mask) for found, mask in pairs]),
            "mean mask": bootstrap_mean([found.mean_mask for found, _ in pairs]),
        }
    return table


@torch.inference_mode()
def branch_masks(network: CausalClipSegNetwork, row: Row, side_px: int) -> BranchMasks:
    """What both branches answer to the neutral description of `row`."""
    image = load_image(row.image)
    square = torch.from_numpy(squash(image, side_px).copy())
    pyramid = network.observed_pyramid(network.observe(to_network(square[None])))
    masks = network.masks(pyramid)
    branches = network.branches(pyramid, network.text_tower([neutral(row.target)]), masks)
    causal, confounding = (
        to_scan_probability(logits, (image.shape[0], image.shape[1]), temperature=1.0) > 0.5 for logits in branches
    )
    return BranchMasks(causal, confounding, float(torch.stack([mask.mean() for mask in masks]).mean()))
