"""The door for bytes: the content says what they are, never the file's name."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from causalseg.errors import ScanTooLarge, UnreadableScan
from causalseg.scan.dicom import looks_like_dicom, read_dicom
from causalseg.scan.raster import RASTER_MAGIC, read_raster
from causalseg.scan.types import Scan
from causalseg.settings import Settings

_DEFAULT_SETTINGS = Settings()
_CAN_OPEN = "DICOM, PNG, JPEG, TIFF, BMP and WebP"


def read_scan(
    path_or_bytes: str | Path | bytes,
    *,
    settings: Settings = _DEFAULT_SETTINGS,
    on_progress: Callable[[int, int], object] = lambda done, total: None,
) -> Scan:
    """Read one scan from a file or from its bytes.

    Args:
        path_or_bytes: a file, or its whole content.
        settings: its limits are held before anything is decoded.
        on_progress: told (done, total) after every slice; may raise to stop.

    Raises:
        UnreadableScan: missing, empty, of an unknown format, damaged, or without pixels.
        ScanTooLarge: more bytes or more pixels than `settings` allow.
    """
    content = path_or_bytes if isinstance(path_or_bytes, bytes) else _load(Path(path_or_bytes), settings.max_file_bytes)
    if not content:
        raise UnreadableScan("This file is empty. Export the scan again, then open it again.")
    _raise_if_too_many_bytes(len(content), settings.max_file_bytes)
    sha256 = hashlib.sha256(content).hexdigest()
    kind = _kind(content)
    if kind == "DICOM":
        return read_dicom(content, sha256=sha256, settings=settings, on_progress=on_progress)
    return read_raster(content, kind, sha256=sha256, settings=settings)


def _kind(content: bytes) -> str:
    if looks_like_dicom(content):
        return "DICOM"
    for kind, magics in RASTER_MAGIC.items():
        if content.startswith(magics) and (kind != "WebP" or content[8:12] == b"WEBP"):
            return kind
    raise UnreadableScan(f"This is not a scan that can be opened, whatever its name says. Open a {_CAN_OPEN} file.")


def _load(path: Path, max_bytes: int) -> bytes:
    try:
        if path.is_dir():
            raise UnreadableScan("This is a folder. Open one file of it.")
        if not path.is_file():
            raise UnreadableScan("There is no such file (any more). Choose it again.")
        _raise_if_too_many_bytes(path.stat().st_size, max_bytes)
        return path.read_bytes()
    except (OSError, ValueError):
        raise UnreadableScan(
            "This file cannot be read from the disk. Check its permissions and open it again."
        ) from None


def _raise_if_too_many_bytes(size_bytes: int, max_bytes: int) -> None:
    if size_bytes > max_bytes:
        raise ScanTooLarge(
            f"This file has {size_bytes / 2**20:,.1f} MB; at most {max_bytes / 2**20:,.1f} MB can be opened. "
            "Open a single frame or a smaller copy."
        )
