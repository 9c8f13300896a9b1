"""Scores of single masks and of many: areas that moved, AUROC, bootstrap intervals, calibration.

Kept by hand are measures that no kept library has, or has otherwise: the bootstrap resamples whole patients and takes
statistics of several columns together (SciPy's does not); the calibration error weighs every scan alike and counts in
float64 (MONAI's bins are float32, pooled over pixels), as a test against MONAI shows.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import rankdata

RESAMPLES = 1000
_NOTHING_NEEDED = 1.0
"""Squared change of probabilities, summed over pixels, below which a confounder did nothing."""

Statistic = Callable[[Float[np.ndarray, "resample column"]], Float[np.ndarray, " resample"]]
"""Means of columns, one row a resample, to one number each."""


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


def bootstrap(
    columns: Float[np.ndarray, "scan column"], statistic: Statistic, groups: Iterable[str] | None = None, seed: int = 0
) -> Mean:
    """A statistic of the columns' means; the interval resamples whole groups (patients) where they are given."""
    if not len(columns):
        return Mean(float("nan"), float("nan"), float("nan"), 0)
    names, index = np.unique(np.arange(len(columns)) if groups is None else list(groups), return_inverse=True)
    drawn = np.random.default_rng(seed).integers(len(names), size=(RESAMPLES, len(names)))
    times = np.stack([np.ones(len(names), int), *(np.bincount(row, minlength=len(names)) for row in drawn)])[:, index]
    with np.errstate(divide="ignore", invalid="ignore"):
        values = statistic(times @ columns / times.sum(1, keepdims=True))
        low, high = np.percentile(values[1:], [2.5, 97.5])
    return Mean(float(values[0]), float(low), float(high), len(columns))


def bootstrap_mean(values: Iterable[float], groups: Iterable[str] | None = None) -> Mean:
    """Mean of `values`; the interval resamples whole groups (patients) where they are given."""
    return bootstrap(np.array([*values], float)[:, None], lambda means: means[:, 0], groups)


def bootstrap_ratio(parts: Iterable[float], wholes: Iterable[float]) -> Mean:
    """Sum of `parts` over sum of `wholes`, pairs resampled together; not a number where the wholes sum to nothing."""
    pairs = np.stack([np.array([*parts], float), np.array([*wholes], float)], axis=1)
    return bootstrap(pairs, lambda means: means[:, 0] / means[:, 1])


def risk_coverage_area(risks: Iterable[float], confidences: Iterable[float]) -> float:
    """Area under the risk-coverage curve: mean risk of the most confident share, averaged over all shares.

    Equal to the mean risk where the confidence knows nothing; lower is better.
    """
    ordered = np.array([*risks], float)[np.argsort(-np.array([*confidences], float), kind="stable")]
    return float((ordered.cumsum() / np.arange(1, len(ordered) + 1)).mean())


def expected_dice(probability: Float[np.ndarray, "height width"], predicted: Bool[np.ndarray, "height width"]) -> float:
    """The Dice of `predicted` that calibrated probabilities promise: a scan's confidence; 1 where both are empty."""
    total = float(probability.sum()) + int(predicted.sum())
    return 2 * float(probability[predicted].sum()) / total if total > 0 else 1.0


def projection(
    moved: Float[np.ndarray, "height width"], needed: Float[np.ndarray, "height width"]
) -> tuple[float, float] | None:
    """Effectiveness and amplification of a change (TEA, MICCAI 2025); None where nothing was needed.

    Args:
        moved: what the intervention did to the probabilities.
        needed: what would have made them those of the clean twin.

    Returns:
        The share of `needed` that was done (ideal 1), and the length of what was done besides, over that of `needed`
        (ideal 0).
    """
    square = float((needed.astype(np.float64) ** 2).sum())
    if square < _NOTHING_NEEDED:
        return None
    along = float((moved.astype(np.float64) * needed).sum()) / square
    beside = moved.astype(np.float64) - along * needed
    return along, float(np.sqrt((beside**2).sum() / square))


def moved_area(
    changed: Bool[np.ndarray, "height width"],
    before: Bool[np.ndarray, "height width"],
    reference: Bool[np.ndarray, "height width"],
) -> float:
    """Area that differs between two masks, over the area of a reference mask (at least one pixel)."""
    return int((changed ^ before).sum()) / max(int(reference.sum()), 1)


def auroc(positive: Iterable[float], negative: Iterable[float]) -> float:
    """Chance that a positive scores above a negative, ties counted half."""
    high, low = [*positive], [*negative]
    ranks = rankdata([*high, *low])[: len(high)]
    return float((ranks.sum() - len(high) * (len(high) + 1) / 2) / (len(high) * len(low)))


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
