"""Corrections as items to learn from: seen as they are, mirrored, brighter and darker; observed and adjusted."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int, UInt8

from causalseg.causal.simulate import simulate
from causalseg.models.preprocess import squash
from training.data.twins import applicable
from training.finetune.corrections import Correction
from training.finetune.features import Encoder, Features, joined

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
    views = [_view(image_u8, mask, correction.description, number, rng) for number in range(count)]
    masks, texts, groups = np.stack([m for _, m, _ in views]), [t for _, _, t in views], [correction.patient] * count
    seen = encoder.observe(np.stack([image for image, _, _ in views]))
    parts, detected = [encoder.items(seen, masks, texts, groups)], encoder.detected(seen)
    if acting := [view for view, ids in enumerate(detected) if ids]:
        of_acting = (masks[acting], [texts[view] for view in acting], groups[: len(acting)])
        parts.append(encoder.items(seen.only(acting), *of_acting, removed=[detected[view] for view in acting]))
    if correction.modality is not None:
        parts.append(_twin(encoder, replace(correction, image_u8=image_u8, mask=mask), rng))
    return joined(parts), count if detected[0] else 0


def _view(
    image_u8: UInt8[np.ndarray, "side side 3"],
    mask: Bool[np.ndarray, "side side"],
    text: str,
    number: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, str]:
    """View 0 is the picture itself, odd ones are mirrored, from 2 on the gain differs."""
    if number % 2:
        image_u8, mask, text = image_u8[:, ::-1], mask[:, ::-1], mirrored_text(text)
    if number >= 2:
        image_u8 = (image_u8 * rng.uniform(*_GAIN)).clip(0, 255).astype(np.uint8)
    return image_u8, mask, text


def _twin(encoder: Encoder, square: Correction, rng: np.random.Generator) -> Features:
    """The correction with a confounder simulated in, and removed again."""
    possible = applicable(encoder.dictionary, str(square.modality))
    k = int(rng.choice(possible))
    simulator, strength = str(encoder.dictionary[k].simulator), float(rng.uniform(*_TWIN_STRENGTH))
    spoilt = simulate(square.image_u8, simulator, strength=strength, seed=int(rng.integers(2**31))).image_u8
    seen = encoder.observe(spoilt[None])
    return encoder.items(seen, square.mask[None], [square.description], [square.patient], [[k]])
