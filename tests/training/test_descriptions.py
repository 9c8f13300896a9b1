"""Descriptions say what the mask shows."""

import numpy as np
import pytest

from training.data.descriptions import HELD_OUT_ABSENT, ORGAN, SYNONYMS, absent_description, ask, describe


def mask_with(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((90, 90), bool)
    for top, left, bottom, right in boxes:
        mask[top:bottom, left:right] = True
    return mask


@pytest.mark.parametrize(
    ("boxes", "text"),
    [
        ([(5, 5, 15, 15)], "one small polyp in the upper left"),
        ([(35, 35, 65, 65)], "one medium polyp in the centre"),
        ([(40, 2, 88, 88)], "one large polyp in the lower centre"),
        ([(40, 5, 50, 15), (40, 70, 50, 80)], "two polyps around the centre"),
    ],
)
def test_describe_reads_count_size_and_place_off_the_mask(boxes: list, text: str) -> None:
    assert describe("polyp", mask_with(*boxes)) == text


def test_a_side_is_asked_for_with_the_mask_of_that_side() -> None:
    mask, rng = mask_with((30, 5, 60, 35), (30, 55, 60, 85)), np.random.default_rng(0)
    sides = {"left": mask_with((30, 5, 60, 35)), "right": mask_with((30, 55, 60, 85))}

    asked = [ask("lung", mask, rng) for _ in range(200)]

    seen = set()
    for question in asked:
        for word, side in sides.items():
            if question.present and word in question.text.split() and not question.text.startswith("two"):
                np.testing.assert_array_equal(question.mask, side)
                seen.add(word)
    assert seen == {"left", "right"}


def test_absent_things_are_of_another_organ_and_have_an_empty_mask() -> None:
    rng = np.random.default_rng(0)
    for target, organ in ORGAN.items():
        own = {name.lower() for name in SYNONYMS[target]}
        for _ in range(100):
            assert not own & {absent_description(organ, rng).lower()}
    questions = [ask("polyp", mask_with((5, 5, 15, 15)), rng) for _ in range(200)]
    assert {question.mask.any() for question in questions if not question.present} == {False}
    assert 20 < sum(not question.present for question in questions) < 80


def test_held_out_absent_things_are_never_asked_in_training() -> None:
    rng = np.random.default_rng(0)
    drawn = " | ".join(absent_description(organ, rng) for organ in set(ORGAN.values()) for _ in range(300))
    assert not [thing for thing in HELD_OUT_ABSENT if thing in drawn]


def test_a_normal_scan_is_never_said_to_show_its_target() -> None:
    rng = np.random.default_rng(0)
    assert not any(ask("breast tumour", np.zeros((90, 90), bool), rng).present for _ in range(50))
