"""A mask as a file and back: one channel, black 0 and white 255, and nothing else in it."""

from io import BytesIO

import numpy as np
from jaxtyping import Bool
from PIL import Image, PngImagePlugin

from causalseg.errors import BadCorrection
from causalseg.scan.refusal import refuse_malformed

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
