"""Rows and pictures of a data folder: one with `index.csv`, a label store, or parquet shards.

Shards may also be a `hf://datasets/...` (see `training.data.shards`).
"""

import csv
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from causalseg.annotations.store.database import DATABASE_FILE
from causalseg.errors import CannotLearn
from causalseg.scan import MODALITIES
from training.data.rows import Row
from training.data.shards import is_in_shard, picture_bytes, read_rows
from training.data.store import read_store

_MODALITIES = {"CT": "ct", "MRI": "mri", "radiography": "radiograph"}
"""What the index calls them, where it differs from `causalseg.scan.MODALITIES`."""


REQUIRED = ("image", "mask", "modality", "target", "split")
"""Columns of an index.csv; set, role, patient, site and text may be left out."""


def read_index(data_dir: Path) -> list[Row]:
    """All rows of a folder's index, of a label store (approved masks) or of parquet shards, paths made absolute.

    Raises:
        FileNotFoundError: the folder is none of these.
        StoreError: the label store cannot be read.
        CannotLearn: the index lacks a column or names an unknown modality, or pyarrow is not installed for shards.
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
        table = csv.DictReader(lines)
        if missing := [column for column in REQUIRED if column not in (table.fieldnames or ())]:
            raise CannotLearn(f"{index} lacks the column {missing[0]}; it needs {', '.join(REQUIRED)}.")
        return [_row(line, data_dir) for line in table]


def _row(line: dict[str, str], data_dir: Path) -> Row:
    modality = _MODALITIES.get(line["modality"], line["modality"])
    if modality not in MODALITIES:
        raise CannotLearn(f"The index names the modality {modality!r}; known are {', '.join(sorted(MODALITIES))}.")
    if not line["target"].strip():
        raise CannotLearn(f"The index does not say what the mask of {line['image']} shows: its target is empty.")
    own = {"role": "source", "set": "own", "patient": line["image"], "site": "", "text": line["target"]}
    return Row(
        **{column: line.get(column) or default for column, default in own.items()},
        split=line["split"],
        target=line["target"],
        modality=modality,
        image=data_dir / line["image"],
        mask=data_dir / line["mask"],
    )


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
