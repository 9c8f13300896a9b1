"""Masks as one COCO JSON file with run-length encoded segmentations, for one scan or for many.

Carries: picture sizes, descriptions as categories, masks, areas and boxes in pixels. Pictures are named by the scan's
sha256 and index (`picture_name`), or as they are in the dataset folder, never by the file that was opened.

One mask is one annotation, also where it has several parts (`iscrowd` 0: COCOeval leaves out what is a crowd). An empty
mask is a picture and a category without an annotation, which is how COCO says "looked for and not there".
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool
from pycocotools import mask as rle_codec


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """One mask of one picture, and what it is of."""

    picture: str
    """File name of the picture, for whoever has it."""
    description: str
    mask: Bool[np.ndarray, "height width"]


def picture_name(scan_sha256: str, index: int) -> str:
    """The name of a slice, frame or page of a scan in exports of many."""
    return f"{scan_sha256[:16]}_{index:04d}.png"


class CocoFile:
    """A COCO file that grows label by label and keeps run lengths, not masks."""

    def __init__(self) -> None:
        self._images: dict[str, dict[str, Any]] = {}
        self._shapes: list[tuple[str, str, dict[str, Any] | None]] = []

    def add(self, label: Label) -> None:
        """One more label.

        Raises:
            ValueError: its picture has another size than before.
        """
        height, width = label.mask.shape
        new = {"id": len(self._images) + 1, "height": height, "width": width, "file_name": label.picture}
        image = self._images.setdefault(label.picture, new)
        if (image["height"], image["width"]) != (height, width):
            raise ValueError(f"labels of one picture must have one size, got {label.mask.shape} beside {image}")
        self._shapes.append((label.picture, label.description, _shape_of(label.mask) if label.mask.any() else None))

    def to_bytes(self) -> bytes:
        """The file, in UTF-8."""
        descriptions = sorted({description for _, description, _ in self._shapes})
        categories = {name: number for number, name in enumerate(descriptions, 1)}
        drawn = [(picture, description, shape) for picture, description, shape in self._shapes if shape is not None]
        annotations = [
            {
                "id": number,
                "image_id": self._images[picture]["id"],
                "category_id": categories[description],
                "iscrowd": 0,
                **shape,
            }
            for number, (picture, description, shape) in enumerate(drawn, 1)
        ]
        file = {
            "info": {"description": "Masks exported from causalseg"},
            "licenses": [],
            "images": list(self._images.values()),
            "categories": [{"id": number, "name": name} for name, number in categories.items()],
            "annotations": annotations,
        }
        return json.dumps(file, ensure_ascii=False).encode()


def masks_to_coco(labels: Iterable[Label]) -> bytes:
    """The COCO file of `labels`, in UTF-8.

    Raises:
        ValueError: two labels of one picture differ in size.
    """
    file = CocoFile()
    for label in labels:
        file.add(label)
    return file.to_bytes()


def _shape_of(mask: Bool[np.ndarray, "height width"]) -> dict[str, Any]:
    encoded = rle_codec.encode(np.asfortranarray(mask, dtype=np.uint8))
    counts = encoded["counts"]
    return {
        "segmentation": {
            "size": list(mask.shape),
            "counts": counts.decode("ascii") if isinstance(counts, bytes) else counts,
        },
        "area": int(rle_codec.area(encoded)),
        "bbox": [float(edge) for edge in rle_codec.toBbox(encoded)],
    }
