"""Scans and masks squashed once to one square, as memory-mapped arrays, and batches drawn from them.

The squares are kept beside the run in a cache, so that an epoch reads no JPEG and fetches nothing.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from causalseg.models.preprocess import squash
from training.data.reading import load_image, load_mask
from training.data.rows import Row
from training.data.shards import is_in_shard, shard_stamp


@dataclass(frozen=True, slots=True, eq=False)
class Squares:
    """Scans and masks squashed to one square, aligned with `rows`."""

    rows: list[Row]
    images_u8: UInt8[np.ndarray, "row side side 3"]
    masks: UInt8[np.ndarray, "row side side"]
    """0 or 1."""


def load_squares(
    rows: Sequence[Row],
    side_px: int,
    cache_dir: Path,
    *,
    on_progress: Callable[[int, int], object] = lambda done, total: None,
) -> Squares:
    """Squash `rows` to `side_px` once and map them from `cache_dir` as long as their files stay as they are."""
    told = [str(side_px)]
    for row in rows:
        told += [row.target, _stamp(row.image), _stamp(row.mask)]
    key = hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
    paths = cache_dir / f"{key}.images.npy", cache_dir / f"{key}.masks.npy"
    if not all(path.exists() for path in paths):
        cache_dir.mkdir(parents=True, exist_ok=True)
        for path, squares in zip(paths, _squashed(rows, side_px, on_progress), strict=True):
            partial = path.with_name(f"{path.name}.{os.getpid()}.npy")
            np.save(partial, squares)
            partial.replace(path)
    images, masks = (np.load(path, mmap_mode="r") for path in paths)
    return Squares(list(rows), images, masks)


def _stamp(picture: Path) -> str:
    """What changes when a picture does: its file's size and time, or those of the shard it is in."""
    if is_in_shard(picture):
        return f"{picture} {shard_stamp(picture.parent.parent)}"
    facts = picture.stat()
    return f"{picture} {facts.st_size} {facts.st_mtime_ns}"


def _squashed(
    rows: Sequence[Row], side_px: int, on_progress: Callable[[int, int], object]
) -> tuple[UInt8[np.ndarray, "row side side 3"], UInt8[np.ndarray, "row side side"]]:
    images = np.empty((len(rows), side_px, side_px, 3), np.uint8)
    masks = np.empty((len(rows), side_px, side_px), np.uint8)
    for index, row in enumerate(rows):
        images[index] = squash(load_image(row.image), side_px)
        masks[index] = squash(load_mask(row.mask).astype(np.uint8) * 255, side_px) > 127
        on_progress(index + 1, len(rows))
    return images, masks


EVERY_OTHER_SET = "*"


def epoch_indices(rows: Sequence[Row], per_set: dict[str, int], rng: np.random.Generator) -> np.ndarray:
    """A shuffled draw of at most `per_set[set]` rows a set, all lungs being a set of their own.

    "*" is every set that is not named; without it all of such a set is drawn.
    """
    sets = ["lungs" if row.target == "lung" else row.set for row in rows]
    chosen: list[np.ndarray] = []
    for name in sorted(set(sets)):
        mine = np.flatnonzero([other == name for other in sets])
        chosen.append(rng.permutation(mine)[: per_set.get(name, per_set.get(EVERY_OTHER_SET, len(mine)))])
    return rng.permutation(np.concatenate(chosen))


def batches(indices: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Whole batches of sorted indices; a last partial one is dropped."""
    for start in range(0, len(indices) - size + 1, size):
        yield np.sort(indices[start : start + size])
