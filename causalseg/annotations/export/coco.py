"""Masks as one COCO JSON file with run-length encoded segmentations, for one scan or for many.

Carries: picture sizes, descriptions as categories, masks, areas and boxes in pixels. Pictures are named by the scan's
sha256 and index (`picture_name`), as in the dataset folder, never by the file that was opened.

One mask is one annotation, also where it has several parts (`iscrowd` 0: COCOeval leaves out what is a crowd). An empty
mask is a picture and a category without an annotation, which is how COCO says "looked for and not there".
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from pycocotools import mask as rle_codec


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """One mask of one picture, and what it is of."""

    scan_sha256: str
    index: int
    """Which slice, frame or page of the scan."""
    description: str
    mask: Bool[np.ndarray, "height width"]


def picture_name(scan_sha256: str, index: int) -> str:
    """The name of a picture in exports of many."""
    return f"{scan_sha256[:16]}_{index:04d}.png"


def masks_to_coco(labels: Iterable[Label]) -> bytes:
    """The COCO file of `labels`, in UTF-8.

    Raises:
        ValueError: two labels of one picture differ in size.
    """
    labels = list(labels)
    categories = {name: number for number, name in enumerate(sorted({label.description for label in labels}), 1)}
    images = _images(labels)
    return json.dumps(
        {
            "info": {"description": "Masks exported from causalseg"},
            "licenses": [],
            "images": list(images.values()),
            "categories": [{"id": number, "name": name} for name, number in categories.items()],
            "annotations": [
                {
                    "id": number,
                    "image_id": images[label.scan_sha256, label.index]["id"],
                    "category_id": categories[label.description],
                    "iscrowd": 0,
                    **_shape_of(label.mask),
                }
                for number, label in enumerate((label for label in labels if label.mask.any()), 1)
            ],
        },
        ensure_ascii=False,
    ).encode()


def _images(labels: Sequence[Label]) -> dict[tuple[str, int], dict[str, str | int]]:
    images: dict[tuple[str, int], dict[str, str | int]] = {}
    for label in labels:
        height, width = label.mask.shape
        new = {"height": height, "width": width, "file_name": picture_name(label.scan_sha256, label.index)}
        image = images.setdefault((label.scan_sha256, label.index), {"id": len(images) + 1, **new})
        if (image["height"], image["width"]) != (height, width):
            raise ValueError(f"labels of one picture must have one size, got {label.mask.shape} beside {image}")
    return images


def _shape_of(mask: Bool[np.ndarray, "height width"]) -> dict[str, object]:
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
