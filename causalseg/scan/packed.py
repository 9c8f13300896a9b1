"""gz and zip -> the contents of the files in them, in memory: nothing is ever written to a disk, no name is a path."""

import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO

from causalseg.errors import ScanTooLarge, UnreadableScan
from causalseg.scan.refusals import refuse_malformed
from causalseg.settings import Settings

GZIP_MAGIC = b"\x1f\x8b\x08"
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
"""Of a zip with files in it, and of an empty one."""
_GZIP_WBITS = zlib.MAX_WBITS | 16
_PIECE_BYTES = 4 * 2**20
_ENCRYPTED = 0x1
_DAMAGED = "This {kind} file is damaged or cut off. Pack it again, then open it again."
_LOCKED = "This zip is locked with a password. Unpack it, then open the folder or a zip without a password."


def inflate(content: bytes, settings: Settings, on_progress: Callable[[int, int], object]) -> bytes:
    """The file in a gz; what follows its end is ignored, unless it is a gz too.

    Args:
        content: the whole gz.
        settings: its limit is held while inflating.
        on_progress: told that there is still something going on.

    Raises:
        UnreadableScan: damaged or cut off.
        ScanTooLarge: it unpacks to more than the settings allow.
    """
    damaged = _DAMAGED.format(kind="gz")
    parts, room, stream = [], settings.max_unpacked_bytes, zlib.decompressobj(_GZIP_WBITS)
    with refuse_malformed(damaged):
        for start in range(0, len(content), _PIECE_BYTES):
            piece = content[start : start + _PIECE_BYTES]
            while piece:
                at = min(start + _PIECE_BYTES, len(content)) - len(piece)
                if stream.eof and not content.startswith(GZIP_MAGIC, at):
                    return b"".join(parts)
                stream = zlib.decompressobj(_GZIP_WBITS) if stream.eof else stream
                parts.append(stream.decompress(piece, _PIECE_BYTES))
                room -= len(parts[-1])
                if room < 0:
                    raise ScanTooLarge(_too_far(settings))
                on_progress(0, 1)
                piece = stream.unused_data if stream.eof else stream.unconsumed_tail
        parts.append(stream.flush())  # a few symbols that no input stands for any more
        if not stream.eof:
            raise UnreadableScan(damaged)
        return b"".join(parts)


def open_zip(content: bytes, settings: Settings) -> list[Callable[[], bytes]]:
    """For each file in a zip, the way to its content; folders and Finder's leftovers are left out.

    Raises:
        UnreadableScan: damaged or locked.
        ScanTooLarge: it announces more files, or more bytes, than the settings allow.
    """
    with refuse_malformed(_DAMAGED.format(kind="zip")):
        archive = zipfile.ZipFile(BytesIO(content))
        members = [info for info in archive.infolist() if not info.is_dir() and not _is_leftover(info.filename)]
    if len(members) > settings.max_slices:
        raise ScanTooLarge(
            f"This zip has {len(members):,} files; at most {settings.max_slices:,} can be opened. Zip one series."
        )
    if any(info.flag_bits & _ENCRYPTED for info in members):
        raise UnreadableScan(_LOCKED)
    if sum(info.file_size for info in members) > settings.max_unpacked_bytes:
        raise ScanTooLarge(_too_far(settings))
    return [_loader(archive, info) for info in members]


def _loader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    """No more bytes than the zip announced are ever unpacked."""

    def load() -> bytes:
        with refuse_malformed(_DAMAGED.format(kind="zip")), archive.open(info) as stream:
            content = stream.read(info.file_size + 1)
            if len(content) != info.file_size:
                raise UnreadableScan(_DAMAGED.format(kind="zip"))
            return content

    return load


def _is_leftover(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1] in {".DS_Store", "Thumbs.db"}


def _too_far(settings: Settings) -> str:
    return (
        f"This file unpacks to more than {settings.max_unpacked_bytes / 2**20:,.0f} MB, the most that can be opened. "
        "Open a single series or a smaller copy."
    )
