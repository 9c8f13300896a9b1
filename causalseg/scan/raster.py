"""PNG, JPEG, TIFF, BMP and WebP -> `Scan`, through Pillow.

Pillow's own plug-ins are called directly, so the size is known before its warning about decompression bombs and
before any pixel is decoded.
"""

from io import BytesIO

import numpy as np
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

from causalseg.scan.display import Display
from causalseg.scan.refusals import refuse_malformed
from causalseg.scan.request import Request
from causalseg.scan.scan import Scan, Volume
from causalseg.scan.window import HIGH_PERCENT, LOW_PERCENT, Pixels, percentile_window, preset_windows

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
_DAMAGED = "This {kind} file is damaged or cut off. Export it again from where it came, then open it again."
_DEEP_GREY_MODES = frozenset({"I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
_MIN_IS_WHITE = 0
"""TIFF PhotometricInterpretation that Pillow heeds for 8 bits only."""


def read_raster(content: bytes, kind: str, request: Request) -> Scan:
    """Read a picture of a `kind` of `RASTER_MAGIC`, or every page of a TIFF that is like the first.

    Grey deeper than 8 bits is shown through its 0.5-99.5 % window, and the scan says so; alpha is laid on black.

    Raises:
        UnreadableScan: damaged or cut off.
        ScanTooLarge: the header announces more pixels than the settings allow.
    """
    with refuse_malformed(_DAMAGED.format(kind=kind)):
        image = _OPENERS[kind](BytesIO(content))
        request.raise_if_too_large(image.height, image.width)
        count = int(getattr(image, "n_frames", 1)) if kind == "TIFF" else 1
        request.raise_if_too_large(image.height, image.width, frames=count)
        is_min_white = isinstance(image, TiffImagePlugin.TiffImageFile) and (
            image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _MIN_IS_WHITE
        )
        pages = _pages(image, count, request)
    first, is_grey = pages[0], pages[0].ndim == 2
    values = first[None] if len(pages) == 1 else np.stack(pages)
    display = Display(percentile_window(values), is_inverted=is_min_white) if is_grey else Display()
    header = {"Rows": str(first.shape[0]), "Columns": str(first.shape[1]), "Colours": _colours(first)}
    return Scan(
        image_u8=display.render(values[0]),
        sha256=request.sha256,
        format=kind,
        header=header | ({"Pages": str(len(pages))} if len(pages) > 1 else {}),
        warnings=_warnings(image, is_grey=is_grey, is_tiff=kind == "TIFF", unlike=count - len(pages)),
        window=display.window,
        windows=preset_windows(values, None) if is_grey else (),
        volume=Volume(values, displays=(display,)) if is_grey or len(pages) > 1 else None,
    )


def _pages(image: ImageFile.ImageFile, count: int, request: Request) -> list[Pixels]:
    """Every page of the size and depth of the first."""
    pages = []
    for page in range(count):
        if count > 1:
            image.seek(page)
        request.raise_if_too_large(image.height, image.width)
        if not page or (image.height, image.width) in (pages[0].shape[:2], pages[0].shape[1::-1]):
            pages.append(_decode(image))
        request.on_progress(page + 1, count)
    return [page for page in pages if (page.shape, page.dtype) == (pages[0].shape, pages[0].dtype)]


def _decode(image: ImageFile.ImageFile) -> Pixels:
    """Upright pixels: grey values as they are stored where they are deep, else RGB of 8 bits."""
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # other libraries switch it on for the whole process
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode in _DEEP_GREY_MODES:
        return np.array(upright)
    return np.asarray(_on_black(upright))


def _on_black(image: Image.Image) -> Image.Image:
    """Any Pillow mode -> RGB, alpha composited on black."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "black"), layer).convert("RGB")


def _colours(values: Pixels) -> str:
    return "RGB, 8 bits" if values.ndim == 3 else f"grey, {8 * values.dtype.itemsize} bits"


def _warnings(image: ImageFile.ImageFile, *, is_grey: bool, is_tiff: bool, unlike: int) -> tuple[str, ...]:
    sentences = []
    if not is_tiff and getattr(image, "is_animated", False):
        sentences.append("This is a moving picture; only its first frame is shown.")
    if unlike:
        sentences.append(f"{unlike} page(s) of this file are of another size or depth and are left out.")
    if is_grey:
        sentences.append(
            f"This picture is deeper than 8 bits: the {LOW_PERCENT}-{HIGH_PERCENT} % range of its values, "
            "stretched to 256 greys, is shown."
        )
    return tuple(sentences)
