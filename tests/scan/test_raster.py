from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from causalseg.errors import BadView, UnreadableScan
from causalseg.scan import Window, read_scan
from tests.scan.sample_files import encode

ORIENTATION = 0x0112


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("BMP", {}),
        ("WebP", {"lossless": True}),
    ],
)
def test_lossless_formats_keep_every_pixel(rgb: np.ndarray, kind: str, options: dict[str, Any]) -> None:
    scan = read_scan(encode(rgb, kind, **options))

    np.testing.assert_array_equal(scan.image_u8, rgb)
    assert scan.format == kind
    assert scan.warnings == ()
    assert scan.modality is None and scan.spacing_mm is None


def test_jpeg_is_as_pillow_decodes_it(rgb: np.ndarray) -> None:
    smooth = np.asarray(Image.fromarray(rgb).resize((64, 48)))

    scan = read_scan(encode(smooth, "JPEG", quality=95))

    assert scan.format == "JPEG"
    assert np.abs(scan.image_u8.astype(int) - smooth).mean() < 6


def test_grey_is_repeated_over_three_channels() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)

    scan = read_scan(encode(grey, "PNG"))

    np.testing.assert_array_equal(scan.image_u8, np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_stretched_by_their_own_percentiles_and_the_scan_says_so(kind: str) -> None:
    deep = np.linspace(1000, 3000, 100 * 100).reshape(100, 100).astype(np.uint16)
    deep[0, 0] = 65535  # an outlier that must not squeeze the rest

    scan = read_scan(encode(deep, kind))

    low, high = np.percentile(deep, (0.5, 99.5))
    expected = np.rint(255 * np.clip((deep - low) / (high - low), 0, 1))
    np.testing.assert_allclose(scan.image_u8[..., 0], expected, atol=1)
    assert np.unique(scan.image_u8).size > 200
    assert "deeper than 8 bits" in scan.warnings[0]


def test_sixteen_bits_of_one_value_are_black_not_an_error() -> None:
    scan = read_scan(encode(np.full((8, 8), 777, dtype=np.uint16), "PNG"))

    assert not scan.image_u8.any()


def test_sparse_sixteen_bit_picture_keeps_its_few_bright_pixels() -> None:
    deep = np.zeros((100, 100), dtype=np.uint16)
    deep[3, 4] = 500

    scan = read_scan(encode(deep, "PNG"))

    assert scan.image_u8[3, 4, 0] == 255 and scan.image_u8.sum() == 3 * 255


def test_deep_tiff_whose_zero_is_white_is_turned_over() -> None:
    ramp = np.tile(np.arange(0, 250, 10, dtype=np.uint16), (10, 1))

    upright = read_scan(encode(ramp, "TIFF")).image_u8
    turned = read_scan(encode(ramp, "TIFF", tiffinfo={262: 0})).image_u8

    np.testing.assert_allclose(turned.astype(int), 255 - upright.astype(int), atol=1)
    assert upright[0, 0, 0] == 0 and upright[0, -1, 0] == 255


def test_palette_becomes_its_colours(rgb: np.ndarray) -> None:
    indexed = Image.fromarray(rgb).convert("P", palette=Image.Palette.ADAPTIVE, colors=16)

    scan = read_scan(encode(indexed, "PNG"))

    np.testing.assert_array_equal(scan.image_u8, np.asarray(indexed.convert("RGB")))


def test_one_bit_becomes_black_and_white() -> None:
    bits = np.eye(9, dtype=bool)

    scan = read_scan(encode(Image.fromarray(bits), "PNG"))

    np.testing.assert_array_equal(scan.image_u8[..., 1], bits * 255)


def test_alpha_is_laid_on_black() -> None:
    rgba = np.zeros((2, 3, 4), dtype=np.uint8)
    rgba[..., :3] = 200
    rgba[..., 3] = [[0, 128, 255]] * 2

    scan = read_scan(encode(rgba, "PNG"))

    np.testing.assert_array_equal(scan.image_u8[0, :, 0], [0, 100, 200])


def test_transparent_colour_of_a_palette_is_black() -> None:
    indexed = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), mode="P")
    indexed.putpalette([10, 20, 30, 40, 50, 60])

    scan = read_scan(encode(indexed, "PNG", transparency=0))

    np.testing.assert_array_equal(scan.image_u8[0], [[0, 0, 0], [40, 50, 60]])


def test_cmyk_jpeg_becomes_rgb() -> None:
    red = Image.new("RGB", (16, 16), (200, 30, 30)).convert("CMYK")

    scan = read_scan(encode(red, "JPEG", quality=95))

    np.testing.assert_allclose(scan.image_u8.mean(axis=(0, 1)), [200, 30, 30], atol=6)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda stored: stored),
        (2, lambda stored: stored[:, ::-1]),
        (3, lambda stored: stored[::-1, ::-1]),
        (4, lambda stored: stored[::-1]),
        (5, lambda stored: stored.transpose(1, 0, 2)),
        (6, lambda stored: np.rot90(stored, -1)),
        (7, lambda stored: stored[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda stored: np.rot90(stored)),
    ],
)
def test_exif_orientation_is_applied_once(
    rgb: np.ndarray, kind: str, orientation: int, upright: Callable[[np.ndarray], np.ndarray]
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation

    scan = read_scan(encode(rgb, kind, exif=exif))

    np.testing.assert_array_equal(scan.image_u8, upright(rgb))


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_every_page_of_a_tiff_can_be_viewed(rgb: np.ndarray, depth: type) -> None:
    stack = np.stack([rgb[..., 0], rgb[..., 1], rgb[..., 2]]).astype(depth) * (1 if depth is np.uint8 else 200)
    pages = [Image.fromarray(page) for page in stack]

    scan = read_scan(encode(pages[0], "TIFF", save_all=True, append_images=pages[1:]))

    assert (scan.count, scan.index, scan.axis, scan.place) == (3, 0, "page", "page 1 of 3")
    assert scan.volume is not None
    shown = scan.volume.values if depth is np.uint16 else scan.volume.values[..., 0]
    np.testing.assert_array_equal(shown, stack)
    for index, page in enumerate(pages if depth is np.uint8 else []):
        np.testing.assert_array_equal(scan.view(index).image_u8[..., 0], np.asarray(page))
    assert bool(scan.windows) == (depth is np.uint16)


def test_pages_that_are_not_like_the_first_are_left_out_and_the_scan_says_so(rgb: np.ndarray) -> None:
    pages = [Image.fromarray(rgb), Image.fromarray(rgb[:5]), Image.fromarray(255 - rgb)]

    scan = read_scan(encode(pages[0], "TIFF", save_all=True, append_images=pages[1:]))

    assert scan.count == 2 and scan.warnings == (
        "1 page(s) of this file are of another size or depth and are left out.",
    )
    np.testing.assert_array_equal(scan.view(1).image_u8, 255 - rgb)


def test_a_moving_picture_shows_its_first_frame_and_says_so(rgb: np.ndarray) -> None:
    frames = [Image.fromarray(rgb), Image.fromarray(255 - rgb)]

    scan = read_scan(encode(frames[0], "PNG", save_all=True, append_images=frames[1:]))

    np.testing.assert_array_equal(scan.image_u8, rgb)
    assert scan.count == 1 and "only its first frame" in scan.warnings[0]


def test_values_of_a_deep_picture_are_kept_and_another_window_can_be_chosen() -> None:
    deep = np.linspace(1000, 3000, 50 * 50).reshape(50, 50).astype(np.uint16)
    scan = read_scan(encode(deep, "PNG"))
    window = Window.between(1500.0, 2000.0)

    assert scan.volume is not None
    np.testing.assert_array_equal(scan.volume.values[0], deep)
    np.testing.assert_array_equal(scan.view(window=window).image_u8[..., 0], window.apply(deep))


def test_a_picture_of_eight_bits_has_one_view(rgb: np.ndarray) -> None:
    scan = read_scan(encode(rgb, "PNG"))

    assert scan.count == 1 and scan.volume is None and scan.view(0) is scan
    for index, window in ((1, None), (None, Window(0.0, 1.0))):
        with pytest.raises(BadView):
            scan.view(index, window)


def test_header_has_no_text_of_the_file(rgb: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x013B] = "Doe, Jane"

    scan = read_scan(encode(rgb, "JPEG", exif=exif, comment=b"Doe, Jane"))

    assert set(scan.header) == {"Rows", "Columns", "Colours"}
    assert "Doe" not in repr(scan.header)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WebP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_cut_off_picture_is_refused_even_where_another_library_allows_it(
    rgb: np.ndarray, kind: str, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    content = encode(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8), kind)

    with pytest.raises(UnreadableScan, match=f"This {kind} file is damaged or cut off"):
        read_scan(content[: int(share * len(content))])


def test_every_cut_of_a_jpeg_that_loses_pixels_is_refused() -> None:
    content = encode(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8), "JPEG")

    for length in range(0, len(content) - 40, 97):
        with pytest.raises(UnreadableScan):
            read_scan(content[:length])
