"""Saved masks -> a folder to train on: `images/`, `masks/`, `coco.json` and an `index.csv` as `training.data` reads it.

Carries: the pictures that people saw, the masks, and for each the part of the split, a salted hash of the patient, the
modality, the words, the scan's sha256, index and revision. Does not carry: headers, file names, or who drew the mask.

The part of the split is the store's own, drawn once for each patient and never again: the same mask is in the same
part in every export, and all scans of a patient are in one. `training.data` trains on role `source`, split `train`.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from causalseg.annotations.exports.coco import CocoFile, Label, picture_name
from causalseg.annotations.exports.png import mask_to_png
from causalseg.annotations.exports.snomed_codes import term_of
from causalseg.annotations.exports.zip_file import zip_files
from causalseg.annotations.label_records import Revision, Split
from causalseg.annotations.store import LabelStore
from causalseg.annotations.store.encoded_picture import Picture
from causalseg.errors import ExportRefused, StoreError

INDEX_NAME, COCO_NAME = "index.csv", "coco.json"
SET = "corrections"
"""Name of the set in the index, beside those that a model was first trained on."""
_COLUMNS = (
    *("set", "split", "role", "site", "modality", "target", "patient", "image", "mask", "width", "height"),
    *("mask_fraction", "text", "scan_sha256", "index", "revision"),
)
_IMAGES, _MASKS = "images", "masks"
_ROLE, _SITE = "source", "here"


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A picture, its mask, and what is known of both."""

    scan_sha256: str
    index: int
    """Which slice, frame or page of the scan."""
    revision: int
    description: str
    modality: str | None
    patient_key: str
    """A salted hash."""
    split: Split
    image_u8: UInt8[np.ndarray, "height width 3"]
    mask: Bool[np.ndarray, "height width"]


def examples_of(store: LabelStore, revisions: Iterable[Revision]) -> Iterator[Example]:
    """What the store has of these revisions, one at a time.

    Raises:
        StoreError: a file is gone or damaged, or the scan of a revision is.
    """
    for revision in revisions:
        scan = store.scan(revision.scan_sha256)
        if scan is None:
            raise StoreError("The label store does not have the scan of one of these labels (any more).")
        yield Example(
            scan_sha256=revision.scan_sha256,
            index=revision.index,
            revision=revision.number,
            description=revision.description,
            modality=scan.modality,
            patient_key=scan.patient_key,
            split=scan.split,
            image_u8=store.image_u8(revision),
            mask=store.mask(revision),
        )


def write_dataset(examples: Iterable[Example], folder: Path) -> int:
    """Write the dataset into a new folder, one example at a time; how many there were.

    The index is written last: a folder without one is an export that did not come to its end.

    Raises:
        ExportRefused: there is something in the folder already, nothing to write, or the disk refuses.
    """
    masks = 0
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ExportRefused("There is something in this folder already. Choose a new or an empty one.")
        for name, content in _files(examples):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            masks += name.startswith(f"{_MASKS}/")
    except OSError as error:
        raise ExportRefused(
            f"The dataset cannot be written there ({error.strerror}). Choose another folder, or make room."
        ) from error
    return masks


def dataset_to_zip(examples: Iterable[Example]) -> bytes:
    """The dataset as a zip, in memory.

    Raises:
        ExportRefused: there is nothing to write.
    """
    return zip_files(dict(_files(examples)))


def _files(examples: Iterable[Example]) -> Iterator[tuple[str, bytes]]:
    """Two pictures an example, then all masks as COCO, then the index."""
    rows: list[dict[str, str | int]] = []
    coco = CocoFile()
    for example in examples:
        row = _row(example, len(rows))
        yield str(row["image"]), Picture(example.image_u8).png
        yield str(row["mask"]), mask_to_png(example.mask)
        coco.add(Label(Path(str(row["image"])).name, str(row["text"]), example.mask))
        rows.append(row)
    if not rows:
        raise ExportRefused("There are no saved masks to export. Save one first.")
    yield COCO_NAME, coco.to_bytes()
    yield INDEX_NAME, _index(rows)


def _row(example: Example, number: int) -> dict[str, str | int]:
    """A line of the index; several people may have drawn on one picture, so each example has files of its own."""
    name = f"{number:06d}_{picture_name(example.scan_sha256, example.index)}"
    height, width = example.mask.shape
    text = " ".join(example.description.split())
    return {
        "set": SET,
        "split": example.split,
        "role": _ROLE,
        "site": _SITE,
        "modality": example.modality or "",
        "target": term_of(text).target or text,
        "patient": example.patient_key,
        "image": f"{_IMAGES}/{name}",
        "mask": f"{_MASKS}/{name}",
        "width": width,
        "height": height,
        "mask_fraction": f"{example.mask.mean():.6f}",
        "text": text,
        "scan_sha256": example.scan_sha256,
        "index": example.index,
        "revision": example.revision,
    }


def _index(rows: Sequence[dict[str, str | int]]) -> bytes:
    text = StringIO(newline="")
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
