import hashlib
import logging
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from causalseg.errors import InputError, ScanTooLarge, UnreadableScan
from causalseg.scan import Scan, read_scan
from causalseg.settings import Settings
from tests.scan.sample_files import encode, make_dicom

RAMP = (np.indices((20, 30)).sum(axis=0) * 5).astype(np.uint8)
SMALL_FILES = {
    "PNG": encode(RAMP, "PNG"),
    "JPEG": encode(RAMP, "JPEG"),
    "TIFF": encode(RAMP, "TIFF"),
    "DICOM": make_dicom(RAMP.astype(np.int16), WindowCenter=100, WindowWidth=200, PixelSpacing=[0.5, 0.5]),
}


def png_that_announces(height_px: int, width_px: int) -> bytes:
    """A whole PNG of a few bytes whose header announces any size."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_path_text_and_bytes_give_the_same_scan(tmp_path: Path, rgb: np.ndarray) -> None:
    file = tmp_path / "scan.png"
    file.write_bytes(encode(rgb, "PNG"))

    scans = [read_scan(file), read_scan(str(file)), read_scan(file.read_bytes())]

    for scan in scans:
        np.testing.assert_array_equal(scan.image_u8, rgb)
        assert scan.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
        assert scan.hw == (24, 32)


@pytest.mark.parametrize(("kind", "content"), SMALL_FILES.items())
def test_content_decides_the_format_not_the_name(tmp_path: Path, kind: str, content: bytes) -> None:
    file = tmp_path / "scan.gif"
    file.write_bytes(content)

    assert read_scan(file).format == kind


def test_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scan.png").touch()

    with pytest.raises(UnreadableScan, match="This file is empty"):
        read_scan(tmp_path / "scan.png")


@pytest.mark.parametrize(
    "content",
    [b"this is a text", b"%PDF-1.7 and so on", b"GIF89a......", b"RIFF0000WAVEfmt ", b"\x00" * 500, b"x"],
)
def test_unknown_content_is_refused_with_what_can_be_opened(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "scan.png").write_bytes(content)

    with pytest.raises(UnreadableScan, match="Open a DICOM, NIfTI, PNG"):
        read_scan(tmp_path / "scan.png")


def test_missing_file_and_folder_and_impossible_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableScan, match="no such file"):
        read_scan(tmp_path / "gone.png")
    with pytest.raises(UnreadableScan, match="This file is empty"):
        read_scan(tmp_path)
    with pytest.raises(UnreadableScan):
        read_scan("scan\0.png")
    with pytest.raises(UnreadableScan):
        read_scan("long" * 2000)


def test_refusals_do_not_repeat_the_name_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableScan) as caught:
        read_scan(tmp_path / "doe_jane.png")

    assert "doe_jane" not in str(caught.value)


@pytest.mark.parametrize("side_px", [20_000, 9_500])
def test_huge_picture_is_refused_from_its_header_without_a_bomb_warning(side_px: int) -> None:
    content = png_that_announces(side_px, side_px)
    assert len(content) < 100

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ScanTooLarge, match=f"{side_px:,} x {side_px:,} px"):
            read_scan(content)


def test_picture_larger_than_pillow_likes_is_read_where_the_settings_allow_it(
    monkeypatch: pytest.MonkeyPatch, rgb: np.ndarray
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)

    assert read_scan(encode(rgb, "PNG")).hw == (24, 32)


def test_limits_come_from_the_settings(tmp_path: Path, rgb: np.ndarray) -> None:
    file = tmp_path / "scan.png"
    file.write_bytes(encode(rgb, "PNG"))

    assert read_scan(file, settings=Settings(max_pixels=24 * 32)).hw == (24, 32)
    with pytest.raises(ScanTooLarge, match="px"):
        read_scan(file, settings=Settings(max_pixels=24 * 32 - 1))
    for given_as in (file, file.read_bytes()):
        with pytest.raises(ScanTooLarge, match="MB"):
            read_scan(given_as, settings=Settings(max_file_bytes=file.stat().st_size - 1))


def test_picture_without_pixels_is_refused() -> None:
    with pytest.raises(UnreadableScan):
        read_scan(png_that_announces(0, 5))


def test_nothing_of_a_file_is_logged_printed_or_warned_about(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "doe_jane.dcm"
    file.write_bytes(make_dicom(RAMP, PatientName="Doe^Jane", WindowWidth="1"))
    damaged = file.read_bytes().replace(b"RGB ", b"DOE ").replace(b"Doe^Jane", b"Doe\\Jane")

    with caplog.at_level(logging.DEBUG), warnings.catch_warnings():
        warnings.simplefilter("error")
        read_scan(file)
        read_scan(damaged)

    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")


def read_or_refused(content: bytes) -> Scan | str:
    try:
        return read_scan(content, settings=Settings(max_pixels=1_000_000))
    except InputError as refusal:
        return str(refusal)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind", SMALL_FILES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_or_cut_bytes_are_read_or_refused_in_a_sentence(kind: str, data: st.DataObject) -> None:
    content = bytearray(SMALL_FILES[kind])
    for _ in range(data.draw(st.integers(0, 6), label="flips")):
        place = data.draw(st.integers(0, len(content) - 1), label="place")
        content[place] = data.draw(st.integers(0, 255), label="byte")
    length = data.draw(st.integers(0, len(content)) | st.just(len(content)), label="length")

    answer = read_or_refused(bytes(content[:length]))

    if isinstance(answer, Scan):
        assert answer.image_u8.dtype == np.uint8 and answer.image_u8.shape == (*answer.hw, 3)
    else:
        assert answer.endswith(".") and answer[0].isupper() and "Traceback" not in answer


@given(content=st.binary(max_size=400))
@example(content=b"\x08\x00\x05\x00CS\x00\x00" + b"\x00" * 30)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    read_or_refused(content)


def test_scan_does_not_change_the_bytes_and_is_the_same_twice() -> None:
    content = bytearray(SMALL_FILES["DICOM"])
    first, second = read_scan(bytes(content)), read_scan(bytes(content))

    assert bytes(content) == SMALL_FILES["DICOM"]
    np.testing.assert_array_equal(first.image_u8, second.image_u8)
    assert (first.header, first.warnings) == (second.header, second.warnings)


def test_a_file_still_being_written_is_refused(tmp_path: Path) -> None:
    whole = BytesIO(SMALL_FILES["PNG"]).getvalue()
    file = Path(tmp_path / "scan.png")
    file.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(UnreadableScan, match="cut off"):
        read_scan(file)
