"""Laws of lifting and laying, on scenes whose artefacts are known to the pixel."""

import numpy as np
import pytest

from causalseg.errors import BadStrength, UnknownConfounder
from tests.training.data.scenes import Scene, scene
from training.data.transplants import LIFTERS, Lifted, lift, transplant
from training.data.transplants.laying import TURNING, Pose, lay
from training.data.transplants.lifting import STANDING_ON_LESIONS

AS_IT_WAS = Pose(0, mirrored=False, scale=1.0, place_xy=(0.0, 0.0))
every_artefact = pytest.mark.parametrize("artefact", [*LIFTERS])


def _lifted(artefact: str) -> tuple[Scene, Lifted]:
    drawn = scene(artefact)
    lifted = lift(drawn.carrying_u8, artefact)
    assert lifted is not None
    return drawn, lifted


@every_artefact
def test_what_is_lifted_is_the_artefact(artefact: str) -> None:
    drawn, lifted = _lifted(artefact)

    found, truth = lifted.alpha > 0.5, drawn.truth
    assert (found & truth).sum() > 0.6 * truth.sum()
    near = np.zeros_like(truth)
    for down in range(-5, 6):
        for across in range(-5, 6):
            near |= np.roll(truth, (down, across), (0, 1))
    assert (found & near).sum() > 0.9 * found.sum()


@every_artefact
def test_nothing_is_lifted_where_nothing_is(artefact: str) -> None:
    assert lift(scene(artefact).clean_u8, artefact) is None


@every_artefact
def test_laid_back_on_the_clean_scan_it_gives_the_scan_that_it_came_from(artefact: str) -> None:
    drawn, lifted = _lifted(artefact)

    laid = lay(drawn.clean_u8, lifted, AS_IT_WAS, 1.0).image_u8

    before, after = (np.abs(drawn.carrying_u8.astype(int) - image).mean() for image in (drawn.clean_u8, laid))
    assert after < 0.4 * before


@every_artefact
def test_the_lesion_is_never_lifted(artefact: str) -> None:
    drawn = scene(artefact)
    rows, columns = np.nonzero(drawn.truth)
    lesion = np.zeros(drawn.truth.shape, bool)
    lesion[: int(np.median(rows)) + 1, : int(np.median(columns)) + 1] = True

    lifted = lift(drawn.carrying_u8, artefact, lesion)

    if lifted is not None and artefact not in STANDING_ON_LESIONS:
        assert not lifted.alpha[lesion].any()


@every_artefact
@pytest.mark.parametrize("strength", [0.4, 1.0])
def test_the_region_is_where_the_scan_changed(artefact: str, strength: float) -> None:
    drawn, lifted = _lifted(artefact)
    onto_u8 = drawn.clean_u8.copy()

    laid = transplant(onto_u8, lifted, np.random.default_rng(1), strength)

    np.testing.assert_array_equal(onto_u8, drawn.clean_u8)
    np.testing.assert_array_equal(laid.region, (laid.image_u8 != onto_u8).any(2))
    assert laid.region.any()


@every_artefact
def test_strength_nothing_is_the_scan_itself(artefact: str) -> None:
    drawn, lifted = _lifted(artefact)

    laid = transplant(drawn.clean_u8, lifted, np.random.default_rng(1), 0.0)

    np.testing.assert_array_equal(laid.image_u8, drawn.clean_u8)
    assert not laid.region.any()


def test_the_weaker_the_fainter() -> None:
    drawn, lifted = _lifted("hair")

    changes = [
        np.abs(lay(drawn.clean_u8, lifted, AS_IT_WAS, s).image_u8.astype(int) - drawn.clean_u8).sum()
        for s in (0.2, 0.6, 1.0)
    ]
    assert changes == sorted(changes)


def test_the_same_chance_gives_the_same_transplant_on_any_size() -> None:
    drawn, lifted = _lifted("ink")
    onto_u8 = drawn.clean_u8[:200, :150]

    one, same, other = (transplant(onto_u8, lifted, np.random.default_rng(seed), 0.8).image_u8 for seed in (3, 3, 4))

    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize("artefact", ["burned_in_text", "calipers", "side_marker", "ruler", "position_box"])
def test_writing_is_neither_turned_nor_mirrored(artefact: str) -> None:
    poses = [Pose.draw(np.random.default_rng(seed), artefact) for seed in range(20)]

    assert artefact not in TURNING
    assert {(pose.quarter_turns, pose.mirrored) for pose in poses} == {(0, False)}


def test_what_does_not_touch_the_border_stays_whole() -> None:
    _, lifted = _lifted("burned_in_text")
    onto_u8 = np.full((256, 256, 3), 70, np.uint8)
    alone = lay(onto_u8, lifted, AS_IT_WAS, 1.0).region.sum()

    for seed in range(10):
        assert transplant(onto_u8, lifted, np.random.default_rng(seed), 1.0).region.sum() > 0.95 * alone


def test_a_wrong_strength_and_an_unknown_artefact_are_refused() -> None:
    drawn, lifted = _lifted("hair")

    with pytest.raises(BadStrength):
        transplant(drawn.clean_u8, lifted, np.random.default_rng(0), 1.2)
    with pytest.raises(UnknownConfounder, match="dust"):
        lift(drawn.clean_u8, "dust")
