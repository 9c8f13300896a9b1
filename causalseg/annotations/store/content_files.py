"""Files named by what is in them: written once, whole or not at all, and checked when read."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Container
from pathlib import Path

from causalseg.errors import StoreError


def write_once(folder: Path, content: bytes, *, suffix: str) -> str:
    """Keep `content` in `folder` and return its sha256, which is also the file's name.

    Written to a temporary file, forced to the disk, then renamed: a reader never sees half a file, whatever
    happens to this process. Content that is already there is not written again; a damaged file is replaced.

    Raises:
        OSError: the disk refuses.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    path = path_of(folder, sha256, suffix)
    if path.is_file() and path.read_bytes() == content:
        return sha256
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    _sync_folder(path.parent)
    return sha256


def is_there(folder: Path, sha256: str, *, suffix: str) -> bool:
    """Whether there is a file of that name; `read_checked` tells whether it is whole."""
    return path_of(folder, sha256, suffix).is_file()


def read_checked(folder: Path, sha256: str, *, suffix: str) -> bytes:
    """The content of that sha256.

    Raises:
        StoreError: the file is not what its name says.
        OSError: the file is not there, or cannot be read.
    """
    content = path_of(folder, sha256, suffix).read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise StoreError(
            f"A file of the label store in {folder} is damaged ({sha256[:12]}). Bring it back from a copy of the "
            "store; the other labels are not touched."
        )
    return content


def sweep(folder: Path, keep: Container[str]) -> int:
    """Delete every file that is not named in `keep`, also what a crash left half-written; return how many.

    Raises:
        OSError: the disk refuses.
    """
    unwanted = [path for path in folder.glob("*/*") if path.suffix == ".part" or path.stem not in keep]
    for path in unwanted:
        path.unlink(missing_ok=True)
    for parent in {path.parent for path in unwanted}:
        _sync_folder(parent)
    return len(unwanted)


def path_of(folder: Path, sha256: str, suffix: str) -> Path:
    """Where the content of that sha256 is, if it is there."""
    return folder / sha256[:2] / f"{sha256}{suffix}"


def _sync_folder(folder: Path) -> None:
    """Force a name that came or went to the disk, where the system knows such a thing."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
