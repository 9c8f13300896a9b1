"""PNG, JPEG, TIFF, BMP and WebP -> `Scan`, through Pillow.

Pillow's own plug-ins are called directly, so the size is known before its warning about decompression bombs and
before any pixel is decoded.
"""

from io import BytesIO

import numpy as np
from jaxtyping import Real, UInt8
from PIL import (
    BmpImagePlugin,
    Image,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from causalseg.scan.refusal import raise_if_too_large, refuse_malformed
from causalseg.scan.types import Scan
from causalseg.scan.window import HIGH_PERCENT, LOW_PERCENT, percentile_window
from causalseg.settings import Settings

RASTER_MAGIC: dict[str, tuple[bytes, ...]] = {
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "TIFF": (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    "BMP": (b"BM",),
    "WebP": (b"RIFF",),
}
"""First bytes of each format."""

_OPENERS: dict[str, type[ImageFile.ImageFile]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
}
_DEEP_GREY_MODES = frozenset({"I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
_MIN_IS_WHITE = 0
"""TIFF PhotometricInterpretation that Pillow heeds for 8 bits only."""


def read_raster(content: bytes, kind: str, *, sha256: str, settings: Settings) -> Scan:
    """Read the first page of a picture.

    Grey deeper than 8 bits is stretched by its 0.5-99.5 % window, and the scan says so; alpha is laid on black.

    Args:
        content: the whole file.
        kind: a key of `RASTER_MAGIC`.
        sha256: of `content`.
        settings: its limits are held before anything is decoded.

    Raises:
        UnreadableScan: damaged or cut off.
        ScanTooLarge: the header announces more pixels than the settings allow.
    """
    sentence = f"This {kind} file is damaged or cut off. Export it again from where it came, then open it again."
    with refuse_malformed(sentence):
        image = _OPENERS[kind](BytesIO(content))
    raise_if_too_large(image.height, image.width, settings=settings)
    with refuse_malformed(sentence):
        several_pages = bool(getattr(image, "is_animated", False))
        values = _decode(image)
    warnings = _warnings(values, several_pages=several_pages)
    image_u8 = _as_rgb(values)
    header = {"Rows": str(image_u8.shape[0]), "Columns": str(image_u8.shape[1]), "Colours": _colours(values)}
    return Scan(image_u8=image_u8, sha256=sha256, format=kind, header=header, warnings=warnings)


def _decode(image: ImageFile.ImageFile) -> Real[np.ndarray, "height width *rgb"]:
    """Upright pixels: grey values as they are stored where they are deep, else RGB of 8 bits."""
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # other libraries switch it on for the whole process
    is_min_white = isinstance(image, TiffImagePlugin.TiffImageFile) and (
        image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _MIN_IS_WHITE
    )
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode in _DEEP_GREY_MODES:
        grey = np.asarray(upright)
        return grey.max() - grey if is_min_white else grey
    return np.asarray(_on_black(upright))


def _on_black(image: Image.Image) -> Image.Image:
    """Any Pillow mode -> RGB, alpha composited on black."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "black"), layer).convert("RGB")


def _as_rgb(values: Real[np.ndarray, "height width *rgb"]) -> UInt8[np.ndarray, "height width 3"]:
    if values.ndim == 3:
        return values
    return np.repeat(percentile_window(values).apply(values)[..., None], 3, axis=2)


def _colours(values: Real[np.ndarray, "height width *rgb"]) -> str:
    return "RGB, 8 bits" if values.ndim == 3 else f"grey, {8 * values.dtype.itemsize} bits"


def _warnings(values: Real[np.ndarray, "height width *rgb"], *, several_pages: bool) -> tuple[str, ...]:
    sentences = []
    if several_pages:
        sentences.append("This file has several pages; only the first one is shown.")
    if values.ndim == 2:
        sentences.append(
            f"This picture is deeper than 8 bits: the {LOW_PERCENT}-{HIGH_PERCENT} % range of its values, "
            "stretched to 256 greys, is shown."
        )
    return tuple(sentences)
