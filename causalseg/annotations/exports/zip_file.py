"""Zip files in memory that say nothing of when or where they were made."""

import zipfile
from collections.abc import Mapping
from io import BytesIO

_NO_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can say; the same content gives the same bytes."""
_ALREADY_SMALL = (".png", ".gz", ".zip")


def zip_files(files: Mapping[str, bytes]) -> bytes:
    """A zip of name -> content."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            is_small = name.endswith(_ALREADY_SMALL)
            entry = zipfile.ZipInfo(name, date_time=_NO_DATE)
            archive.writestr(entry, content, zipfile.ZIP_STORED if is_small else zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def is_zip(content: bytes) -> bool:
    """Whether `zip_files` made it."""
    return content.startswith((b"PK\x03\x04", b"PK\x05\x06"))
