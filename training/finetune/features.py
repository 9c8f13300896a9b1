"""What the frozen towers made of scans, at 8 bits, each with a question and its answer: what heads learn from.

Features are the tower's stages at strides 4 to 32, observed or under a removal that has acted inside the tower. Kept
per scan and channel as `scale * int8`: a quarter of the memory, and no picture can be read off them by eye. The
neck, the pyramid's removal blocks and the decoder work on them exactly as in the app, up to that rounding.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, Int8, UInt8
from torch import Tensor

from causalseg.causal.intervention import Removal
from causalseg.errors import CheckpointError
from causalseg.models.network import CausalSegNetwork
from causalseg.models.text_to_pixel import Decoded
from causalseg.models.towers import TextCode

STAGES = 4
"""Strides 4, 8, 16, 32."""


class Pairs(NamedTuple):
    """Which confounder was removed from which item, one line a pair."""

    item: np.ndarray
    confounder: np.ndarray
    """Index in the dictionary."""
    amount: Float16[np.ndarray, " pair"]
    where_u8: UInt8[np.ndarray, "pair map_h map_w"]
    """255 is 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Items to learn from or to be scored on, in one order."""

    stages_q: tuple[Int8[np.ndarray, "item _ _ _"], ...]
    scales: tuple[Float16[np.ndarray, "item _"], ...]
    statistics: Float16[np.ndarray, "item statistics"]
    """Of the observed scan, for the presence of confounders."""
    pairs: Pairs
    masks: Bool[np.ndarray, "item side side"]
    """What the description asks for; empty where it is not there."""
    texts: tuple[str, ...]
    groups: tuple[str, ...]
    """Items of one group (a patient) are never on both sides of a split."""

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def is_intervened(self) -> Bool[np.ndarray, " item"]:
        """Whether something was removed from an item."""
        return np.isin(np.arange(len(self)), self.pairs.item)


class Batch(NamedTuple):
    """Some items, as the network takes them."""

    stages: list[Tensor]
    removal: Removal
    masks: Float[Tensor, "batch 1 side side"]
    present: Float[Tensor, " batch"]


def quantized(stage: Float[Tensor, "item channels height width"]) -> tuple[np.ndarray, np.ndarray]:
    """A stage as int8 and the scale of each item's channels."""
    scale = (stage.abs().amax((2, 3)) / 127).clamp(min=1e-6).half()
    return (stage / scale.float()[:, :, None, None]).round().clamp(-127, 127).to(torch.int8).numpy(), scale.numpy()


def joined(parts: Sequence[Features]) -> Features:
    """All items of `parts`, in order."""
    starts = np.cumsum([0, *(len(part) for part in parts)])
    pairs = [part.pairs._replace(item=part.pairs.item + start) for part, start in zip(parts, starts, strict=False)]
    return Features(
        tuple(np.concatenate([part.stages_q[i] for part in parts]) for i in range(STAGES)),
        tuple(np.concatenate([part.scales[i] for part in parts]) for i in range(STAGES)),
        np.concatenate([part.statistics for part in parts]),
        Pairs(*(np.concatenate([pair[i] for pair in pairs]) for i in range(4))),
        np.concatenate([part.masks for part in parts]),
        tuple(text for part in parts for text in part.texts),
        tuple(group for part in parts for group in part.groups),
    )


def batch_of(features: Features, chosen: np.ndarray, codes: Float[Tensor, "confounder code"]) -> Batch:
    """The `chosen` items, features in channels-last memory."""
    stages = [
        (torch.from_numpy(q[chosen]).float() * torch.from_numpy(scale[chosen]).float()[:, :, None, None]).contiguous(
            memory_format=torch.channels_last
        )
        for q, scale in zip(features.stages_q, features.scales, strict=True)
    ]
    rows, pairs = _pairs_of(features.pairs, chosen)
    removal = Removal(
        torch.from_numpy(rows),
        codes[torch.from_numpy(features.pairs.confounder[pairs]).long()],
        torch.from_numpy(features.pairs.amount[pairs]).float(),
        torch.from_numpy(features.pairs.where_u8[pairs]).float()[:, None] / 255,
    )
    masks = torch.from_numpy(features.masks[chosen])[:, None].float()
    return Batch(stages, removal, masks, masks.amax((1, 2, 3)))


def _pairs_of(pairs: Pairs, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows in the batch and indices of the pairs of the chosen items; an item may be chosen twice."""
    found = [(row, pair) for row, item in enumerate(chosen) for pair in np.flatnonzero(pairs.item == item)]
    both = np.asarray(found, np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def answer(network: CausalSegNetwork, stages: list[Tensor], removal: Removal, text: TextCode) -> Decoded:
    """From the tower's stages to the answer: neck, the pyramid's removal blocks, decoder."""
    levels = [lateral(stage) for lateral, stage in zip(network.neck, stages, strict=True)]
    acted = [network.intervention.on_level(index, level, removal) for index, level in enumerate(levels)]
    return network.decode(acted, text)


@dataclass(frozen=True, slots=True)
class FeatureHeader:
    """What a file of features belongs to."""

    checkpoint: str
    checkpoint_sha256: str
    side_px: int
    note: str


def save_features(features: Features, header: FeatureHeader, path: Path) -> None:
    """Write one compressed .npz, whole or not at all; masks are packed to bits."""
    words = {"header": {name: getattr(header, name) for name in header.__slots__}}
    words |= {"texts": features.texts, "groups": features.groups}
    arrays = {f"stage_{i}": q for i, q in enumerate(features.stages_q)}
    arrays |= {f"scale_{i}": scale for i, scale in enumerate(features.scales)}
    arrays |= {f"pair_{name}": value for name, value in features.pairs._asdict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(
        partial,
        words=np.frombuffer(json.dumps(words).encode(), np.uint8),
        statistics=features.statistics,
        masks=np.packbits(features.masks, axis=-1),
        **arrays,  # pyright: ignore[reportArgumentType]
    )
    partial.replace(path)


def load_features(path: Path) -> tuple[Features, FeatureHeader]:
    """Read a file of features.

    Raises:
        CheckpointError: it is missing, or cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            words = json.loads(file["words"].tobytes())
            header = FeatureHeader(**words["header"])
            features = Features(
                tuple(file[f"stage_{i}"] for i in range(STAGES)),
                tuple(file[f"scale_{i}"] for i in range(STAGES)),
                file["statistics"],
                Pairs(*(file[f"pair_{name}"] for name in Pairs._fields)),
                np.unpackbits(file["masks"], axis=-1, count=header.side_px).astype(bool),
                tuple(words["texts"]),
                tuple(words["groups"]),
            )
    except (OSError, EOFError, KeyError, ValueError, TypeError, BadZipFile) as error:
        raise CheckpointError(
            f"The replay features {path.name} cannot be read ({type(error).__name__}). Make them: "
            "python -m training replay --data FOLDER"
        ) from error
    return features, header
