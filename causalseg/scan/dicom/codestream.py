"""What a compressed picture inside a DICOM file says about its own size.

A DICOM header may announce 512 x 512 px and carry a JPEG of 65,000 x 65,000 px; decoders believe the JPEG.
"""

_JPEG_START = b"\xff\xd8"
_JPEG2000_START = b"\xff\x4f\xff\x51"
_JPEG2000_SEARCH_BYTES = 4096
"""A JP2 wrapper's boxes before the codestream fit in far less."""
_NOT_FRAME_HEADERS = {0xC4, 0xC8, 0xCC}
"""Markers between SOF0 and SOF15 which are tables, not frame headers (ISO/IEC 10918-1, table B.1)."""
_JPEG_LS_FRAME_HEADER = 0xF7


def codestream_hw(codestream: bytes) -> tuple[int, int] | None:
    """Height and width in pixels of a JPEG, JPEG-LS or JPEG 2000 codestream; None where it is none of them."""
    if codestream.startswith(_JPEG_START):
        return _jpeg_hw(codestream)
    start = codestream.find(_JPEG2000_START, 0, _JPEG2000_SEARCH_BYTES)
    return None if start < 0 else _jpeg2000_hw(codestream[start:])


def _jpeg_hw(codestream: bytes) -> tuple[int, int] | None:
    offset = len(_JPEG_START)
    while offset + 9 <= len(codestream) and codestream[offset] == 0xFF:
        marker = codestream[offset + 1]
        if marker == 0xFF:  # a fill byte
            offset += 1
            continue
        if marker == _JPEG_LS_FRAME_HEADER or (0xC0 <= marker <= 0xCF and marker not in _NOT_FRAME_HEADERS):
            return _big_endian(codestream, offset + 5, 2), _big_endian(codestream, offset + 7, 2)
        offset += 2 + _big_endian(codestream, offset + 2, 2)
    return None


def _jpeg2000_hw(codestream: bytes) -> tuple[int, int]:
    """Of the SIZ segment: the reference grid minus the offset of the picture in it (ISO/IEC 15444-1, A.5.1)."""
    right, bottom, left, top = (_big_endian(codestream, offset, 4) for offset in (8, 12, 16, 20))
    return bottom - top, right - left


def _big_endian(content: bytes, offset: int, length: int) -> int:
    return int.from_bytes(content[offset : offset + length], "big")
