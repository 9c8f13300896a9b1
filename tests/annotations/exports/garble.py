"""Headers that lie: elements of a DICOM file, at any depth, torn out, doubled, or given a value that is none."""

import random
import struct
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO

import pydicom
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.errors import BytesLengthException
from pydicom.tag import BaseTag

from causalseg.scan.dicom.parse import quiet_pydicom
from tests.scan.mutated_files import mutate

_VALUES = (
    *("", " ", "\\", "0", "-1", "1e400", "-0.0", "NaN", "inf", "1e-320", "99999999999999999999", "1.5.2", "0x10"),
    *("0\\0\\0", "1\\0\\0\\0\\1\\0", "1\\0\\0\\1\\0\\0", "nan\\nan\\nan", "1\\2\\3\\4\\5\\6\\7", "1e300\\1e300\\1e300"),
    *("x" * 300, "\x00", "ü€😀", "None", "1.2.840..3", "1." * 80, "../../x", "20261399", "^^^^", "\x1b$B", "\x7f" * 9),
)
_BYTES = (b"\x00\x00", b"\x00\x00\x00\x00", b"\xff\xff", b"\x01\x00\x01\x00", b"\x80" * 40, b"\xfe\xff\x00\xe0\xff\xff")
_VRS = ("DS", "IS", "LO", "UI", "US", "FD", "OB", "SQ", "UN", "CS", "PN", "SS", "AT", "TM", "DA")
_PIXELS = 0x7FE00010


def garble(content: bytes, rng: random.Random) -> bytes:
    """The file (explicit VR, little endian) with one to four of its elements garbled; the pixels stay.

    What pydicom cannot write comes back with bytes flipped instead.
    """
    with suppress(TypeError, ValueError, AttributeError, LookupError, OSError, struct.error, BytesLengthException):
        return _garbled(content, rng)
    return mutate(content, rng)


def _garbled(content: bytes, rng: random.Random) -> bytes:
    with quiet_pydicom():
        dataset = pydicom.dcmread(BytesIO(content))
        for _ in range(rng.randint(1, 4)):
            holder = rng.choice([one for one in _holders(dataset) if _tags(one)])
            _garble_one(holder, rng.choice(_tags(holder)), rng)
        buffer = BytesIO()
        dataset.save_as(buffer)
        return buffer.getvalue()


def _holders(dataset: Dataset) -> Iterator[Dataset]:
    """The data set and every item in it that is still to be read."""
    yield dataset
    for tag in _tags(dataset):
        element = dataset.get_item(tag)
        if element.VR == "SQ" and not isinstance(element, RawDataElement):
            for item in element.value:
                yield from _holders(item)


def _tags(dataset: Dataset) -> list[BaseTag]:
    return [tag for tag in list(dataset.keys()) if tag != _PIXELS]


def _garble_one(holder: Dataset, tag: BaseTag, rng: random.Random) -> None:
    element, kind = holder.get_item(tag), rng.random()
    if kind < 0.2:
        del holder[tag]
    elif kind < 0.4 and element.VR == "SQ" and not isinstance(element, RawDataElement):
        element.value = [*element.value, *element.value][: rng.choice((0, 1, 3, 99))]
    else:
        value = rng.choice(_BYTES) if rng.random() < 0.3 else rng.choice(_VALUES).encode()
        vr = rng.choice(_VRS) if rng.random() < 0.3 else str(element.VR)
        padded = value + b" " * (len(value) % 2)
        holder[tag] = RawDataElement(tag, vr, len(padded), padded, 0, False, True)
