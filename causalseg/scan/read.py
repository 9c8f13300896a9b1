"""The door for files: loaded and measured here, decoded apart where a decoder might hang, crash or ask for too much."""

import hashlib
from pathlib import Path

from causalseg.errors import ScanTooLarge, UnreadableScan
from causalseg.scan.file_kinds import decode, kind_of
from causalseg.scan.request import Progress, Request, ignore_progress
from causalseg.scan.scan import Scan
from causalseg.scan.worker.pool import decode_apart
from causalseg.settings import Settings

_DEFAULT_SETTINGS = Settings()
_HARMLESS = {"PNG", "BMP", "WebP"}
"""One picture, as large as its header says, decoded in one pass: no worker needed. (A JPEG may have many passes.)"""
_HARMLESS_BYTES = 8 * 2**20


def read_scan(
    path_or_bytes: str | Path | bytes,
    *,
    settings: Settings = _DEFAULT_SETTINGS,
    on_progress: Progress = ignore_progress,
) -> Scan:
    """Read one scan from a file or from its bytes, or one series from a folder or a zip of DICOM files.

    Args:
        path_or_bytes: a file, its whole content, or a folder (whose `sha256` is that of its files' hashes, sorted).
        settings: its limits are held before anything is decoded.
        on_progress: told (done, total) after every slice; may raise to stop.

    Raises:
        UnreadableScan: missing, empty, of an unknown format, damaged, or without pixels; or decoding it took too long.
        ScanTooLarge: more bytes, more pixels or more slices than `settings` allow.
    """
    if isinstance(path_or_bytes, bytes):
        contents, is_folder = [path_or_bytes], False
    else:
        contents, is_folder = _load(Path(path_or_bytes), settings)
    if not any(contents):
        raise UnreadableScan("This file is empty. Export the scan again, then open it again.")
    if not is_folder:
        _raise_if_too_many_bytes(len(contents[0]), settings.max_file_bytes)
    digests = sorted(hashlib.sha256(content).hexdigest() for content in contents)
    sha256 = hashlib.sha256("".join(digests).encode()).hexdigest() if is_folder else digests[0]
    is_harmless = not is_folder and kind_of(contents[0]) in _HARMLESS and len(contents[0]) <= _HARMLESS_BYTES
    run = decode if is_harmless else decode_apart
    return run(contents, Request(sha256, settings, on_progress), is_folder=is_folder)


def _load(path: Path, settings: Settings) -> tuple[list[bytes], bool]:
    """The content of a file; or of all files of a folder, and that it is one."""
    try:
        if path.is_dir():
            return _load_folder(path, settings), True
        if not path.is_file():
            raise UnreadableScan("There is no such file (any more). Choose it again.")
        _raise_if_too_many_bytes(path.stat().st_size, settings.max_file_bytes)
        return [path.read_bytes()], False
    except (OSError, ValueError):
        raise UnreadableScan(
            "This file cannot be read from the disk. Check its permissions and open it again."
        ) from None


def _load_folder(folder: Path, settings: Settings) -> list[bytes]:
    """Files of a folder and the folders in it; links are not followed."""
    files: list[Path] = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            files.append(path)
        if len(files) > settings.max_slices:
            raise ScanTooLarge(
                f"This folder has more than {settings.max_slices:,} files. Open the folder of one series."
            )
    _raise_if_too_many_bytes(sum(path.stat().st_size for path in files), settings.max_unpacked_bytes)
    return [path.read_bytes() for path in sorted(files)]


def _raise_if_too_many_bytes(size_bytes: int, max_bytes: int) -> None:
    if size_bytes > max_bytes:
        raise ScanTooLarge(
            f"There are {size_bytes / 2**20:,.1f} MB in it; at most {max_bytes / 2**20:,.1f} MB can be opened. "
            "Open a single frame or a smaller copy."
        )
