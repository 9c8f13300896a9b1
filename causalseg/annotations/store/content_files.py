"""Files named by the sha256 of what is in them: written once, whole or not at all, and checked when read."""

import hashlib
from collections.abc import Container
from pathlib import Path

from causalseg.errors import StoreError
from causalseg.files import sync_folder, write_atomically


def write_once(folder: Path, content: bytes, *, suffix: str) -> str:
    """Keep `content` in `folder` and return its sha256, which is also the file's name.

    Content that is already there is not written again; a damaged file is replaced.

    Raises:
        OSError: the disk refuses.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    path = path_of(folder, sha256, suffix)
    if not path.is_file() or path.read_bytes() != content:
        write_atomically(path, content)
    return sha256


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
        sync_folder(parent)
    return len(unwanted)


def path_of(folder: Path, sha256: str, suffix: str) -> Path:
    """Where the content of that sha256 is, if it is there."""
    return folder / sha256[:2] / f"{sha256}{suffix}"
