"""Every real file is read as pydicom (or nibabel) reads it, or refused in one plain sentence: `outcomes` is the table.

Nothing is downloaded: pydicom's files are those inside its wheel. Those of ../shared are looked at where it is.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest

from causalseg.errors import InputError
from causalseg.scan import Scan, SourceDicom, read_scan
from tests.scan.outcomes import SHARED, WHEEL
from tests.scan.reference import pydicom_greys, pydicom_values
from tests.scan.sample_files import WHEEL_DIR, read_once

SHARED_DIR = Path(__file__).resolve().parents[3] / "shared" / "dicom"
FILES = [WHEEL_DIR / name for name in WHEEL] + [SHARED_DIR / name for name in SHARED]
NO_REFERENCE = {
    *("CT0012.fragmented_no_bot_jpeg_baseline.51.dcm", "JPGExtended.dcm", "JPEG-lossy.dcm", "zipMR.gz"),
    "CTImage.dcm_JPEGProcess10_12TransferSyntax_1.2.840.10008.1.2.4.55.dcm",
}
"""JPEG of 12 bits, which pydicom does not decode without GPL code, and a gz, which it does not open."""


@pytest.fixture(params=FILES, ids=lambda file: f"{file.parent.parent.name}-{file.name}")
def file(request: pytest.FixtureRequest) -> Path:
    if not request.param.is_file():
        pytest.skip("needs the folder ../shared with real scans")
    return request.param


def expected(file: Path) -> str:
    return (WHEEL if file.parent == WHEEL_DIR else SHARED)[file.name]


def summary(scan: Scan) -> str:
    assert scan.volume is not None
    return f"{scan.count} {scan.axis} {scan.hw[0]} x {scan.hw[1]} {'rgb' if scan.volume.values.ndim == 4 else 'grey'}"


@pytest.mark.filterwarnings("ignore")  # pydicom's, about its own odd files
def test_real_file_is_read_as_pydicom_reads_it_or_refused_in_one_sentence(file: Path) -> None:
    scan = read_once(file)
    if isinstance(scan, InputError):
        words = expected(file).removeprefix("refused: ")
        assert words in str(scan) and str(scan).endswith(".") and "\n" not in str(scan)
        return

    assert summary(scan) == expected(file)
    if scan.format == "DICOM" and file.name not in NO_REFERENCE:
        assert_like_pydicom(scan, file)


def assert_like_pydicom(scan: Scan, file: Path) -> None:
    assert scan.volume is not None and isinstance(scan.volume.source, SourceDicom)
    reference = pydicom_values(file)[[frame - 1 for _, frame in scan.volume.source.places]]
    np.testing.assert_allclose(scan.volume.values, reference, rtol=1e-6, atol=1e-3)
    greys = pydicom_greys(file, reference[scan.index]) if reference.ndim == 3 else None
    if greys is not None:
        np.testing.assert_allclose(scan.image_u8[..., 0], greys, atol=0.51)


def test_table_has_every_file_and_most_are_read() -> None:
    assert {file.name for file in WHEEL_DIR.iterdir() if file.is_file()} == WHEEL.keys()
    assert sum(name.endswith(".dcm") for name in WHEEL) == 78
    assert len(SHARED) == 60 and sum(not outcome.startswith("refused") for outcome in SHARED.values()) == 54
    assert sum(not outcome.startswith("refused") for outcome in WHEEL.values()) == 60
    if SHARED_DIR.is_dir():
        assert {file.name for file in SHARED_DIR.iterdir() if file.suffix != ".csv"} == SHARED.keys()


def test_jpeg_of_twelve_bits_is_the_same_scan_as_its_jpeg_2000_twin() -> None:
    twelve, twin = (read_scan(WHEEL_DIR / name).volume for name in ("JPEG-lossy.dcm", "JPEG2000.dcm"))
    assert twelve is not None and twin is not None

    assert np.corrcoef(twelve.values.ravel(), twin.values.ravel())[0, 1] > 0.95  # both are lossy, of a noisy scan


def test_jpeg_of_twelve_bits_and_full_progression_is_the_same_ct_as_uncompressed(shared_dir: Path) -> None:
    names = "CTImage.dcm_JPEGProcess10_12TransferSyntax_1.2.840.10008.1.2.4.55.dcm", "CTImage.dcm"
    lossy, plain = (read_scan(shared_dir / "dicom" / name).volume for name in names)
    assert lossy is not None and plain is not None

    assert np.abs(lossy.values - plain.values).mean() < 5  # HU; it was stored in steps of 2


def test_disc_folder_of_many_series_is_read_and_its_indexes_are_refused() -> None:
    indexes = [file for file in sorted((WHEEL_DIR / "dicomdirtests").iterdir()) if file.name.startswith("DICOMDIR")]
    assert len(indexes) == 7
    for file in indexes:
        with pytest.raises(InputError, match="DICOMDIR"):
            read_scan(file)

    scan = read_scan(WHEEL_DIR / "dicomdirtests" / "77654033" / "CT2")

    assert scan.count == 4 and scan.modality == "ct"


def identifying_values(file: Path) -> Iterator[str]:
    dataset = pydicom.dcmread(file, force=True)
    for keyword in ("PatientName", "PatientID", "InstitutionName", "ReferringPhysicianName", "AccessionNumber"):
        value = str(dataset.get(keyword) or "").strip("^ ")
        if len(value) > 3:
            yield value


@pytest.mark.filterwarnings("ignore")
def test_nothing_that_names_a_patient_is_in_what_is_shown_or_printed(file: Path) -> None:
    if ".nii" in file.name or expected(file).startswith("refused"):
        pytest.skip("no DICOM header to scrub")
    scan = read_once(file)
    assert isinstance(scan, Scan)

    seen = repr(scan) + repr(scan.header) + repr(scan.warnings) + repr(scan.windows)

    for value in identifying_values(file):
        assert value not in seen
