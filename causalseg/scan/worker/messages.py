"""What the parent and a worker say to each other: a kind, and blocks of bytes.

The worker runs decoders that a file may have taken over, so what it answers is data: `load_scan` makes scans and
arrays, and no other object.
"""

import io
import pickle
import struct
from collections.abc import Sequence
from enum import Enum
from typing import IO, Any

from causalseg.scan.scan import Scan


class Kind(bytes, Enum):
    """First byte of a message."""

    JOB = b"j"
    READY = b"r"
    PROGRESS = b"p"
    REFUSAL = b"n"
    FAILURE = b"f"
    SCAN = b"s"


STEP = struct.Struct("<QQ")
"""Slices done, slices in all: the block of a PROGRESS."""
_NUMBER = struct.Struct("<Q")
_MAX_BLOCKS = 100_000
_MAX_BLOCK_BYTES = 2**32
_OURS = {
    "causalseg.scan.display": {"Display", "GreyTable"},
    "causalseg.scan.original": {"SourceDicom", "SourceNifti"},
    "causalseg.scan.scan": {"Scan", "Volume"},
    "causalseg.scan.window": {"NamedWindow", "Window"},
}
_NUMPYS = {
    "numpy": {"dtype", "ndarray"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.numeric": {"_frombuffer"},
}


def write_message(stream: IO[bytes], kind: Kind, blocks: Sequence[bytes | bytearray | memoryview]) -> None:
    """Send; returns when the other side has taken all of it."""
    sizes = [memoryview(block).nbytes for block in blocks]
    stream.write(kind.value + _NUMBER.pack(len(sizes)) + b"".join(map(_NUMBER.pack, sizes)))
    for block in blocks:
        stream.write(block)
    stream.flush()


def read_message(stream: IO[bytes]) -> tuple[Kind, list[bytes | bytearray]]:
    """Receive.

    Raises:
        EOFError: the other side is gone.
        ValueError: it does not speak like this.
    """
    kind, count = Kind(bytes(_read(stream, 1))), _number(stream, _MAX_BLOCKS)
    sizes = [_number(stream, _MAX_BLOCK_BYTES) for _ in range(count)]
    return kind, [_read(stream, size) for size in sizes]


def dump_scan(scan: Scan) -> list[bytes | memoryview]:
    """Blocks of a scan; arrays are sent as they lie in memory."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(scan, protocol=5, buffer_callback=buffers.append)
    return [head, *(buffer.raw() for buffer in buffers)]


def load_scan(blocks: Sequence[bytes | bytearray]) -> Scan:
    """The scan of `dump_scan`.

    Raises:
        ValueError: the blocks are not those of a scan.
    """
    try:
        scan = _Scans(io.BytesIO(blocks[0]), buffers=blocks[1:]).load()
    except (pickle.UnpicklingError, AttributeError, TypeError, LookupError) as error:
        raise ValueError("not a scan") from error
    if not isinstance(scan, Scan):
        raise ValueError("not a scan")
    return scan


class _Scans(pickle.Unpickler):
    """Restricted as the manual of `pickle` shows ("Restricting Globals")."""

    def find_class(self, module: str, name: str) -> Any:
        if name in _OURS.get(module, ()) or name in _NUMPYS.get(module, ()):
            return super().find_class(module, name)
        raise pickle.UnpicklingError("not part of a scan")


def _number(stream: IO[bytes], most: int) -> int:
    (number,) = _NUMBER.unpack(_read(stream, _NUMBER.size))
    if number > most:
        raise ValueError("a message that long is none of ours")
    return number


def _read(stream: IO[bytes], size: int) -> bytes:
    """Exactly `size` bytes, without a copy."""
    block = stream.read(size)
    if len(block) != size:
        raise EOFError
    return block
