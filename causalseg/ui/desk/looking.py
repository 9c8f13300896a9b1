"""The model looks at the pictures of the store, so that the queue can choose by what it finds. No Gradio here.

A picture is asked for what people look for in its modality. Doubt is the error that the model itself expects of its
mask, 1 - 2 sum(p m) / (sum(p) + sum(m)) for probabilities p and mask m; where it finds nothing, how undecided its
presence score is. Disagreement is how far the mask moves, as 1 - Dice, when what is detected is removed, together or
alone. Pictures are compared with one another by their coarse look and the strengths of their confounders, which needs
nothing of the network's inside.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32
from PIL import Image

from causalseg.annotations import signals
from causalseg.annotations.store import LabelStore, dice
from causalseg.annotations.types import Signal
from causalseg.engine import EncodedScan, Engine, Segmentation
from causalseg.scan.types import Scan
from causalseg.ui import copy

_MOST_ALONE = 3
"""Detected confounders that are removed alone, the strongest; each costs an answer."""
_LOOK_SIDE_PX = 8
_AT_ONCE = 64
"""Pictures asked for at a time, so that what comes meanwhile is seen too."""


class Looked(NamedTuple):
    """How far the model is."""

    done: int
    left: int


def unseen(store: LabelStore, engine: Engine) -> int:
    """Pictures that the model which is served now has not looked at."""
    query = (
        "SELECT COUNT(*) FROM items JOIN scans ON scans.sha256 = items.scan_sha256 AND scans.deleted_at IS NULL "
        'LEFT JOIN signals ON signals.scan_sha256 = items.scan_sha256 AND signals."index" = items."index" '
        "AND signals.model = ? WHERE signals.model IS NULL"
    )
    return store.database.rows(query, (engine.name,))[0][0]


def look(store: LabelStore, engine: Engine, is_stopped: Callable[[], bool]) -> Iterator[Looked]:
    """Look at every picture that was not looked at, one after the other; told before each and at the end.

    Raises:
        StoreError: a picture is damaged, or the disk refuses; what was looked at stays.
    """
    model, usual, done = engine.name, _usual_descriptions(store), 0
    while places := signals.missing(store, model=model, limit=_AT_ONCE):
        left = unseen(store, engine)
        for number, place in enumerate(places):
            if is_stopped():
                return
            yield Looked(done, left - number)
            scan = store.reopened(*place)
            signals.put(store, {place: signal_of(engine, scan, _description(scan, usual))}, model=model)
            done += 1
    yield Looked(done, 0)


def signal_of(engine: Engine, scan: Scan, description: str) -> Signal:
    """What the model makes of one picture."""
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


def _usual_descriptions(store: LabelStore) -> dict[str | None, str]:
    """What people look for most often, by modality."""
    query = (
        "SELECT scans.modality, labels.description FROM labels JOIN scans ON scans.sha256 = labels.scan_sha256 "
        "WHERE TRIM(labels.description) <> '' GROUP BY scans.modality, labels.description ORDER BY COUNT(*)"
    )
    return dict(store.database.rows(query))


def _description(scan: Scan, usual: Mapping[str | None, str]) -> str:
    return usual.get(scan.modality) or copy.suggestions(scan.modality)[0]
