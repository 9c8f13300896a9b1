from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalseg.causal.dictionary import load_dictionary
from causalseg.causal.simulate import SIMULATORS, simulate
from causalseg.causal.simulate.canvas import arrival
from causalseg.causal.simulate.overlays import Calipers
from causalseg.causal.simulate.scanner_style import REACH, ScannerStyle, load_styles, low_spectrum
from causalseg.errors import BadStrength, UnknownConfounder

STRENGTHS = (0.2, 0.4, 0.6, 0.8, 1.0)
SCOPE = {entry.simulator: entry.scope for entry in load_dictionary() if entry.simulator}
MAY_BE_A_PIECE = {"over_exposure"}
"""Global ones that sometimes are in one piece of a coloured scan only; their region says which."""
every_simulator = pytest.mark.parametrize("name", SIMULATORS)
sides = st.integers(16, 90)
seeds = st.integers(0, 2**32 - 1)


def tissue(height_px: int = 192, width_px: int = 192, seed: int = 0) -> np.ndarray:
    """A lit, textured picture without any very dark or white place."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height_px, :width_px] / min(height_px, width_px)
    shade = 0.45 + 0.15 * np.sin(9 * x + 4 * y) + 0.1 * np.cos(17 * y + 30 * x) + 0.01 * rng.standard_normal(x.shape)
    picture = shade[..., None] * np.array([1.2, 0.8, 0.7])
    return (picture * 255).clip(30, 230).astype(np.uint8)


def grey_tissue(height_px: int = 192, width_px: int = 192) -> np.ndarray:
    return np.repeat(tissue(height_px, width_px)[..., :1], 3, axis=2)


def change(image: np.ndarray, name: str, strength: float, seed: int) -> float:
    """Mean absolute difference in grey values of [0, 255]."""
    return float(np.abs(simulate(image, name, strength=strength, seed=seed).image_u8 - image.astype(float)).mean())


@every_simulator
def test_strength_zero_is_the_identity(name: str) -> None:
    image = tissue()
    result = simulate(image, name, strength=0.0, seed=3)
    np.testing.assert_array_equal(result.image_u8, image)
    assert not result.region.any()
    assert not np.shares_memory(result.image_u8, image)


@every_simulator
@settings(max_examples=6, deadline=None, derandomize=True)
@given(height_px=sides, width_px=sides, strength=st.floats(0.05, 1), seed=seeds)
def test_any_size_keeps_shape_dtype_and_input(
    name: str, height_px: int, width_px: int, strength: float, seed: int
) -> None:
    image = tissue(height_px, width_px)
    before = image.copy()
    result = simulate(image, name, strength=strength, seed=seed)
    np.testing.assert_array_equal(image, before)
    assert result.image_u8.shape == image.shape
    assert result.image_u8.dtype == np.uint8
    assert result.region.shape == image.shape[:2]


@every_simulator
def test_small_and_odd_sizes_work(name: str) -> None:
    for size in [(16, 16), (17, 31), (16, 333), (333, 17)]:
        assert simulate(tissue(*size), name, strength=1.0, seed=0).image_u8.shape == (*size, 3)


@every_simulator
def test_a_read_only_picture_is_welcome(name: str) -> None:
    image = tissue()
    image.flags.writeable = False
    assert simulate(image, name, strength=1.0, seed=0).image_u8.flags.writeable


@every_simulator
def test_the_seed_decides_everything(name: str) -> None:
    image = tissue()
    first, again, other = (simulate(image, name, strength=0.8, seed=seed).image_u8 for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@every_simulator
def test_the_effect_grows_with_strength(name: str) -> None:
    image = tissue()
    for seed in range(6):
        effects = [change(image, name, strength, seed) for strength in STRENGTHS]
        assert effects[0] > 0
        assert all(weaker < stronger for weaker, stronger in pairwise(effects)), (seed, effects)


def test_text_grows_with_strength_in_a_grey_scan_too() -> None:
    for seed in range(6):
        effects = [change(grey_tissue(), "burned_in_text", strength, seed) for strength in STRENGTHS]
        assert all(weaker < stronger for weaker, stronger in pairwise(effects))


def test_text_of_an_endoscopy_stands_at_the_left() -> None:
    for seed in range(6):
        region = simulate(tissue(), "burned_in_text", strength=1.0, seed=seed).region
        assert not region[:, 110:].any()


def test_too_much_light_burns_one_piece_of_some_coloured_scans_and_all_of_any_grey_one() -> None:
    shares = [simulate(tissue(), "over_exposure", strength=1.0, seed=seed).region.mean() for seed in range(12)]
    assert min(shares) < 0.6
    assert max(shares) == 1
    assert all(simulate(grey_tissue(), "over_exposure", strength=1.0, seed=seed).region.all() for seed in range(12))


def test_a_position_box_is_opaque_and_in_a_lower_corner() -> None:
    image, other = tissue(), 255 - tissue()
    for seed in range(6):
        boxed = simulate(image, "position_box", strength=0.6, seed=seed)
        assert not boxed.region[:110].any()
        np.testing.assert_array_equal(
            boxed.image_u8[boxed.region],
            simulate(other, "position_box", strength=0.6, seed=seed).image_u8[boxed.region],
        )


@every_simulator
def test_nothing_changes_outside_the_region(name: str) -> None:
    image = tissue()
    for seed in range(6):
        result = simulate(image, name, strength=0.7, seed=seed)
        changed = (result.image_u8 != image).any(axis=-1)
        assert not (changed & ~result.region).any()


@every_simulator
def test_the_region_is_all_of_a_global_one_and_little_more_than_the_change_of_a_local_one(name: str) -> None:
    image = tissue()
    for seed in range(6):
        result = simulate(image, name, strength=1.0, seed=seed)
        changed = (result.image_u8 != image).any(axis=-1)
        if SCOPE[name] == "global" and name not in MAY_BE_A_PIECE:
            assert result.region.all()
        elif name in MAY_BE_A_PIECE:
            assert changed[result.region].mean() > 0.7
        else:
            assert 0 < result.region.mean() < 0.8
            assert changed[result.region].mean() > 0.7


@pytest.mark.parametrize("name", [name for name, simulator in SIMULATORS.items() if not simulator.coloured])
def test_grey_stays_grey_unless_the_mark_is_coloured(name: str) -> None:
    image = grey_tissue()
    for seed in range(4):
        result = simulate(image, name, strength=1.0, seed=seed).image_u8
        assert np.ptp(result.astype(int), axis=-1).max() == 0


def test_only_marks_and_coloured_light_bring_colour() -> None:
    coloured = {name for name, simulator in SIMULATORS.items() if simulator.coloured}
    modalities = {
        modality for entry in load_dictionary() if entry.simulator in coloured for modality in entry.modalities
    }
    assert modalities == {"endoscopy", "dermoscopy", "ultrasound"}


@every_simulator
def test_the_effect_does_not_depend_on_the_resolution(name: str) -> None:
    small = np.mean([change(tissue(128, 128), name, 1.0, seed) for seed in range(4)])
    large = np.mean([change(tissue(512, 512), name, 1.0, seed) for seed in range(4)])
    assert 0.6 < large / small < 1.7


@pytest.mark.parametrize("strength", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_strength_outside_its_range_is_refused(strength: float) -> None:
    with pytest.raises(BadStrength, match="from 0 to 1"):
        simulate(tissue(16, 16), "hair", strength=strength, seed=0)


def test_an_unknown_simulator_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownConfounder, match="defocus_blur"):
        simulate(tissue(16, 16), "lens_flare", strength=1.0, seed=0)


def test_every_scope_is_stated_in_the_dictionary() -> None:
    assert SCOPE.keys() == SIMULATORS.keys()


def test_calipers_stand_where_they_are_put() -> None:
    image = grey_tissue().astype(np.float32) / np.float32(255)
    drawn = Calipers.draw(np.random.default_rng(0))
    placed = replace(drawn, ends_xy=((0.25, 0.5), (0.75, 0.5)), dotted=False, numbered=False, readout=())
    _, region = placed.apply(image, 1.0)
    rows, columns = np.nonzero(region)
    assert np.abs(rows - 96).max() <= 0.04 * 192
    assert {*np.round(columns / 192, 1)} <= {0.2, 0.3, 0.7, 0.8}
    assert region[96, 48]
    assert region[96, 144]


@given(strength=st.floats(0, 1), count=st.integers(1, 40))
@settings(deadline=None, derandomize=True)
def test_marks_arrive_one_after_the_other(strength: float, count: int) -> None:
    inks = [arrival(strength, index, count) for index in range(count)]
    assert sum(inks) == pytest.approx(strength * count)
    assert sum(0 < ink < 1 for ink in inks) <= 1
    assert inks == sorted(inks, reverse=True)


def test_the_coarse_spectrum_is_that_of_a_whole_transform() -> None:
    image = tissue(192, 160).astype(np.float32) / np.float32(255)
    whole = np.fft.fftshift(np.fft.fft2(image, axes=(0, 1)), axes=(0, 1)) / (192 * 160)
    expected = np.abs(whole[96 - REACH : 97 + REACH, 80 - REACH : 81 + REACH])
    np.testing.assert_allclose(np.abs(low_spectrum(image)), expected, atol=0.004)


def test_a_style_moves_the_amplitudes_to_the_site_and_keeps_the_phases() -> None:
    image = tissue().astype(np.float32) / np.float32(255)
    drawn, before = ScannerStyle.draw(np.random.default_rng(1)), low_spectrum(image)
    wanted = np.log(np.abs(before)).astype(np.float32)
    wanted[REACH, REACH] += np.float32(0.3)
    styled, _ = replace(drawn, colour=wanted).apply(image, 1.0)
    after = low_spectrum(styled.astype(np.float32))
    np.testing.assert_allclose(np.abs(after[REACH, REACH]), np.exp(wanted[REACH, REACH]), rtol=0.01)
    rest = np.ones(before.shape[:2], bool)
    rest[REACH, REACH] = False
    np.testing.assert_allclose(after[rest], before[rest], atol=0.002)


def test_the_shipped_styles_are_symmetrical_numbers_of_both_kinds() -> None:
    styles = load_styles()
    assert np.isfinite(styles.mean).all()
    assert (styles.std >= 0).all()
    np.testing.assert_allclose(styles.mean, styles.mean[:, ::-1, ::-1], atol=1e-3)
    assert {*styles.grey.tolist()} == {True, False}
    np.testing.assert_allclose(np.ptp(styles.mean[styles.grey], axis=-1), 0, atol=1e-3)
