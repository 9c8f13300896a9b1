"""Three tests of a planted shortcut, and what of a segmenter's Dice is left in the worst of them.

Calipers stand at the lesion (aligned), nowhere (absent), or where there is no lesion (misleading). Every interval
resamples patients, the three tests and all models of a scan together, so gains are paired; the worst test is taken
anew in every resample.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from causalseg.annotations import dice
from causalseg.models.preprocess import to_network, to_scan_probability
from training.data import Squares, load_mask
from training.evaluate.measures import RESAMPLES, Mean
from training.experiments.planted.marks import draw_calipers, lesion_ends, misplaced_ends

TESTS = ("aligned", "absent", "misleading")
_AT_ONCE = 16

Answer = Callable[[Float[Tensor, "batch 3 height width"]], Float[Tensor, "batch 1 _ _"]]
"""Images in [-1, 1] to mask logits."""
Scores = Float[np.ndarray, "scan test"]


def make_tests(squares: Squares, seed: int) -> dict[str, UInt8[np.ndarray, "scan side side 3"]]:
    """The scans under every test; a scan's calipers look the same where they help and where they mislead."""
    aligned, misleading = np.array(squares.images_u8), np.array(squares.images_u8)
    for i, mask in enumerate(squares.masks > 0):
        placed = misplaced_ends(mask, np.random.default_rng([seed, i]))
        for images, ends in ((aligned, lesion_ends(mask)), (misleading, placed)):
            images[i] = draw_calipers(squares.images_u8[i], ends, np.random.default_rng([seed, i, 1])).image_u8
    return {"aligned": aligned, "absent": np.array(squares.images_u8), "misleading": misleading}


def score_tests(
    answer: Answer, tests: Mapping[str, UInt8[np.ndarray, "scan side side 3"]], masks: Sequence[Bool[np.ndarray, "_ _"]]
) -> Scores:
    """Dice of every scan at its own size, under every test."""
    return np.stack([_score(answer, tests[name], masks) for name in TESTS], axis=1)


@torch.no_grad()
def _score(
    answer: Answer, images_u8: UInt8[np.ndarray, "scan side side 3"], masks: Sequence[Bool[np.ndarray, "_ _"]]
) -> Float[np.ndarray, " scan"]:
    scores: list[float] = []
    for first in range(0, len(masks), _AT_ONCE):
        logits = answer(to_network(torch.from_numpy(images_u8[first : first + _AT_ONCE])))
        for row, mask in enumerate(masks[first : first + _AT_ONCE]):
            scores.append(dice(to_scan_probability(logits[row : row + 1], mask.shape, 1.0) > 0.5, mask))
    return np.array(scores)


def own_masks(squares: Squares) -> list[Bool[np.ndarray, "_ _"]]:
    """The masks of all rows at their scans' own size."""
    return [load_mask(row.mask) for row in squares.rows]


def scores_table(scores: Mapping[str, Scores], patients: Sequence[str]) -> dict[str, dict[str, Mean]]:
    """Dice under every test, the worst of them, and the gap aligned minus misleading, of every model."""
    weights = resampled(patients)
    return {
        model: {
            **{test: _mean(lambda means, at=at: means[at], [own], weights) for at, test in enumerate(TESTS)},
            "worst": _mean(lambda means: means.min(axis=0), [own], weights),
            "gap": _mean(lambda means: means[0] - means[2], [own], weights),
        }
        for model, own in scores.items()
    }


def gains_table(
    scores: Mapping[str, Scores], patients: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> dict[str, dict[str, Mean]]:
    """What the first of each pair has over the second: in the worst test of each, and in every test."""
    weights = resampled(patients)
    table: dict[str, dict[str, Mean]] = {}
    for model, rival in pairs:
        both = [scores[model], scores[rival]]
        table[f"{model} over {rival}"] = {
            "worst": _mean(lambda one, other: one.min(axis=0) - other.min(axis=0), both, weights),
            **{
                test: _mean(lambda one, other, at=at: one[at] - other[at], both, weights)
                for at, test in enumerate(TESTS)
            },
        }
    return table


def resampled(patients: Sequence[str], seed: int = 0) -> Float[np.ndarray, "scan resample"]:
    """How much every scan weighs in every bootstrap resample of patients; first comes the sample as it is."""
    names, index = np.unique(np.asarray(patients), return_inverse=True)
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
    counts = np.concatenate([np.ones((1, len(names))), drawn])[:, index]
    return (counts / counts.sum(axis=1, keepdims=True)).T


def _mean(
    statistic: Callable[..., Float[np.ndarray, " resample"]],
    scores: Sequence[Scores],
    weights: Float[np.ndarray, "scan resample"],
) -> Mean:
    """A statistic of the means of tests, with its 95 % bootstrap interval."""
    values = statistic(*(own.T @ weights for own in scores))
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return Mean(float(values[0]), float(low), float(high), len(weights))


def rows_of_table(table: Mapping[str, Mapping[str, Any]], passes: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The table with how many passes each model got, first."""
    return {model: {"passes": passes[model], **row} for model, row in table.items()}
