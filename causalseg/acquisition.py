"""Scores of a picture by which the queue chooses: doubt, disagreement and similarity.

Doubt is the error that the model itself expects of its mask, 1 - 2 sum(p m) / (sum(p) + sum(m)) for probabilities p and
mask m; where it finds nothing, how undecided its presence score is. Disagreement is how far the mask moves, as
1 - Dice, when what is detected is removed, together or alone. Pictures are compared with one another by their coarse
look and the strengths of their confounders, which needs nothing of the network's inside.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float32
from PIL import Image

from causalseg.annotations.label_records import Signal
from causalseg.annotations.store import dice
from causalseg.engine import EncodedScan, Engine, Segmentation
from causalseg.scan import Scan

_MOST_ALONE = 3
"""Detected confounders that are removed alone, the strongest; each costs an answer."""
_LOOK_SIDE_PX = 8


def signal_of(engine: Engine, scan: Scan, description: str) -> Signal:
    """The model's scores of one picture."""
    encoded = engine.encode(scan)
    observed = engine.segment(encoded, description, None)
    others = [engine.segment(encoded, description, ids) for ids in _removals(engine, encoded)]
    moved = max((1 - dice(observed.mask, other.mask) for other in others), default=0.0)
    return Signal(_doubt(others[0] if others else observed), moved, _embedding(scan, encoded.strength))


def _removals(engine: Engine, encoded: EncodedScan) -> list[tuple[str, ...]]:
    """All that is detected together, as for the adjusted mask, then the strongest alone."""
    detected = engine.detected(encoded)
    if not detected:
        return []
    strongest = sorted(detected, key=lambda name: -encoded.strength[name])[:_MOST_ALONE]
    return [detected, *((name,) for name in strongest if len(detected) > 1)]


def _doubt(answer: Segmentation) -> float:
    if not answer.found or not answer.mask.any():
        return 4 * answer.presence * (1 - answer.presence)
    inside = float(answer.probability[answer.mask].sum())
    return 1 - 2 * inside / (float(answer.probability.sum()) + int(answer.mask.sum()))


def _embedding(scan: Scan, strength: Mapping[str, float]) -> Float32[np.ndarray, " features"]:
    """Coarse look and strengths, each of length about 1, the look without its mean."""
    small = np.asarray(
        Image.fromarray(scan.image_u8).resize((_LOOK_SIDE_PX, _LOOK_SIDE_PX), Image.Resampling.BOX), np.float32
    )
    look = (small - small.mean()).ravel()
    strengths = np.array(list(strength.values()), np.float32)
    parts = [part / max(float(np.linalg.norm(part)), 1e-6) for part in (look, strengths)]
    return np.concatenate(parts).astype(np.float32)
