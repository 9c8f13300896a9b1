import zipfile
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from causalseg.annotations.exports import mask_from_png, mask_to_png
from causalseg.annotations.exports.png import masks_to_png_zip
from causalseg.errors import BadCorrection


@given(mask=hnp.arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_mask_comes_back_as_it_was(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(mask_from_png(mask_to_png(mask)), mask)


def test_file_is_one_channel_of_black_and_white_and_nothing_else() -> None:
    picture = Image.open(BytesIO(mask_to_png(np.eye(5, dtype=bool))))

    assert (picture.format, picture.mode, picture.size, picture.info) == ("PNG", "L", (5, 5), {})
    np.testing.assert_array_equal(np.asarray(picture), np.eye(5) * 255)


@given(masks=st.dictionaries(st.integers(0, 300), hnp.arrays(bool, (3, 5)), max_size=4))
def test_a_stack_has_one_file_a_segmented_slice_named_by_its_index(masks: dict[int, np.ndarray]) -> None:
    with zipfile.ZipFile(BytesIO(masks_to_png_zip(masks))) as archive:
        found = {int(name.removesuffix(".png")): mask_from_png(archive.read(name)) for name in archive.namelist()}

    assert list(found) == sorted(masks)
    for index, mask in masks.items():
        np.testing.assert_array_equal(found[index], mask)


def test_the_same_masks_give_the_same_zip_to_the_byte() -> None:
    masks = {4: np.eye(3, dtype=bool), 1: np.zeros((3, 3), dtype=bool)}

    assert masks_to_png_zip(masks) == masks_to_png_zip(dict(reversed(masks.items())))


def png(pixels: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no png",
        mask_to_png(np.ones((9, 9), dtype=bool))[:40],
        png(np.full((4, 4), 254, dtype=np.uint8)),
        png(np.zeros((4, 4, 3), dtype=np.uint8)),
    ],
)
def test_what_is_not_a_mask_is_refused(content: bytes) -> None:
    with pytest.raises(BadCorrection, match="This file is not a mask"):
        mask_from_png(content)
