"""Masks as PNG files and back: one channel, black 0 and white 255, and nothing else in it.

Carries: the mask in the scan's own size. Does not carry: spacing, position, header, words.
"""

from collections.abc import Mapping
from io import BytesIO

import numpy as np
from jaxtyping import Bool
from PIL import Image, PngImagePlugin

from causalseg.annotations.exports.zip_file import zip_files
from causalseg.errors import BadCorrection
from causalseg.scan.refusals import refuse_malformed

_INSIDE = 255
_NOT_A_MASK = "This file is not a mask: a PNG of one channel with nothing but black (0) and white (255) is expected."


def mask_to_png(mask: Bool[np.ndarray, "height width"]) -> bytes:
    """A PNG of mode L: 255 inside the mask, 0 outside."""
    buffer = BytesIO()
    Image.fromarray(mask.astype(np.uint8) * _INSIDE).save(buffer, format="PNG")
    return buffer.getvalue()


def mask_from_png(content: bytes) -> Bool[np.ndarray, "height width"]:
    """The mask that `mask_to_png` wrote.

    Raises:
        BadCorrection: not a PNG, damaged, or with other values than 0 and 255.
    """
    with refuse_malformed(_NOT_A_MASK, refusal=BadCorrection):
        image = PngImagePlugin.PngImageFile(BytesIO(content))
        values = np.asarray(image)
    if image.mode != "L" or not np.isin(values, (0, _INSIDE)).all():
        raise BadCorrection(_NOT_A_MASK)
    return values == _INSIDE


def masks_to_png_zip(masks: Mapping[int, Bool[np.ndarray, "height width"]]) -> bytes:
    """A zip of one PNG a slice, frame or page, named `0000.png`, `0001.png`... by its index.

    What was never segmented has no file: an empty mask and no mask are not the same.
    """
    return zip_files({f"{index:04d}.png": mask_to_png(mask) for index, mask in sorted(masks.items())})
