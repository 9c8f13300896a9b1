"""Scans and masks of a data folder, as one memory-mapped array per set, and batches drawn from them.

The folder holds `index.csv` (set, split, role, modality, target, patient, image, mask, text...), or it is a label
store, or one of parquet shards, which may also be a `hf://datasets/...` (see `training.shards`). Pictures are squashed
once to the network's square and kept beside the run in a cache, so that an epoch reads no JPEG and fetches nothing.
"""

import csv
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from causalseg.annotations.database import DATABASE_FILE
from causalseg.models.preprocess import squash
from training.parallel import team
from training.rows import Row
from training.shards import is_in_shard, picture_bytes, read_rows
from training.store_rows import read_store

_MODALITIES = {"CT": "ct", "MRI": "mri", "radiography": "radiograph"}
"""What the index calls them, where it differs from `causalseg.scan.MODALITIES`."""


def read_index(data_dir: Path) -> list[Row]:
    """All rows of a folder's index, of a label store (approved masks) or of parquet shards, paths made absolute.

    Raises:
        FileNotFoundError: the folder is none of these.
        StoreError: the label store cannot be read.
        CannotLearn: there are shards, and pyarrow is not installed.
    """
    index = data_dir / "index.csv"
    if (data_dir / DATABASE_FILE).is_file():
        return read_store(data_dir)
    if not index.is_file():
        if rows := read_rows(data_dir):
            return rows
        raise FileNotFoundError(
            f"{data_dir} has no index.csv, no labels.sqlite and no parquet shards; give a folder of scans, a label "
            "store or a folder of shards as --data"
        )
    with index.open(newline="", encoding="utf-8") as lines:
        return [
            Row(
                **{key: line[key] for key in ("set", "split", "role", "target", "patient", "site", "text")},
                modality=_MODALITIES.get(line["modality"], line["modality"]),
                image=data_dir / line["image"],
                mask=data_dir / line["mask"],
            )
            for line in csv.DictReader(lines)
        ]


def train_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows that a reported model may learn from: role `source`, split `train`."""
    return [row for row in rows if row.role == "source" and row.split == "train"]


def load_image(path: Path) -> UInt8[np.ndarray, "height width 3"]:
    """A picture as RGB."""
    with Image.open(_file_of(path)) as image:
        return np.asarray(image.convert("RGB"))


def load_mask(path: Path) -> Bool[np.ndarray, "height width"]:
    """A 0/255 mask as booleans."""
    with Image.open(_file_of(path)) as mask:
        return np.asarray(mask.convert("L")) > 127


def _file_of(path: Path) -> Path | BytesIO:
    """What Pillow opens: the file itself, or what a shard holds of it."""
    return BytesIO(picture_bytes(path)) if is_in_shard(path) else path


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
