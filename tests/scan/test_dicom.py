import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.pixels.processing import apply_windowing
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    DermoscopicPhotographyImageStorage,
    JPEGBaseline8Bit,
    RLELossless,
    SecondaryCaptureImageStorage,
    VLEndoscopicImageStorage,
)

from causalseg.errors import BadView, ScanTooLarge, UnreadableScan
from causalseg.scan import MODALITIES, Scan, SourceDicom, Window, read_scan
from causalseg.settings import Settings
from tests.scan.sample_files import encode, item, make_dicom, read_once

HOUNSFIELD = np.linspace(-1000, 1000, 20 * 30).reshape(20, 30).astype(np.int16)
GREY = np.arange(200, dtype=np.uint8).reshape(10, 20)


def grey_of(content: bytes) -> np.ndarray:
    """The one channel of a grey scan."""
    image_u8 = read_scan(content).image_u8
    assert (image_u8 == image_u8[..., :1]).all()
    return image_u8[..., 0]


def test_window_spreads_its_values_over_the_greys_after_the_rescale() -> None:
    stored = (HOUNSFIELD + 1024).astype(np.int16)

    grey = grey_of(make_dicom(stored, RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=400))

    assert (grey[HOUNSFIELD <= 40 - 200] == 0).all() and (grey[HOUNSFIELD > 40 + 199] == 255).all()
    middle = grey[np.abs(HOUNSFIELD - 40) < 4]
    assert middle.size and (np.abs(middle.astype(int) - 127) < 4).all()


@pytest.mark.parametrize("shape", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_every_window_function_agrees_with_pydicom(shape: str) -> None:
    content = make_dicom(HOUNSFIELD, WindowCenter=-30.5, WindowWidth=350, VOILUTFunction=shape)
    dataset = pydicom.dcmread(BytesIO(content))
    reference = apply_windowing(HOUNSFIELD.astype(float), dataset)

    expected = 255 * (reference + 2**15) / (2**16 - 1)

    np.testing.assert_allclose(grey_of(content), expected, atol=0.51)


def test_first_of_several_windows_is_used() -> None:
    one = grey_of(make_dicom(HOUNSFIELD, WindowCenter=0, WindowWidth=500))
    several = grey_of(make_dicom(HOUNSFIELD, WindowCenter=[0, 300], WindowWidth=[500, 100]))

    np.testing.assert_array_equal(one, several)


def test_impossible_window_is_left_out_and_the_scan_says_so() -> None:
    scan = read_scan(make_dicom(HOUNSFIELD, WindowCenter=0, WindowWidth=0))

    assert "names no window" in scan.warnings[0]
    assert np.unique(scan.image_u8).size > 100


def test_without_a_window_padding_does_not_count() -> None:
    padded = np.pad(HOUNSFIELD, 8, constant_values=-2000)

    plain = grey_of(make_dicom(HOUNSFIELD))
    grey = grey_of(make_dicom(padded, PixelPaddingValue=-2000))

    np.testing.assert_array_equal(grey[8:-8, 8:-8], plain)


def test_eight_bits_without_a_window_stay_as_they_are() -> None:
    scan = read_scan(make_dicom(GREY))

    np.testing.assert_array_equal(scan.image_u8[..., 0], GREY)
    assert scan.warnings == ()


def test_monochrome1_is_turned_over() -> None:
    fields: dict[str, Any] = {"WindowCenter": 40, "WindowWidth": 400}

    upright = grey_of(make_dicom(HOUNSFIELD, **fields))
    inverted = grey_of(make_dicom(HOUNSFIELD, PhotometricInterpretation="MONOCHROME1", **fields))

    np.testing.assert_array_equal(inverted, 255 - upright)


def test_voi_table_comes_before_a_window_and_its_eight_bit_entries_do_not_wrap() -> None:
    stored = np.linspace(0, 4095, 600).reshape(20, 30).astype(np.uint16)
    entries = [255 - value // 16 for value in range(4096)]
    table = item(LUTDescriptor=[4096, 0, 8], LUTData=np.array(entries, dtype="<u2").tobytes())

    grey = grey_of(make_dicom(stored, VOILUTSequence=[table], WindowCenter=10, WindowWidth=10))

    np.testing.assert_array_equal(grey, 255 - stored // 16)


def test_modality_table_comes_first() -> None:
    stored = np.tile(np.arange(4, dtype=np.uint16), (4, 1))
    table = item(LUTDescriptor=[4, 0, 16], ModalityLUTType="US")
    table.add_new("LUTData", "US", [0, 1000, 10, 500])

    grey = grey_of(make_dicom(stored, ModalityLUTSequence=[table], WindowCenter=500.5, WindowWidth=1001))

    assert grey[0, 0] == 0 and grey[0, 1] == 255 and 126 <= grey[0, 3] <= 129


def test_window_of_a_frame_is_found_in_the_functional_groups_of_newer_files() -> None:
    macros = item(
        PixelMeasuresSequence=[item(PixelSpacing=[0.7, 0.8])],
        FrameVOILUTSequence=[item(WindowCenter=40, WindowWidth=400)],
        PixelValueTransformationSequence=[item(RescaleSlope=2, RescaleIntercept=-100, RescaleType="HU")],
    )
    new = read_scan(make_dicom(HOUNSFIELD, SharedFunctionalGroupsSequence=[macros]))
    old = grey_of(make_dicom(HOUNSFIELD, RescaleSlope=2, RescaleIntercept=-100, WindowCenter=40, WindowWidth=400))

    np.testing.assert_array_equal(new.image_u8[..., 0], old)
    assert new.spacing_mm == (0.7, 0.8)


def test_colour_keeps_every_pixel(rgb: np.ndarray) -> None:
    np.testing.assert_array_equal(read_scan(make_dicom(rgb)).image_u8, rgb)


def test_sixteen_bit_colour_keeps_its_highest_byte(rgb: np.ndarray) -> None:
    deep = rgb.astype(np.uint16) * 256 + 99

    np.testing.assert_array_equal(read_scan(make_dicom(deep)).image_u8, rgb)


def test_ybr_becomes_rgb(rgb: np.ndarray) -> None:
    ybr = np.asarray(Image.fromarray(rgb).convert("YCbCr"))

    scan = read_scan(make_dicom(ybr, PhotometricInterpretation="YBR_FULL"))

    np.testing.assert_allclose(scan.image_u8.astype(int), rgb, atol=3)


@pytest.mark.parametrize("bits", [8, 16])
def test_palette_becomes_its_colours(bits: int) -> None:
    scale = 257 if bits == 16 else 1
    tables = {"Red": [0, 255, 10, 20], "Green": [0, 0, 200, 40], "Blue": [9, 0, 30, 60]}
    fields: dict[str, Any] = {}
    for colour, values in tables.items():
        fields[f"{colour}PaletteColorLookupTableDescriptor"] = [4, 0, bits]
        entries = np.array(values, dtype=f"<u{bits // 8}") * scale
        fields[f"{colour}PaletteColorLookupTableData"] = entries.astype(f"<u{bits // 8}").tobytes()
    stored = np.array([[0, 1], [2, 3]], dtype=np.uint8)

    scan = read_scan(make_dicom(stored, PhotometricInterpretation="PALETTE COLOR", **fields))

    np.testing.assert_array_equal(scan.image_u8, np.stack(list(tables.values()), axis=1).reshape(2, 2, 3))


def test_unknown_colours_are_refused(rgb: np.ndarray) -> None:
    with pytest.raises(UnreadableScan, match="colours"):
        read_scan(make_dicom(rgb, PhotometricInterpretation="HSV"))


def test_every_frame_of_several_can_be_viewed_the_first_one_first() -> None:
    frames = np.stack([GREY, 255 - GREY, GREY // 2])

    scan = read_scan(make_dicom(frames))

    assert (scan.count, scan.index, scan.axis, scan.place) == (3, 0, "frame", "frame 1 of 3")
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(scan.view(index).image_u8[..., 0], frame)
        assert scan.view(index).index == index and scan.view(index).sha256 == scan.sha256
    assert scan.index == 0 and scan.warnings == ()


@pytest.mark.parametrize("index", [-1, 3])
def test_a_frame_that_is_not_there_is_refused(index: int) -> None:
    with pytest.raises(BadView, match="choose one from 1 to 3"):
        read_scan(make_dicom(np.stack([GREY] * 3))).view(index)


def test_a_chosen_window_shows_what_the_window_says_and_none_goes_back_to_the_file() -> None:
    scan = read_scan(make_dicom(HOUNSFIELD, WindowCenter=40, WindowWidth=400))
    narrow = Window(0.0, 100.0)

    chosen = scan.view(window=narrow)

    np.testing.assert_array_equal(chosen.image_u8[..., 0], narrow.apply(HOUNSFIELD))
    assert chosen.window == narrow and scan.window == Window(40.0, 400.0, "LINEAR")
    np.testing.assert_array_equal(chosen.view().image_u8, scan.image_u8)


def test_windows_to_choose_from_are_the_files_own_then_the_presets_of_the_modality() -> None:
    fields: dict[str, Any] = {"WindowCenter": [40, 300], "WindowWidth": [400, 2000]}

    ct = read_scan(make_dicom(HOUNSFIELD, WindowCenterWidthExplanation=["BRAIN", "Doe^Jane"], **fields)).windows
    mr = read_scan(make_dicom(HOUNSFIELD, Modality="MR", **fields)).windows

    assert [choice.label for choice in ct[:3]] == ["file: brain", "file: window 2", "lung"]
    assert ct[1].window == Window(300.0, 2000.0, "LINEAR") and ct[2].window == Window(-600.0, 1500.0)
    assert [choice.label for choice in mr[2:]] == ["middle 99 % of the values", "high contrast", "all values"]


def test_window_that_is_shown_is_the_first_to_choose_whatever_the_values_became() -> None:
    for slope in (1, 0.37):
        scan = read_scan(
            make_dicom(HOUNSFIELD, RescaleSlope=slope, RescaleIntercept=0, WindowCenter=40, WindowWidth=400)
        )
        assert scan.window == scan.windows[0].window


def test_colours_have_no_window(rgb: np.ndarray) -> None:
    scan = read_scan(make_dicom(rgb))

    assert scan.windows == () and scan.window is None
    with pytest.raises(BadView, match="in colour"):
        scan.view(window=Window(0.0, 1.0))


def test_values_are_in_the_unit_of_the_modality() -> None:
    whole = read_scan(make_dicom(HOUNSFIELD, RescaleSlope=1, RescaleIntercept=-1024)).volume
    fraction = read_scan(make_dicom(HOUNSFIELD, RescaleSlope=0.25, RescaleIntercept=3)).volume

    assert whole is not None and whole.values.dtype == np.int16
    np.testing.assert_array_equal(whole.values[0], HOUNSFIELD - 1024)
    assert fraction is not None
    np.testing.assert_allclose(fraction.values[0], HOUNSFIELD * 0.25 + 3, rtol=1e-6)


def place(height_mm: float, **fields: Any) -> pydicom.Dataset:
    """Functional groups of one frame of an enhanced file, an axial one at `height_mm`."""
    return item(PlanePositionSequence=[item(ImagePositionPatient=[-10, -20, height_mm])], **fields)


AXIAL = item(
    PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
    PixelMeasuresSequence=[item(PixelSpacing=[0.5, 0.25], SliceThickness=9)],
)


def test_frames_with_positions_are_slices_sorted_by_them_the_middle_one_first() -> None:
    heights_mm = [6, 0, 3]
    content = make_dicom(
        np.stack([np.full((4, 6), height, np.uint8) for height in heights_mm]),
        SharedFunctionalGroupsSequence=[AXIAL],
        PerFrameFunctionalGroupsSequence=[place(height) for height in heights_mm],
    )

    scan = read_scan(content)

    assert (scan.count, scan.index, scan.axis) == (3, 1, "slice")
    assert scan.volume is not None and scan.volume.values[:, 0, 0].tolist() == [0, 3, 6]
    assert scan.volume.spacing_mm == (3, 0.5, 0.25)
    assert scan.volume.affine is not None  # LPS -> RAS: x and y change their sign
    np.testing.assert_allclose(scan.volume.affine @ [2, 1, 2, 1], [10 - 0.5, 20 - 0.5, 6, 1])
    assert isinstance(scan.volume.source, SourceDicom)
    assert scan.volume.source.places == ((0, 2), (0, 3), (0, 1))


def test_every_frame_has_its_own_window_and_rescale() -> None:
    frames = np.stack([HOUNSFIELD, HOUNSFIELD])

    def groups(height_mm: float, slope: float, center: float) -> pydicom.Dataset:
        return place(
            height_mm,
            FrameVOILUTSequence=[item(WindowCenter=center, WindowWidth=400)],
            PixelValueTransformationSequence=[item(RescaleSlope=slope, RescaleIntercept=0)],
        )

    scan = read_scan(
        make_dicom(
            frames,
            SharedFunctionalGroupsSequence=[AXIAL],
            PerFrameFunctionalGroupsSequence=[groups(0, 1, 40), groups(1, 2, 200)],
        )
    )

    for index, (slope, center) in enumerate([(1, 40), (2, 200)]):
        alone = make_dicom(HOUNSFIELD, RescaleSlope=slope, RescaleIntercept=0, WindowCenter=center, WindowWidth=400)
        np.testing.assert_array_equal(scan.view(index).image_u8, read_scan(alone).image_u8)
        assert scan.view(index).window == Window(float(center), 400.0, "LINEAR")


def test_the_source_for_a_dicom_seg_names_nobody_unless_asked_and_never_has_pixels() -> None:
    content = make_dicom(HOUNSFIELD, PatientName="Doe^Jane", PatientID="4711", StudyInstanceUID="1.2.3", Rows=20)
    source = read_scan(content).volume
    assert source is not None and isinstance(source.source, SourceDicom)

    (kept,), (whole,) = source.source.datasets(), source.source.datasets(with_identity=True)

    assert kept.PatientName == "" and kept.PatientID == "" and kept.StudyInstanceUID == "1.2.3" and kept.Rows == 20
    assert whole.PatientName == "Doe^Jane"
    assert "PixelData" not in kept and "PixelData" not in whole


@pytest.mark.parametrize(
    ("fields", "modality"),
    [
        ({"Modality": "US"}, "ultrasound"),
        ({"Modality": "ES"}, "endoscopy"),
        ({"Modality": "CT"}, "ct"),
        ({"Modality": "MR"}, "mri"),
        ({"Modality": "CR"}, "radiograph"),
        ({"Modality": "DX"}, "radiograph"),
        ({"Modality": "MG"}, "radiograph"),
        ({"Modality": "OT"}, None),
        ({"Modality": "XC"}, None),
        ({"Modality": "XC", "SOPClassUID": DermoscopicPhotographyImageStorage}, "dermoscopy"),
        ({"Modality": "XC", "SOPClassUID": VLEndoscopicImageStorage}, "endoscopy"),
    ],
)
def test_modality_is_one_that_the_confounders_speak_of_or_none(fields: dict[str, Any], modality: str | None) -> None:
    found = read_scan(make_dicom(GREY, **fields)).modality

    assert found == modality and (found is None or found in MODALITIES)


def region(row_cm: float, column_cm: float, unit: int = 3) -> pydicom.Dataset:
    return item(
        RegionSpatialFormat=1,
        PhysicalUnitsXDirection=unit,
        PhysicalUnitsYDirection=unit,
        PhysicalDeltaX=column_cm,
        PhysicalDeltaY=row_cm,
    )


@pytest.mark.parametrize(
    ("fields", "spacing_mm"),
    [
        ({}, None),
        ({"PixelSpacing": [0.5, 0.25]}, (0.5, 0.25)),
        ({"ImagerPixelSpacing": [0.2, 0.1]}, (0.2, 0.1)),
        ({"PixelSpacing": [0.5, 0.25], "ImagerPixelSpacing": [0.2, 0.1]}, (0.5, 0.25)),
        ({"PixelSpacing": [0, 0.25]}, None),
        ({"PixelSpacing": [0.5]}, None),
        ({"SequenceOfUltrasoundRegions": [region(0.02, 0.03)]}, (0.2, 0.3)),
        ({"SequenceOfUltrasoundRegions": [region(-0.02, 0.02), region(0.02, 0.02)]}, (0.2, 0.2)),
        ({"SequenceOfUltrasoundRegions": [region(0.02, 0.02), region(0.04, 0.04)]}, None),
        ({"SequenceOfUltrasoundRegions": [region(0.02, 0.02, unit=4)]}, None),
    ],
)
def test_spacing_is_rows_then_columns_in_mm(fields: dict[str, Any], spacing_mm: tuple[float, float] | None) -> None:
    found = read_scan(make_dicom(GREY, **fields)).spacing_mm

    assert found == (None if spacing_mm is None else pytest.approx(spacing_mm))


def test_header_is_technical_only() -> None:
    content = make_dicom(
        HOUNSFIELD,
        PatientName="Doe^Jane",
        PatientID="4711",
        PatientBirthDate="19700101",
        StudyDate="20200202",
        InstitutionName="General Hospital",
        StudyDescription="Jane, chest",
        SliceThickness=2.5,
        PixelSpacing=[0.5, 0.25],
        WindowCenter=[40, 50],
        WindowWidth=[400, 500],
    )

    scan = read_scan(content)

    assert scan.header == {
        "Modality": "CT",
        "Rows": "20",
        "Columns": "30",
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsStored": "16",
        "PixelSpacing": "0.5 x 0.25",
        "SliceThickness": "2.5",
        "WindowCenter": "40 x 50",
        "WindowWidth": "400 x 500",
        "TransferSyntax": "Explicit VR Little Endian",
    }
    for secret in ("Doe", "4711", "1970", "2020", "General"):
        assert secret not in repr(scan)


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
def test_a_name_in_the_wrong_place_does_not_reach_the_header() -> None:
    scan = read_scan(make_dicom(GREY, Modality="Doe, Jane"))

    assert "Modality" not in scan.header and scan.modality is None


@pytest.mark.parametrize(
    ("fields", "warns"),
    [
        ({"Modality": "US"}, True),
        ({"BurnedInAnnotation": "YES"}, True),
        ({"BurnedInAnnotation": "UNKNOWN"}, True),
        ({"ConversionType": "WSD"}, True),
        ({"Modality": "OT", "SOPClassUID": SecondaryCaptureImageStorage}, True),
        ({"BurnedInAnnotation": "NO"}, False),
        ({}, False),
    ],
)
def test_pixels_that_may_carry_names_are_warned_about(fields: dict[str, Any], warns: bool) -> None:
    warnings = read_scan(make_dicom(GREY, **fields)).warnings

    assert any("burned into the pixels" in sentence for sentence in warnings) == warns


def test_file_without_pixels_is_refused_in_plain_words() -> None:
    with pytest.raises(UnreadableScan, match="has no picture in it"):
        read_scan(make_dicom(None))


def test_missing_pixels_are_refused() -> None:
    with pytest.raises(UnreadableScan, match="cannot be decoded"):
        read_scan(make_dicom(HOUNSFIELD, PixelData=HOUNSFIELD.tobytes()[:-20]))


@pytest.mark.parametrize("frames", [1, 200])
def test_size_over_all_frames_is_refused_before_decoding(frames: int) -> None:
    content = make_dicom(GREY, Rows=60_000 // frames, Columns=60_000, NumberOfFrames=frames)

    with pytest.raises(ScanTooLarge, match="60,000"):
        read_scan(content)


def test_jpeg_inside_that_is_larger_than_the_header_says_is_refused(rgb: np.ndarray) -> None:
    def wrapped(rows: int) -> bytes:
        return make_dicom(
            rgb,
            syntax=JPEGBaseline8Bit,
            Rows=rows,
            PhotometricInterpretation="YBR_FULL",
            PixelData=encapsulate([encode(rgb, "JPEG", quality=95, subsampling=0)]),
        )

    assert read_scan(wrapped(24)).hw == (24, 32)
    with pytest.raises(UnreadableScan, match="cannot be decoded"):
        read_scan(wrapped(12))


def test_deflated_file_is_read_unless_it_unpacks_too_far() -> None:
    content = make_dicom(HOUNSFIELD, syntax=DeflatedExplicitVRLittleEndian, WindowCenter=0, WindowWidth=500)
    bomb = make_dicom(np.zeros((1500, 1500), dtype=np.int16), syntax=DeflatedExplicitVRLittleEndian)
    assert len(bomb) < 20_000

    assert read_scan(content).hw == (20, 30)
    with pytest.raises(ScanTooLarge, match=r"unpacks to more than 1\.0 MB"):
        read_scan(bomb, settings=Settings(max_file_bytes=2**20))


def test_broken_deflate_stream_is_refused() -> None:
    content = make_dicom(HOUNSFIELD, syntax=DeflatedExplicitVRLittleEndian)
    with pytest.raises(zlib.error):
        pydicom.dcmread(BytesIO(content[:-300] + b"\xff" * 300))

    with pytest.raises(UnreadableScan, match="damaged or cut off"):
        read_scan(content[:-300] + b"\xff" * 300)


def test_rle_is_lossless() -> None:
    dataset = pydicom.dcmread(BytesIO(make_dicom(HOUNSFIELD, WindowCenter=0, WindowWidth=500)))
    plain = grey_of(make_dicom(HOUNSFIELD, WindowCenter=0, WindowWidth=500))
    dataset.compress(RLELossless, generate_instance_uid=False)
    buffer = BytesIO()
    dataset.save_as(buffer)

    np.testing.assert_array_equal(grey_of(buffer.getvalue()), plain)


def test_a_codestream_that_kills_gdcm_is_refused_and_the_process_lives(wheel_file: Callable[[str], Path]) -> None:
    """GDCM 3.2.6 aborts where the marker of a quantisation table is turned into a fill byte."""
    whole = wheel_file("SC_rgb_small_odd_jpeg.dcm").read_bytes()
    table = whole.index(b"\xff\xdb\x00\x43")
    damaged = whole[: table + 1] + b"\xff" + whole[table + 2 :]
    with pytest.raises(UnreadableScan, match="cannot be decoded"):
        read_scan(damaged)


def test_jpeg_lossless_is_decoded_to_the_same_picture(wheel_file: Callable[[str], Path]) -> None:
    lossless = read_scan(wheel_file("SC_rgb_jpeg_gdcm.dcm"))
    plain = read_scan(wheel_file("SC_rgb_rle.dcm"))

    assert "JPEG Lossless" in lossless.header["TransferSyntax"]
    np.testing.assert_array_equal(lossless.image_u8, plain.image_u8)


def test_lossless_transfer_syntaxes_of_one_scan_give_one_picture(wheel_file: Callable[[str], Path]) -> None:
    names = ["implicit", "bigendian", "RLE", "padded", "jp2klossless", "jpeg_ls_lossless"]
    plain = read_scan(wheel_file("MR_small.dcm"))

    for name in names:
        np.testing.assert_array_equal(read_scan(wheel_file(f"MR_small_{name}.dcm")).image_u8, plain.image_u8)
    assert plain.modality == "mri" and plain.image_u8.std() > 20


@pytest.mark.parametrize("name", ["rle", "rle_16bit", "rle_32bit", "gdcm_KY", "jpeg_dcmtk", "dcmtk_+eb+cy+n1"])
def test_colour_bars_have_their_colours(wheel_file: Callable[[str], Path], name: str) -> None:
    image_u8 = read_scan(wheel_file(f"SC_rgb_{name}.dcm")).image_u8.astype(int)

    np.testing.assert_allclose(image_u8[5, 50], [255, 0, 0], atol=6)
    np.testing.assert_allclose(image_u8[25, 50], [0, 255, 0], atol=6)
    np.testing.assert_allclose(image_u8[45, 50], [0, 0, 255], atol=6)
    np.testing.assert_allclose(image_u8[95, 50], [255, 255, 255], atol=6)


def test_data_set_that_lost_its_preamble_is_read() -> None:
    content = make_dicom(GREY)
    dataset = pydicom.dcmread(BytesIO(content))
    bare = BytesIO()
    pydicom.dcmwrite(bare, pydicom.Dataset(dataset), implicit_vr=False, little_endian=True)

    assert b"DICM" not in bare.getvalue()
    np.testing.assert_array_equal(grey_of(bare.getvalue()), GREY)


def answers(files: list[Path]) -> tuple[dict[str, Scan], dict[str, str]]:
    """Scans and refusals by file name."""
    scans, refusals = {}, {}
    for file in files:
        answer = read_once(file)
        if isinstance(answer, Scan):
            scans[file.name] = answer
        else:
            refusals[file.name] = str(answer)
    return scans, refusals


def test_every_file_of_pydicoms_wheel_is_read_or_refused_in_plain_words(wheel_file: Callable[[str], Path]) -> None:
    scans, refusals = answers(sorted(wheel_file(".").glob("*.dcm")))

    assert len(scans) >= 57
    assert all(scan.image_u8.max() > scan.image_u8.min() for scan in scans.values())
    assert {"CT_small.dcm", "examples_palette.dcm", "rtdose.dcm", "liver_1frame.dcm"} <= scans.keys()
    assert {"rtplan.dcm", "test-SR.dcm", "waveform_ecg.dcm", "MR_truncated.dcm"} <= refusals.keys()
    assert all((sentence.endswith(".") and "Open" in sentence) or "open" in sentence for sentence in refusals.values())


def test_every_real_file_is_read_or_refused_in_plain_words(shared_dir: Path) -> None:
    scans, refusals = answers(sorted(file for file in (shared_dir / "dicom").iterdir() if file.suffix != ".csv"))

    assert len(scans) >= 44
    assert {"rtplan.dcm", "no-pixel-data.dcm", "MR_truncated.dcm"} <= refusals.keys()
