"""How far a mask is from the observed one: area, change of area, Dice."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from causalseg.annotations.store import dice

Mask = Bool[np.ndarray, "height width"]


@dataclass(frozen=True, slots=True)
class Effect:
    """What removing something did to a mask."""

    area_px: int
    change_px: int
    """Area less the observed area; negative where the mask shrank."""
    change_share: float | None
    """`change_px` as a share of the observed area; None where that is empty."""
    dice: float
    """Dice to the observed mask, in [0, 1]."""


def effect(observed: Mask, mask: Mask) -> Effect:
    """What changed from `observed` to `mask`."""
    before_px, after_px = int(observed.sum()), int(mask.sum())
    change_px = after_px - before_px
    return Effect(after_px, change_px, change_px / before_px if before_px else None, dice(observed, mask))


def area_mm2(area_px: int, spacing_mm: tuple[float, float] | None) -> float | None:
    """Area in mm2, or None where the distance between pixels is not known."""
    return None if spacing_mm is None else area_px * spacing_mm[0] * spacing_mm[1]
