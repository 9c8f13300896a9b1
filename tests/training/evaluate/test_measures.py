"""Scores on cases known on paper."""

import numpy as np
import pytest
import torch
from monai.metrics.calibration import calibration_binning

from causalseg.annotations import dice
from training.evaluate.measures import (
    CalibrationCounter,
    auroc,
    bootstrap_mean,
    bootstrap_ratio,
    expected_dice,
    moved_area,
    projection,
    risk_coverage_area,
)
from training.evaluate.segmentation import (
    HAUSDORFF,
    MONAI_DICE,
    SURFACE,
    monai_scores,
)


def test_dice_of_a_half_overlap() -> None:
    one, other = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    one[:2], other[1:3] = True, True
    assert dice(one, other) == pytest.approx(0.5)
    assert dice(one, one) == 1
    assert dice(np.zeros((4, 4), bool), np.zeros((4, 4), bool)) == 1
    assert dice(one, np.zeros((4, 4), bool)) == 0


def test_moved_area_is_in_units_of_the_reference() -> None:
    before = np.zeros((10, 10), bool)
    before[:2] = True
    after = before.copy()
    after[2] = True
    assert moved_area(after, before, before) == pytest.approx(0.5)


def test_auroc_counts_ties_half() -> None:
    assert auroc([2.0, 3.0], [0.0, 1.0]) == 1
    assert auroc([1.0], [1.0]) == 0.5
    assert auroc([0.0], [1.0]) == 0


def test_bootstrap_resamples_whole_patients() -> None:
    values = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    by_scan = bootstrap_mean(values)
    by_patient = bootstrap_mean(values, ["a"] * 4 + ["b"] * 4)
    assert by_scan.mean == by_patient.mean == 0.5
    assert by_patient.high - by_patient.low > by_scan.high - by_scan.low


def test_calibration_error_of_a_coin_that_says_it_is_a_coin_is_none() -> None:
    honest, boastful = CalibrationCounter(), CalibrationCounter()
    mask = np.arange(100).reshape(10, 10) % 2 == 0
    honest.add(np.full((10, 10), 0.5), mask)
    boastful.add(np.full((10, 10), 0.95), mask)
    assert honest.error == pytest.approx(0)
    assert boastful.error == pytest.approx(0.45)


def test_ratio_is_of_sums_not_a_mean_of_ratios() -> None:
    ratio = bootstrap_ratio([1.0, 0.0], [1.0, 3.0])
    assert ratio.mean == pytest.approx(0.25)
    assert ratio.low <= 0.25 <= ratio.high


def test_a_full_restoration_is_effective_and_amplifies_nothing() -> None:
    needed = np.array([[3.0, 0.0], [0.0, 4.0]])
    assert projection(needed, needed) == pytest.approx((1.0, 0.0))
    assert projection(needed * 0, needed) == pytest.approx((0.0, 0.0))
    assert projection(np.array([[0.0, 5.0], [0.0, 0.0]]), needed) == pytest.approx((0.0, 1.0))
    assert projection(needed, needed * 0) is None


def test_a_confidence_that_sorts_risk_lowers_the_area_and_one_that_knows_nothing_does_not() -> None:
    risks = [0.1, 0.2, 0.3, 0.4]
    assert risk_coverage_area(risks, [4.0, 3.0, 2.0, 1.0]) == pytest.approx((0.1 + 0.15 + 0.2 + 0.25) / 4)
    assert risk_coverage_area(risks, [1.0, 2.0, 3.0, 4.0]) > np.mean(risks)
    assert risk_coverage_area([0.3] * 4, [1.0] * 4) == pytest.approx(0.3)


def test_expected_dice_of_sure_probabilities_is_one() -> None:
    sure = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert expected_dice(sure, sure > 0.5) == 1
    assert expected_dice(np.full((2, 2), 0.6), np.ones((2, 2), bool)) == pytest.approx(2 * 2.4 / (2.4 + 4))
    assert expected_dice(np.zeros((2, 2)), np.zeros((2, 2), bool)) == 1


def blobs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    yy, xx = np.mgrid[:60, :80]
    rng = np.random.default_rng(seed)
    one, other = ((yy - rng.integers(20, 40)) ** 2 + (xx - rng.integers(20, 60)) ** 2 < 14**2 for _ in range(2))
    return one, other


@pytest.mark.parametrize("seed", range(4))
def test_our_dice_is_monais(seed: int) -> None:
    one, other = blobs(seed)
    assert monai_scores(one, other)[MONAI_DICE] == pytest.approx(dice(one, other), abs=1e-6)


def test_surfaces_of_masks_that_agree_that_are_moved_and_that_are_empty() -> None:
    mask, empty = blobs(0)[0], np.zeros((60, 80), bool)

    assert monai_scores(mask, mask) == {MONAI_DICE: 1, SURFACE: 1, HAUSDORFF: 0}
    assert monai_scores(empty, empty) == {MONAI_DICE: 1, SURFACE: 1, HAUSDORFF: 0}
    assert monai_scores(empty, mask) == {MONAI_DICE: 0, SURFACE: 0, HAUSDORFF: 100}
    near, far = (monai_scores(np.roll(mask, by, 1), mask) for by in (2, 6))
    assert near[SURFACE] == 1 and near[HAUSDORFF] == pytest.approx(2)
    assert far[SURFACE] < 0.5 and far[HAUSDORFF] == pytest.approx(6)


def test_calibration_of_one_scan_is_monais() -> None:
    rng = np.random.default_rng(0)
    probability, mask = rng.random((40, 40)).astype(np.float32), rng.random((40, 40)) < 0.4
    counter = CalibrationCounter()
    counter.add(probability, mask)
    sure, truth, count = calibration_binning(
        torch.from_numpy(probability)[None, None], torch.from_numpy(mask)[None, None], num_bins=15
    )
    error = float(((sure - truth).abs() * count).nansum() / count.sum())
    assert counter.error == pytest.approx(error, abs=1e-5)
