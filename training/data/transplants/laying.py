"""Laying a lifted artefact on another scan: turned, scaled and shifted by chance, then a deterministic change."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from causalseg.causal.simulate.canvas import FAINTEST_ALPHA, paint
from causalseg.causal.simulate.simulator import Picture, Sheet, Simulated
from causalseg.errors import BadStrength
from training.data.transplants.lifted import Lifted

TURNING = frozenset({"hair", "ink", "gel_bubble", "patches", "dark_corner", "specular_highlight", "over_exposure"})
"""Artefacts that look as natural turned by any right angle, and mirrored."""
MIRRORED = frozenset({"wires"})
"""Artefacts that may have left and right changed."""
UPRIGHT = frozenset({"position_box"})
"""Artefacts that stay where they are."""
_LARGEST = 1.15
"""Scale of the jitter: an artefact is shown as it is, or larger by up to this."""
_SHIFT = 0.05
"""Largest shift of an artefact that does not touch the border, share of a side."""
_BLACK = 0.06
"""Brightest channel under which a pixel is outside the view of a coloured scan: no light falls there."""
LaidSheet = Float32[np.ndarray, "laid_height laid_width"]
"""A sheet at the size of the scan below, which may be another than that of the scan it came from."""
_IN_VIEW = frozenset({"specular_highlight", "over_exposure"})


@dataclass(frozen=True, slots=True)
class Pose:
    """How an artefact is turned and which window of it is laid over the scan."""

    quarter_turns: int
    mirrored: bool
    scale: float
    place_xy: tuple[float, float]
    """Where the window lies, in [-1, 1]: as far as it may go to either side."""

    @classmethod
    def draw(cls, rng: np.random.Generator, artefact: str) -> "Pose":
        """Only what is natural for the artefact."""
        turns, mirrored = int(rng.integers(4)), bool(rng.random() < 0.5)
        scale = 1.0 if artefact in UPRIGHT else float(rng.uniform(1, _LARGEST))
        x, y = rng.uniform(-1, 1, 2)
        turning = artefact in TURNING
        return cls(turns if turning else 0, mirrored and (turning or artefact in MIRRORED), scale, (float(x), float(y)))


def transplant(
    onto_u8: UInt8[np.ndarray, "height width 3"], lifted: Lifted, rng: np.random.Generator, strength: float
) -> Simulated:
    """Lay an artefact on a scan, as opaque as `strength`; the scan is never changed in place.

    Raises:
        BadStrength: strength outside [0, 1].
    """
    return lay(onto_u8, lifted, Pose.draw(rng, lifted.artefact), strength)


def lay(onto_u8: UInt8[np.ndarray, "height width 3"], lifted: Lifted, pose: Pose, strength: float) -> Simulated:
    """The same in a given pose; the region is where the scan changed.

    Raises:
        BadStrength: strength outside [0, 1].
    """
    if not 0 <= strength <= 1:
        raise BadStrength(f"The strength is {strength}; give a number from 0 to 1.")
    if strength == 0:
        return Simulated(onto_u8.copy(), np.zeros(onto_u8.shape[:2], bool))
    onto = onto_u8.astype(np.float32) / np.float32(255)
    alpha, layer = posed(lifted, pose, onto.shape[0], onto.shape[1])
    if lifted.artefact in _IN_VIEW:
        alpha = np.where(onto.max(2) > _BLACK, alpha, np.float32(0))
    painted, _ = paint(onto, alpha * np.float32(strength), onto * layer if lifted.is_ratio else layer)
    changed_u8 = np.rint(painted.clip(0, 1) * np.float32(255)).astype(np.uint8)
    return Simulated(changed_u8, (changed_u8 != onto_u8).any(2))


def posed(lifted: Lifted, pose: Pose, height_px: int, width_px: int) -> tuple[Sheet, Picture]:
    """Opacity and layer in the pose, at the size of the scan below."""
    alpha, weighted = (_turned(sheet, pose) for sheet in (lifted.alpha, lifted.layer * lifted.alpha[..., None]))
    window = _window(alpha, pose)
    laid = _resized(alpha, window, height_px, width_px)
    layers = [_resized(weighted[..., channel], window, height_px, width_px) for channel in range(3)]
    return laid.clip(0, 1), np.stack(layers, axis=-1) / np.maximum(laid, FAINTEST_ALPHA / 2)[..., None]


def _turned(sheet: np.ndarray, pose: Pose) -> np.ndarray:
    turned = np.rot90(sheet, pose.quarter_turns)
    return np.ascontiguousarray(turned[:, ::-1] if pose.mirrored else turned)


def _window(alpha: Sheet, pose: Pose) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what is shown. A window of what touches the border shows no cut ends."""
    height, width = alpha.shape
    spans = []
    for axis, (size, place) in enumerate(zip((width, height), pose.place_xy, strict=True)):
        shown = size / pose.scale
        used = np.flatnonzero((alpha > FAINTEST_ALPHA).any(axis=axis))
        free = len(used) > 0 and used[0] > 0 and used[-1] < size - 1
        slack = (size - shown) / 2
        start = slack * (1 + place)
        if free:  # keep it whole, and shift it besides
            start = np.clip(slack + place * (slack + _SHIFT * size), used[-1] + 1 - shown, used[0])
        spans.append((float(start), float(start + shown)))
    return spans[0][0], spans[1][0], spans[0][1], spans[1][1]


def _resized(sheet: Sheet, window: tuple[float, float, float, float], height_px: int, width_px: int) -> LaidSheet:
    left, top, right, bottom = window
    across, down = (right - left) / width_px, (bottom - top) / height_px
    picture = Image.fromarray(np.ascontiguousarray(sheet, np.float32))
    coefficients = (across, 0, left, 0, down, top)
    moved = picture.transform((width_px, height_px), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)
    return np.asarray(moved, np.float32)
