"""Replay: features of some training scans, shipped with a checkpoint so that fine-tuning forgets nothing.

Two kinds of items: scans as they are, and twins (a confounder simulated in, then removed), so that the switches are
remembered too. No picture is kept: the tower's stages at 8 bits, a mask and the name of its target.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from causalseg.causal.dictionary import load_dictionary
from causalseg.causal.simulate import simulate
from causalseg.checkpoints import PROJECT_DIR, CheckpointEntry
from causalseg.errors import CheckpointError
from causalseg.models.network import CausalSegNetwork
from causalseg.models.preprocess import squash
from training.data import Row, load_image, load_mask, train_rows
from training.data.twins import applicable
from training.finetune.features import (
    Encoder,
    FeatureHeader,
    Features,
    dictionary_sha256,
    joined,
    load_features,
    save_features,
)

OnProgress = Callable[[int, int], object]

NOTE = (
    "Features, not pictures: what the image tower's stages made of training scans, rounded to 8 bits, with each "
    "scan's mask at the network's size and the name of its target. Learnt from sets whose terms restrict use to "
    "research and education, as the checkpoint's licence says; use it with that checkpoint, for research only."
)


@dataclass(frozen=True, slots=True)
class ReplayConfig:
    """How much of what is kept."""

    scans: int = 72
    """As they are, spread over sets and targets."""
    twins: int = 20
    """Of them, once more with a confounder simulated in and removed."""
    strength: float = 0.8
    seed: int = 0


def replay_path(checkpoint: str) -> Path:
    """Where the replay file of a checkpoint is shipped."""
    return PROJECT_DIR / "assets" / "replay" / f"{checkpoint}.npz"


def make_replay(
    network: CausalSegNetwork,
    entry: CheckpointEntry,
    rows: Sequence[Row],
    config: ReplayConfig,
    path: Path,
    on_progress: OnProgress = lambda done, total: None,
) -> Features:
    """Draw scans from the train part of `rows`, keep what the towers make of them in `path`."""
    encoder = Encoder(network, entry)
    chosen = spread_over_sets(train_rows(rows), config.scans, config.seed)
    twins = spread_over_sets(chosen, config.twins, config.seed + 1)
    rng = np.random.default_rng(config.seed)
    parts: list[Features] = []
    for row in chosen:
        image_u8, mask = _square(row, encoder.side_px)
        parts.append(encoder.items(encoder.observe(image_u8[None]), mask[None], [row.target], [row.set]))
        on_progress(len(parts), len(chosen) + len(twins))
    for row in twins:
        parts.append(_twin(encoder, row, config.strength, rng))
        on_progress(len(parts), len(chosen) + len(twins))
    features = joined(parts)
    header = FeatureHeader(entry.name, entry.sha256, dictionary_sha256(encoder.dictionary), encoder.side_px, NOTE)
    save_features(features, header, path)
    return features


def load_replay(entry: CheckpointEntry, path: Path | None = None) -> Features:
    """The replay features of a checkpoint.

    Raises:
        CheckpointError: they are missing, damaged, or were made with other weights or with another dictionary.
    """
    features, header = load_features(path or replay_path(entry.name))
    again = f"Make them again: python -m training replay --data FOLDER --checkpoint {entry.name}"
    if (header.checkpoint, header.checkpoint_sha256) != (entry.name, entry.sha256):
        raise CheckpointError(f"The replay features were made for other weights than {entry.name} has now. {again}")
    if header.dictionary_sha256 != dictionary_sha256(load_dictionary()):
        raise CheckpointError(
            "The replay features were made with another dictionary of confounders than the project has now (ids or "
            f"prompts differ). {again}"
        )
    return features


def _twin(encoder: Encoder, row: Row, strength: float, rng: np.random.Generator) -> Features:
    image_u8, mask = _square(row, encoder.side_px)
    k = int(rng.choice(applicable(encoder.dictionary, row.modality)))
    simulator = str(encoder.dictionary[k].simulator)
    spoilt = simulate(image_u8, simulator, strength=strength, seed=int(rng.integers(2**31))).image_u8
    return encoder.items(encoder.observe(spoilt[None]), mask[None], [row.target], [row.set], [[k]])


def _square(row: Row, side_px: int) -> tuple[np.ndarray, np.ndarray]:
    mask = squash(load_mask(row.mask).astype(np.uint8) * 255, side_px) > 127
    return squash(load_image(row.image), side_px).copy(), mask


def spread_over_sets(rows: Sequence[Row], count: int, seed: int) -> list[Row]:
    """About as many rows of each set and target, drawn at random; rows with an empty mask are left out."""
    rng = np.random.default_rng(seed)
    kinds = [(row.set, row.target) for row in rows]
    queues = [rng.permutation(np.flatnonzero([own == kind for own in kinds])).tolist() for kind in sorted(set(kinds))]
    chosen: list[Row] = []
    while len(chosen) < count and any(queues):
        for queue in filter(None, queues):
            row = rows[queue.pop()]
            if len(chosen) < count and load_mask(row.mask).any():
                chosen.append(row)
    return chosen
