"""How far a mask is from another one: area, change of area, Dice, shift of its centre."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from causalseg.annotations.store import dice

Mask = Bool[np.ndarray, "height width"]


@dataclass(frozen=True, slots=True)
class Effect:
    """What removing something, or putting it back, did to a mask."""

    area_px: int
    change_px: int
    """Area less the observed area; negative where the mask shrank."""
    change_share: float | None
    """`change_px` as a share of the observed area; None where that is empty."""
    dice: float
    """Dice to the mask before, in [0, 1]."""
    shift_yx_px: tuple[float, float] | None
    """From the centre of gravity before to the one now, down and to the right; None where a mask is empty."""


def effect(before: Mask, mask: Mask) -> Effect:
    """What changed from `before` to `mask`."""
    before_px, after_px = int(before.sum()), int(mask.sum())
    change_px, share = after_px - before_px, None
    if before_px:
        share = change_px / before_px
    return Effect(after_px, change_px, share, dice(before, mask), _shift_yx_px(before, mask))


def shift(change: Effect, spacing_mm: tuple[float, float] | None) -> float | None:
    """Length of the centre's shift: in mm where the distance between pixels is known, else in pixels."""
    if change.shift_yx_px is None:
        return None
    rows, columns = spacing_mm or (1.0, 1.0)
    return math.hypot(change.shift_yx_px[0] * rows, change.shift_yx_px[1] * columns)


def area_mm2(area_px: int, spacing_mm: tuple[float, float] | None) -> float | None:
    """Area in mm2, or None where the distance between pixels is not known."""
    return None if spacing_mm is None else area_px * spacing_mm[0] * spacing_mm[1]


def _shift_yx_px(before: Mask, mask: Mask) -> tuple[float, float] | None:
    if not before.any() or not mask.any():
        return None
    (row, column), (next_row, next_column) = (np.argwhere(one).mean(axis=0) for one in (before, mask))
    return float(next_row - row), float(next_column - column)
