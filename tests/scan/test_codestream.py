import numpy as np
import pytest
from PIL import Image

from causalseg.scan.dicom.codestream import codestream_hw
from tests.scan.sample_files import encode


@pytest.mark.parametrize("hw", [(1, 1), (24, 32), (513, 7)])
def test_size_is_found_in_every_kind_of_codestream(hw: tuple[int, int]) -> None:
    picture = Image.fromarray(np.zeros((*hw, 3), dtype=np.uint8))

    assert codestream_hw(encode(picture, "JPEG")) == hw
    assert codestream_hw(encode(picture, "JPEG", progressive=True)) == hw
    assert codestream_hw(encode(picture, "JPEG2000", no_jp2=True)) == hw
    assert codestream_hw(encode(picture, "JPEG2000")) == hw


def test_fill_bytes_before_a_marker_are_skipped() -> None:
    content = encode(np.zeros((5, 9), dtype=np.uint8), "JPEG")
    start_of_frame = content.index(b"\xff\xc0")

    assert codestream_hw(content[:start_of_frame] + b"\xff\xff" + content[start_of_frame:]) == (5, 9)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\xff\xd8\xff\xdb\x00\x00" * 3, b"RLE" * 50])
def test_what_has_no_size_has_none(content: bytes) -> None:
    assert codestream_hw(content) is None
