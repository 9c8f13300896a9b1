"""Scans and masks squashed once to one square, as memory-mapped arrays, and batches drawn from them.

The squares are kept beside the run in a cache, so that an epoch reads no JPEG and fetches nothing.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from causalseg.models.preprocess import squash
from training.data.reading import load_image, load_mask
from training.data.rows import Row
from training.parallel import team


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
    """Squash `rows` to `side_px` once and map them from `cache_dir` ever after."""
    key = hashlib.sha256("\n".join([str(side_px), *(str(row.image) for row in rows)]).encode()).hexdigest()[:16]
    images_path, masks_path = cache_dir / f"{key}.images.npy", cache_dir / f"{key}.masks.npy"
    with team().main_first():  # several processes read what one has written
        if not masks_path.exists():
            _write_squares(rows, side_px, images_path, masks_path, on_progress)
    return Squares(list(rows), np.load(images_path, mmap_mode="r"), np.load(masks_path, mmap_mode="r"))


def _write_squares(
    rows: Sequence[Row], side_px: int, images_path: Path, masks_path: Path, on_progress: Callable[[int, int], object]
) -> None:
    images_path.parent.mkdir(parents=True, exist_ok=True)
    images = np.empty((len(rows), side_px, side_px, 3), np.uint8)
    masks = np.empty((len(rows), side_px, side_px), np.uint8)
    for index, row in enumerate(rows):
        images[index] = squash(load_image(row.image), side_px)
        masks[index] = squash(load_mask(row.mask).astype(np.uint8) * 255, side_px) > 127
        on_progress(index + 1, len(rows))
    np.save(images_path, images)
    partial = masks_path.with_name(masks_path.name + ".partial.npy")
    np.save(partial, masks)
    partial.replace(masks_path)


def epoch_indices(rows: Sequence[Row], per_set: dict[str, int], rng: np.random.Generator) -> np.ndarray:
    """A shuffled draw of at most `per_set[set]` rows a set (all of a set that is not named, and all lungs)."""
    sets = ["lungs" if row.target == "lung" else row.set for row in rows]
    chosen: list[np.ndarray] = []
    for name in sorted(set(sets)):
        mine = np.flatnonzero([other == name for other in sets])
        chosen.append(rng.permutation(mine)[: per_set.get(name, len(mine))])
    return rng.permutation(np.concatenate(chosen))


def batches(indices: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Whole batches of sorted indices; a last partial one is dropped."""
    for start in range(0, len(indices) - size + 1, size):
        yield np.sort(indices[start : start + size])
