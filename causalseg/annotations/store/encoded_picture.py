"""Pictures as the store keeps them: pixels and nothing else, and a small one for lists."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image, PngImagePlugin

THUMBNAIL_SIDE_PX = 128
_THUMBNAIL_QUALITY = 80


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture, encoded when it is asked for and at most once."""

    image_u8: UInt8[np.ndarray, "height width 3"]

    @cached_property
    def png(self) -> bytes:
        """A PNG without any text in it."""
        buffer = BytesIO()
        Image.fromarray(self.image_u8).save(buffer, format="PNG", compress_level=1)
        return buffer.getvalue()

    @cached_property
    def thumbnail_jpeg(self) -> bytes:
        """The picture with its longer side at most `THUMBNAIL_SIDE_PX`."""
        picture = Image.fromarray(self.image_u8)
        picture.thumbnail((THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX), reducing_gap=2)
        buffer = BytesIO()
        picture.save(buffer, format="JPEG", quality=_THUMBNAIL_QUALITY)
        return buffer.getvalue()

    def encode(self) -> None:
        """Do now what would be done when it is asked for."""
        _ = self.png, self.thumbnail_jpeg

    @cached_property
    def pixels_sha256(self) -> str:
        """A name for the bare pixels, without encoding them."""
        shape = ",".join(map(str, self.image_u8.shape)).encode()
        return hashlib.sha256(shape + b":" + np.ascontiguousarray(self.image_u8).tobytes()).hexdigest()


def image_from_png(content: bytes) -> UInt8[np.ndarray, "height width 3"]:
    """The picture in a PNG that the store wrote."""
    return np.asarray(PngImagePlugin.PngImageFile(BytesIO(content)))
