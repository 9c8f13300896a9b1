"""Folders, zips and gz: one series, by place in space; packed files that try tricks."""

import gzip
import random
import struct
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import MediaStorageDirectoryStorage

from causalseg.errors import ScanTooLarge, UnreadableScan
from causalseg.scan import Scan, SourceDicom, Volume, read_scan
from causalseg.scan.packed import inflate
from causalseg.settings import Settings
from tests.scan.sample_files import encode, item, make_dicom, read_here

SAGITTAL = [0, 1, 0, 0, 0, -1]
AXIAL = [1, 0, 0, 0, 1, 0]


def a_slice(height_mm: float, *, series: str = "1.2.3", direction: list[int] = AXIAL, **fields: Any) -> bytes:
    """A slice of 4 x 6 px whose values say how high it lies."""
    normal = np.cross(direction[:3], direction[3:])
    return make_dicom(
        np.full((4, 6), round(height_mm * 10), np.int16),
        **{
            "SeriesInstanceUID": series,
            "SOPInstanceUID": f"{series}.{round(height_mm * 100) + 100_000}",
            "ImagePositionPatient": (normal * height_mm + [1, 2, 3]).tolist(),
            "ImageOrientationPatient": direction,
            "PixelSpacing": [0.5, 0.25],
            "WindowCenter": 0,
            "WindowWidth": 100,
            **fields,
        },
    )


def pack(files: Mapping[str, bytes], **options: Any) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def volume_of(scan: Scan) -> Volume:
    assert scan.volume is not None
    return scan.volume


@settings(max_examples=30)
@given(
    heights_mm=st.lists(st.integers(-50, 50), min_size=2, max_size=9, unique=True),
    direction=st.sampled_from([AXIAL, SAGITTAL, [-1, 0, 0, 0, 1, 0]]),
    seed=st.integers(0, 99),
)
def test_slices_are_sorted_by_their_place_not_by_their_names(
    heights_mm: list[int], direction: list[int], seed: int
) -> None:
    names = [f"IM{number:02}" for number in range(len(heights_mm))]
    random.Random(seed).shuffle(names)
    files = {name: a_slice(height, direction=direction) for name, height in zip(names, heights_mm, strict=True)}

    scan = read_here(pack(files))

    ordered = sorted(heights_mm)
    assert volume_of(scan).values[:, 0, 0].tolist() == [height * 10 for height in ordered]
    assert scan.index == len(ordered) // 2 and scan.axis == "slice"
    assert volume_of(scan).spacing_mm[0] == pytest.approx(np.mean(np.diff(ordered)))


def test_affine_of_a_series_names_the_place_of_every_slice() -> None:
    heights_mm = [5.0, 2.0, 8.0]
    scan = read_here(pack({str(height): a_slice(height, direction=SAGITTAL) for height in heights_mm}))
    affine = volume_of(scan).affine
    assert affine is not None

    for index, height_mm in enumerate(sorted(heights_mm)):
        normal = np.cross(SAGITTAL[:3], SAGITTAL[3:])
        lps_mm = normal * height_mm + [1, 2, 3] + np.array(SAGITTAL[:3]) * 0.25 * 5 + np.array(SAGITTAL[3:]) * 0.5 * 3
        np.testing.assert_allclose((affine @ [5, 3, index, 1])[:3], lps_mm * [-1, -1, 1], atol=1e-6)
    image = nibabel.Nifti1Image(volume_of(scan).values.T, affine)
    np.testing.assert_allclose(image.header.get_zooms(), [0.25, 0.5, 3.0])


def test_source_refers_every_slice_to_its_own_file() -> None:
    heights_mm = [4.0, 0.0, 2.0]
    source = volume_of(read_here(pack({str(n): a_slice(height) for n, height in enumerate(heights_mm)}))).source

    assert isinstance(source, SourceDicom)
    datasets = source.datasets()
    for height_mm, (file, frame) in zip(sorted(heights_mm), source.places, strict=True):
        assert frame == 1 and datasets[file].ImagePositionPatient[2] == 3 + height_mm


def test_folder_is_read_like_its_zip(tmp_path: Path) -> None:
    files = {f"a/{height}": a_slice(height) for height in (3.0, 1.0, 2.0)}
    (tmp_path / "a").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "readme.txt").write_text("not a scan")

    folder, zipped = read_scan(tmp_path), read_scan(pack(files))

    np.testing.assert_array_equal(volume_of(folder).values, volume_of(zipped).values)
    assert folder.sha256 != zipped.sha256 and len(folder.sha256) == 64
    (tmp_path / "a" / "1.0").rename(tmp_path / "renamed")
    assert read_scan(tmp_path).sha256 == folder.sha256


def test_longest_of_several_series_is_shown_and_the_scan_says_so() -> None:
    files = {f"short{n}": a_slice(n, series="1.2.4") for n in range(2)}
    files |= {f"long{n}": a_slice(n) for n in range(3)} | {"localizer": a_slice(0.5, direction=SAGITTAL)}

    scan = read_here(pack(files))

    assert scan.count == 3
    assert "3 series" in scan.warnings[0] and "of 3 slices, is shown" in scan.warnings[0]


def test_every_place_twice_is_two_volumes_in_time() -> None:
    files = {
        f"{time}{height}": a_slice(height, SOPInstanceUID=f"1.{height}.{time}", InstanceNumber=10 * time + height)
        for time in (1, 2)
        for height in (2, 0, 1)
    }

    scan = read_here(pack(files))

    assert (scan.count, volume_of(scan).repeats) == (6, 2)
    assert volume_of(scan).values[:, 0, 0].tolist() == [0, 10, 20] * 2
    assert scan.place == "slice 2 of 3, volume 1 of 2"


def test_the_same_slice_twice_counts_once() -> None:
    assert read_here(pack({"a": a_slice(0), "copy": a_slice(0), "b": a_slice(1)})).count == 2


def test_a_missing_slice_is_warned_about() -> None:
    scan = read_here(pack({str(height): a_slice(height) for height in (0, 1, 2, 4)}))

    assert any("some may be missing" in sentence for sentence in scan.warnings)


def test_slices_without_places_follow_their_instance_numbers() -> None:
    files = {f"{9 - n}": make_dicom(np.full((4, 6), n, np.uint8), InstanceNumber=n) for n in (2, 1, 3)}

    scan = read_here(pack(files))

    assert volume_of(scan).values[:, 0, 0].tolist() == [1, 2, 3]
    assert (scan.axis, scan.index, volume_of(scan).affine) == ("frame", 0, None)


def test_damaged_files_of_a_series_are_left_out_and_the_scan_says_so() -> None:
    damaged = a_slice(1, Rows=0)

    scan = read_here(pack({"0": a_slice(0), "1": damaged, "2": a_slice(2), "report": make_dicom(None), "notes": b"x"}))

    assert scan.count == 2 and "1 DICOM file(s) of this zip cannot be read" in scan.warnings[0]


def test_one_other_scan_in_a_zip_is_read_several_are_refused(rgb: np.ndarray) -> None:
    picture, volume = encode(rgb, "PNG"), nibabel.Nifti1Image(np.zeros((3, 4, 5), np.int16), np.eye(4)).to_bytes()

    np.testing.assert_array_equal(read_here(pack({"a.png": picture, "__MACOSX/a.png": b"x"})).image_u8, rgb)
    assert read_here(pack({"a.nii.gz": gzip.compress(volume), "readme": b"text"})).count == 5
    with pytest.raises(UnreadableScan, match="2 scans that are no DICOM slices"):
        read_here(pack({"a.png": picture, "b.nii": volume}))
    with pytest.raises(UnreadableScan, match="Nothing in this zip"):
        read_here(pack({"a.txt": b"text"}))


@settings(max_examples=20)
@given(sizes=st.lists(st.integers(0, 5_000_000), min_size=1, max_size=3), level=st.integers(0, 9), tail=st.booleans())
def test_gz_is_inflated_as_pythons_own_module_does_it(sizes: list[int], level: int, tail: bool) -> None:
    plain = [bytes([place]) * (size // 2) + bytes(range(256)) * (size // 512) for place, size in enumerate(sizes)]
    content = b"".join(gzip.compress(one, level) for one in plain) + (b"rest" if tail else b"")

    assert inflate(content, Settings(), lambda done, total: None) == b"".join(plain)


def test_a_gz_whose_second_part_begins_anywhere_is_inflated_whole() -> None:
    for length in range(4 * 2**20 - 348, 4 * 2**20 - 338):  # stored, not packed: 4 MB of gz end about there
        parts = [gzip.compress(bytes(length), 0), gzip.compress(b"second")]
        assert inflate(b"".join(parts), Settings(), lambda done, total: None) == bytes(length) + b"second"


def test_inflating_tells_that_it_goes_on() -> None:
    told: list[int] = []

    inflate(gzip.compress(bytes(40 * 2**20)), Settings(), lambda done, total: told.append(total))

    assert len(told) >= 10  # at most 4 MB, some hundredths of a second, between two of them


def test_gz_of_any_scan_is_read(rgb: np.ndarray) -> None:
    np.testing.assert_array_equal(read_scan(gzip.compress(encode(rgb, "PNG"))).image_u8, rgb)
    assert read_scan(gzip.compress(a_slice(1))).format == "DICOM"


def test_nested_zips_are_refused() -> None:
    inner = pack({"a": a_slice(0)})

    for content in (pack({"inner.zip": inner}), gzip.compress(inner), pack({"x": gzip.compress(inner)})):
        with pytest.raises(UnreadableScan, match="packed file inside"):
            read_here(content)


def test_dicomdir_is_refused_alone_and_left_out_among_files() -> None:
    directory = make_dicom(
        None, SOPClassUID=MediaStorageDirectoryStorage, DirectoryRecordSequence=[item(DirectoryRecordType="PATIENT")]
    )

    with pytest.raises(UnreadableScan, match="DICOMDIR"):
        read_here(directory)
    assert read_here(pack({"DICOMDIR": directory, "IM1": a_slice(0), "IM2": a_slice(1)})).count == 2


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "C:\\evil", "a/../../../evil", "evil\0.dcm"])
def test_names_in_a_zip_are_no_paths(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    scan = read_here(pack({name: a_slice(0), "b": a_slice(1)}))

    assert scan.count == 2 and list(tmp_path.rglob("*")) == []
    assert "evil" not in repr(scan.warnings) + repr(scan.header)


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside):
        folder.mkdir()
    (outside / "b").write_bytes(a_slice(1))
    (inside / "a").write_bytes(a_slice(0))
    (inside / "link").symlink_to(outside / "b")
    (inside / "folder").symlink_to(outside)

    assert read_scan(inside).count == 1


def test_a_zip_that_unpacks_too_far_or_has_too_many_files_is_refused_before_unpacking() -> None:
    bomb = pack({"a": bytes(40 * 2**20)})
    assert len(bomb) < 100_000

    with pytest.raises(ScanTooLarge, match="unpacks to more than 20 MB"):
        read_here(bomb, Settings(max_unpacked_bytes=20 * 2**20))
    with pytest.raises(ScanTooLarge, match="30 files"):
        read_here(pack({str(n): b"x" for n in range(30)}), Settings(max_slices=20))


def test_a_zip_that_lies_about_a_size_unpacks_no_further_than_it_said() -> None:
    content = pack({"a": bytes(10 * 2**20)})
    true_size, false_size = struct.pack("<I", 10 * 2**20), struct.pack("<I", 100)

    with pytest.raises(UnreadableScan, match="zip file is damaged"):
        read_here(content.replace(true_size, false_size))


def test_locked_and_damaged_zips_are_refused_in_words() -> None:
    content = pack({"a": a_slice(0)})
    locked = bytearray(content)
    for magic, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[content.index(magic) + flags_at] |= 1

    with pytest.raises(UnreadableScan, match="locked with a password"):
        read_here(bytes(locked))
    with pytest.raises(UnreadableScan, match="zip file is damaged"):
        read_here(content[: len(content) // 2])
    with pytest.raises(UnreadableScan):
        read_here(pack({}))


def test_a_series_too_large_in_all_is_refused_before_decoding() -> None:
    content = pack({str(height): a_slice(height) for height in range(5)})

    assert read_here(content, Settings(max_voxels=5 * 24)).count == 5
    with pytest.raises(ScanTooLarge, match="in 5 frames"):
        read_here(content, Settings(max_voxels=5 * 24 - 1))


def test_a_slice_whose_header_lies_does_not_lose_the_others() -> None:
    odd = make_dicom(np.zeros((4, 6), np.int16), SeriesInstanceUID="1.2.3", SOPInstanceUID="1.2.9", SeriesNumber=1)
    lies = odd.replace(b"(\x00\x02\x00US\x02\x00\x01\x00", b"(\x00\x02\x00FD\x02\x00\x01\x00")  # SamplesPerPixel
    assert lies != odd

    scan = read_here(pack({"a": lies, "b": a_slice(1), "c": a_slice(2)}))

    assert scan.count == 2 and "2 series" in scan.warnings[0]


@pytest.mark.parametrize("field", ["PixelSpacing", "ImagePositionPatient"])
def test_a_place_that_cannot_be_is_no_place(field: str) -> None:
    absurd = {"PixelSpacing": [1e300, 1e-300], "ImagePositionPatient": [0, 0, 1e300]}

    scan = read_here(a_slice(1, **{field: absurd[field]}))

    assert scan.volume is not None and scan.volume.affine is None
