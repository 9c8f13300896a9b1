"""Corrections as items to learn from: seen as they are, mirrored, brighter and darker; observed and adjusted."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int, UInt8

from causalseg.causal.simulate import simulate
from causalseg.models.preprocess import squash
from training.data.twins import applicable
from training.finetune.encoder import Encoder
from training.finetune.features import Features, joined
from training.finetune.material import Correction

OnProgress = Callable[[int, int], object]

MOST_VIEWS = 4
_VIEWS_WANTED = 48
"""Views of all corrections together, beyond which there are fewer of each."""
_GAIN = (0.75, 1.25)
_TWIN_STRENGTH = (0.4, 0.9)
_SIDES = re.compile(r"\b(left|right)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """The items of some corrections."""

    features: Features
    owner: Int[np.ndarray, " item"]
    """Index of the correction that an item is a view of."""
    asked: Int[np.ndarray, " correction"]
    """For each correction, the item that the app would answer: unchanged, with all that is detected removed."""
    observed: Int[np.ndarray, " correction"]
    """For each correction, the item with nothing removed."""


def views_of(
    encoder: Encoder,
    corrections: Sequence[Correction],
    seed: int,
    *,
    most: int = MOST_VIEWS,
    on_progress: OnProgress = lambda done, total: None,
) -> Views:
    """All items of `corrections`; how many views of each depends on how many corrections there are."""
    count = int(np.clip(_VIEWS_WANTED // max(len(corrections), 1), 1, most))
    parts, owner, asked, observed = [], [], [], []
    for index, correction in enumerate(corrections):
        items, first_asked = _items(encoder, correction, count, np.random.default_rng([seed, index]))
        observed.append(len(owner))
        asked.append(len(owner) + first_asked)
        parts.append(items)
        owner += [index] * len(items)
        on_progress(index + 1, len(corrections))
    return Views(joined(parts), np.asarray(owner), np.asarray(asked), np.asarray(observed))


def mirrored_text(description: str) -> str:
    """The description of the mirrored picture: left and right change places."""
    return _SIDES.sub(lambda side: _other_side(side.group()), description)


def _other_side(word: str) -> str:
    other = "right" if word.lower() == "left" else "left"
    return other.upper() if word.isupper() else other.capitalize() if word[0].isupper() else other


def _items(encoder: Encoder, correction: Correction, count: int, rng: np.random.Generator) -> tuple[Features, int]:
    """Observed views, then adjusted ones where something is detected, then a twin; and the place of the asked one."""
    image_u8 = squash(correction.image_u8, encoder.side_px).copy()
    mask = squash(correction.mask.astype(np.uint8) * 255, encoder.side_px) > 127
    looks = [_look(image_u8, mask, correction.description, view, rng) for view in range(count)]
    masks, texts, groups = np.stack([m for _, m, _ in looks]), [t for _, _, t in looks], [correction.patient] * count
    seen = encoder.observe(np.stack([image for image, _, _ in looks]))
    parts = [encoder.observed_items(seen, masks, texts, groups)]
    adjusted = encoder.intervened_items(seen, encoder.detected(seen), masks, texts, groups)
    acted = np.flatnonzero(adjusted.is_intervened)
    if len(acted):
        parts.append(_chosen(adjusted, acted))
    if correction.modality is not None:
        parts.append(_twin(encoder, replace(correction, image_u8=image_u8, mask=mask), rng))
    return joined(parts), count if 0 in acted else 0


def _look(
    image_u8: UInt8[np.ndarray, "side side 3"],
    mask: Bool[np.ndarray, "side side"],
    text: str,
    view: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, str]:
    """View 0 is the picture itself, odd ones are mirrored, from 2 on the gain differs."""
    if view % 2:
        image_u8, mask, text = image_u8[:, ::-1], mask[:, ::-1], mirrored_text(text)
    if view >= 2:
        image_u8 = (image_u8 * rng.uniform(*_GAIN)).clip(0, 255).astype(np.uint8)
    return image_u8, mask, text


def _twin(encoder: Encoder, square: Correction, rng: np.random.Generator) -> Features:
    """The correction with a confounder simulated in, and removed again."""
    possible = applicable(encoder.dictionary, str(square.modality))
    k = int(rng.choice(possible))
    simulator, strength = str(encoder.dictionary[k].simulator), float(rng.uniform(*_TWIN_STRENGTH))
    spoilt = simulate(square.image_u8, simulator, strength=strength, seed=int(rng.integers(2**31))).image_u8
    seen = encoder.observe(spoilt[None])
    return encoder.intervened_items(seen, [[k]], square.mask[None], [square.description], [square.patient])


def _chosen(features: Features, items: np.ndarray) -> Features:
    """Some items alone, in the order given."""
    place = {int(item): new for new, item in enumerate(items)}
    kept = np.flatnonzero(np.isin(features.pairs.item, items))
    pairs = features.pairs._make(value[kept] for value in features.pairs)
    return Features(
        tuple(stage[items] for stage in features.stages_q),
        tuple(scale[items] for scale in features.scales),
        features.statistics[items],
        pairs._replace(item=np.asarray([place[int(item)] for item in pairs.item], np.int64)),
        features.masks[items],
        tuple(features.texts[i] for i in items),
        tuple(features.groups[i] for i in items),
    )
