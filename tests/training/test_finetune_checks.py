"""Poisoned corrections are told by what the parent sees, right ones are let through."""

import numpy as np
import pytest

from training.finetune.corrections import doubts, too_few

SIDE = 64


def discs(count: int, *, seed: int = 0, jitter_px: float = 0.0) -> np.ndarray:
    rng, wobble = np.random.default_rng(seed), np.random.default_rng(99)
    yy, xx = np.mgrid[:SIDE, :SIDE]
    masks = []
    for _ in range(count):
        y, x, radius = rng.uniform(16, 48), rng.uniform(16, 48), rng.uniform(6, 12)
        y, x = y + wobble.normal(0, jitter_px), x + wobble.normal(0, jitter_px)
        masks.append((yy - y) ** 2 + (xx - x) ** 2 < radius**2)
    return np.stack(masks)


def shifted(masks: np.ndarray) -> np.ndarray:
    """By 40 px of 256."""
    return np.roll(masks, 10, axis=2)


def test_right_masks_raise_no_doubt_even_where_the_parent_is_poor() -> None:
    masks = discs(12)

    assert doubts(masks, discs(12, jitter_px=2.0)) == []
    half_missed = discs(12)
    half_missed[::2] = False
    assert doubts(masks, half_missed) == []


def test_a_few_normal_scans_among_many_are_no_doubt() -> None:
    masks = discs(12)
    masks[:3] = False

    assert doubts(masks, discs(12)) == []


@pytest.mark.parametrize(
    ("poison", "says"),
    [
        (lambda masks: masks & False, "are empty"),
        (lambda masks: ~masks, "look inverted"),
        (shifted, "look shifted"),
        (lambda masks: np.roll(masks, 1, axis=0), "belong to other scans"),
    ],
)
def test_each_poison_is_named(poison: "object", says: str) -> None:
    masks = poison(discs(12))  # pyright: ignore[reportCallIssue]

    sentences = doubts(masks, discs(12, jitter_px=1.0))

    assert any(says in sentence for sentence in sentences)


def test_too_few_corrections_are_refused_in_words() -> None:
    assert "There are 2 approved corrections of 1 patients" in too_few(["a", "a"])
    assert "at least 6 of 3 patients" in too_few(["a"] * 9)
    assert too_few([*"aabbcc"]) == ""
