"""Scores of single masks and of many: Dice, areas that moved, AUROC, bootstrap intervals, calibration.

Dice is always of one picture at its own size, then averaged; both-empty counts 1. Pooled Dice is higher and is not
comparable.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import rankdata

RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        """As in the tables: 0.812 [0.790, 0.833]."""
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap_mean(values: list[float], groups: list[str] | None = None, seed: int = 0) -> Mean:
    """Mean of `values`; the interval resamples whole groups (patients) where they are known."""
    scores = np.asarray(values, float)
    if not len(scores):
        return Mean(float("nan"), float("nan"), float("nan"), 0)
    names, index = np.unique(groups if groups else np.arange(len(scores)), return_inverse=True)
    sums, counts = np.bincount(index, scores), np.bincount(index)
    drawn = np.random.default_rng(seed).integers(len(names), size=(RESAMPLES, len(names)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Mean(float(scores.mean()), float(low), float(high), len(scores))


def dice(predicted: Bool[np.ndarray, "height width"], mask: Bool[np.ndarray, "height width"]) -> float:
    """Overlap of two masks; 1 where both are empty."""
    total = int(predicted.sum()) + int(mask.sum())
    return 2 * int((predicted & mask).sum()) / total if total else 1.0


def moved_area(
    changed: Bool[np.ndarray, "height width"],
    before: Bool[np.ndarray, "height width"],
    reference: Bool[np.ndarray, "height width"],
) -> float:
    """Area that differs between two masks, over the area of a reference mask (at least one pixel)."""
    return int((changed ^ before).sum()) / max(int(reference.sum()), 1)


def auroc(positive: list[float], negative: list[float]) -> float:
    """Chance that a positive scores above a negative, ties counted half."""
    ranks = rankdata([*positive, *negative])[: len(positive)]
    count = len(positive)
    return float((ranks.sum() - count * (count + 1) / 2) / (count * len(negative)))


class CalibrationCounter:
    """Expected calibration error of pixel probabilities, gathered over many scans in 15 bins."""

    def __init__(self, bins: int = 15) -> None:
        self._edges = np.linspace(0, 1, bins + 1)[1:-1]
        self._count, self._confidence, self._truth = (np.zeros(bins) for _ in range(3))

    def add(self, probability: Float[np.ndarray, "height width"], mask: Bool[np.ndarray, "height width"]) -> None:
        """Count the pixels of one scan; every scan weighs the same."""
        index = np.digitize(probability.ravel(), self._edges)
        size = len(self._count)
        self._count += np.bincount(index, minlength=size) / mask.size
        self._confidence += np.bincount(index, probability.ravel(), size) / mask.size
        self._truth += np.bincount(index, mask.ravel(), size) / mask.size

    @property
    def error(self) -> float:
        """Mean absolute gap of confidence and truth, weighted by how many pixels a bin holds."""
        return float(np.abs(self._confidence - self._truth).sum() / max(self._count.sum(), 1e-9))
