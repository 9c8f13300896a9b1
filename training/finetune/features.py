"""Scans as heads learn from them: what the frozen tower made of them, at 8 bits, each with a question and its answer.

Features are the tower's stages at strides 4 to 32, of the scan or of its restored picture. Kept per scan and channel as
`scale * int8`: a quarter of the memory, and no picture can be read off them by eye. The neck, the pyramid's removal
blocks and the decoder work on them exactly as in the app, up to that rounding.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, Float32, Int8, UInt8
from torch import Tensor

from causalseg.causal.dictionary import Confounder, load_dictionary
from causalseg.causal.intervention import Evidence, Removal, evidence_of, make_removal
from causalseg.checkpoints import CheckpointEntry
from causalseg.errors import CheckpointError
from causalseg.models.network import CausalSegNetwork
from causalseg.models.preprocess import to_network
from causalseg.models.text_to_pixel import Decoded
from causalseg.models.towers import TextCode

STAGES = 4
"""Strides 4, 8, 16, 32."""


class RemovedPairs(NamedTuple):
    """What was removed from which item, one line a pair: a `Removal` as arrays."""

    item: np.ndarray
    code: Float32[np.ndarray, "pair code"]
    where_u8: UInt8[np.ndarray, "pair map_h map_w"]
    """255 is 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Items to learn from or to be scored on, in one order."""

    stages_q: tuple[Int8[np.ndarray, "item _ _ _"], ...]
    scales: tuple[Float16[np.ndarray, "item _"], ...]
    statistics: Float16[np.ndarray, "item statistics"]
    """Of the observed scan, for the presence of confounders."""
    pairs: RemovedPairs
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


class Seen(NamedTuple):
    """A few scans, observed."""

    image: Float[Tensor, "batch 3 side side"]
    """In [-1, 1]."""
    stages: list[Tensor]
    """All five, finest first."""
    statistics: Float[Tensor, "batch statistics"]
    strength: Float[Tensor, "batch confounder"]
    evidence: Evidence

    def only(self, rows: Sequence[int]) -> "Seen":
        """Some of the scans."""
        kept, there = list(rows), self.evidence
        evidence = Evidence(there.maps[kept], there.codes)
        return Seen(
            self.image[kept],
            [stage[kept] for stage in self.stages],
            self.statistics[kept],
            self.strength[kept],
            evidence,
        )


class Encoder:
    """Towers, restorer and presence: everything that fine-tuning leaves as it is."""

    def __init__(self, network: CausalSegNetwork, entry: CheckpointEntry) -> None:
        self.network = network
        self.dictionary = load_dictionary()
        self.codes = network.dictionary_codes([list(one.prompts) for one in self.dictionary])
        self.side_px = entry.architecture.input_side_px
        self.least_presence = entry.least_presence
        self.detected_from = torch.tensor([entry.detected_from(one.id) for one in self.dictionary])
        self._is_local = torch.tensor([one.scope == "local" for one in self.dictionary])

    @torch.no_grad()
    def observe(self, squares_u8: UInt8[np.ndarray, "batch side side 3"]) -> Seen:
        """Stages and presence of a few squashed scans."""
        image = to_network(torch.from_numpy(squares_u8))
        return self.seen(image, self.network.observe(image))

    @torch.no_grad()
    def seen(self, image: Float[Tensor, "batch 3 side side"], stages: list[Tensor]) -> Seen:
        """Presence of observed stages."""
        presence = self.network.presence(stages, self.codes)
        evidence = evidence_of(presence, self.codes, self._is_local)
        return Seen(image, stages, self.network.presence.statistics(stages), presence.strength, evidence)

    def detected(self, seen: Seen) -> list[list[int]]:
        """For every scan, the indices of the confounders that its adjusted mask removes."""
        return [row.nonzero()[:, 0].tolist() for row in seen.strength >= self.detected_from]

    @torch.no_grad()
    def items(
        self,
        seen: Seen,
        masks: Bool[np.ndarray, "batch side side"],
        texts: Sequence[str],
        groups: Sequence[str],
        removed: Sequence[Sequence[int]] | None = None,
    ) -> Features:
        """The scans with the confounders `removed` from each; None: as observed.

        The blocks on the pyramid have not acted yet: they are among what is learnt.
        """
        removal = make_removal(seen.evidence, removed or [()] * len(masks))
        stages = [quantized(stage) for stage in self.network.intervened_stages(seen.image, seen.stages, removal)[1:]]
        return Features(
            tuple(q for q, _ in stages),
            tuple(scale for _, scale in stages),
            seen.statistics.half().numpy(),
            RemovedPairs(
                removal.row.numpy(),
                removal.code.numpy(),
                (removal.where[:, 0] * 255).round().to(torch.uint8).numpy(),
            ),
            masks,
            tuple(texts),
            tuple(groups),
        )


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
        RemovedPairs(*(np.concatenate(column) for column in zip(*pairs, strict=True))),
        np.concatenate([part.masks for part in parts]),
        tuple(text for part in parts for text in part.texts),
        tuple(group for part in parts for group in part.groups),
    )


def batch_of(features: Features, chosen: np.ndarray) -> Batch:
    """The `chosen` items, of which one may be chosen twice; features in channels-last memory."""
    stages = [
        (torch.from_numpy(q[chosen]).float() * torch.from_numpy(scale[chosen]).float()[:, :, None, None]).contiguous(
            memory_format=torch.channels_last
        )
        for q, scale in zip(features.stages_q, features.scales, strict=True)
    ]
    row, pair = np.nonzero(np.asarray(chosen)[:, None] == features.pairs.item)
    _, code, where_u8 = (torch.from_numpy(column[pair]).float() for column in features.pairs)
    masks = torch.from_numpy(features.masks[chosen])[:, None].float()
    removal = Removal(torch.from_numpy(row), code, where_u8[:, None] / 255)
    return Batch(stages, removal, masks, masks.amax((1, 2, 3)))


def answer(network: CausalSegNetwork, batch: Batch, text: TextCode) -> Decoded:
    """From the tower's stages to the answer: neck, the pyramid's removal blocks, decoder."""
    return network.decode(network.levels_under_do(batch.stages, batch.removal), text)


def dictionary_sha256(dictionary: Sequence[Confounder]) -> str:
    """Of what removals depend on: ids and prompts."""
    lines = [[one.id, *one.prompts] for one in dictionary]
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class FeatureHeader:
    """What a file of features belongs to."""

    checkpoint: str
    checkpoint_sha256: str
    dictionary_sha256: str
    side_px: int
    note: str


def save_features(features: Features, header: FeatureHeader, path: Path) -> None:
    """Write one compressed .npz, whole or not at all; masks are packed to bits."""
    words = {"header": asdict(header), "texts": features.texts, "groups": features.groups}
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
            if {name for name in file if name.startswith("pair_")} != {f"pair_{name}" for name in RemovedPairs._fields}:
                raise ValueError("its removals are written in another way")
            words = json.loads(file["words"].tobytes())
            header = FeatureHeader(**words["header"])
            features = Features(
                tuple(file[f"stage_{i}"] for i in range(STAGES)),
                tuple(file[f"scale_{i}"] for i in range(STAGES)),
                file["statistics"],
                RemovedPairs(*(file[f"pair_{name}"] for name in RemovedPairs._fields)),
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
