"""The whole loop on volumes in a real browser, and every file that leaves it read by a reader that is not ours."""

import gzip
import hashlib
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from nibabel.nifti1 import Nifti1Image
from playwright.sync_api import Page, expect
from pydicom.uid import EnhancedCTImageStorage

from tests.annotations.exports.reading_back import files_of
from tests.scan.sample_files import item, make_dicom
from tests.ui.conftest import App
from tests.ui.drive import Editor, describe, expect_status, expect_text, turn_to, upload
from tests.ui.volumes import CENTER, COUNT, HEIGHT_PX, WIDTH, WIDTH_PX, growing_disc, write_nifti

DISC_CENTRE_XY = (213, 256)
"""On the editor's canvas."""
PLACE = 4
"""The slice that is corrected, from 1."""
GAP_MM = 2.0


def write_enhanced(folder: Path) -> Path:
    """The discs as one enhanced multi-frame file, whose frames are stored from the last slice to the first."""
    path = folder / "Meier_Anna_enhanced.dcm"
    groups = [
        item(PlanePositionSequence=[item(ImagePositionPatient=[0, 0, GAP_MM * place])])
        for place in reversed(range(COUNT))
    ]
    shared = item(
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        PixelMeasuresSequence=[item(PixelSpacing=[0.5, 0.5], SliceThickness=GAP_MM)],
        FrameVOILUTSequence=[item(WindowCenter=CENTER, WindowWidth=WIDTH)],
    )
    content = make_dicom(
        np.ascontiguousarray(growing_disc()[::-1]),
        SOPClassUID=EnhancedCTImageStorage,
        SOPInstanceUID="1.2.3.9",
        StudyInstanceUID="1.2",
        SeriesInstanceUID="1.2.3",
        FrameOfReferenceUID="1.2.5",
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=groups,
    )
    path.write_bytes(content)
    return path


def masks_of_nifti(files: dict[str, bytes]) -> np.ndarray:
    """(slice, row, column) of a file whose x runs along columns, as both sources have it; by nibabel."""
    (content,) = (content for name, content in files.items() if name.endswith(".nii.gz"))
    image = Nifti1Image.from_bytes(gzip.decompress(content))
    assert image.shape == (WIDTH_PX, HEIGHT_PX, COUNT)
    return np.asarray(image.dataobj).astype(bool).T


def masks_of_seg(files: dict[str, bytes]) -> np.ndarray:
    """(slice, row, column), by highdicom and pydicom: each frame at the height that it says it lies at."""
    (content,) = (content for name, content in files.items() if name.endswith("_seg.dcm"))
    highdicom.seg.segread(BytesIO(content))
    seg, masks = pydicom.dcmread(BytesIO(content)), np.zeros((COUNT, HEIGHT_PX, WIDTH_PX), bool)
    frames = seg.pixel_array.reshape(-1, HEIGHT_PX, WIDTH_PX)
    for group, pixels in zip(seg.PerFrameFunctionalGroupsSequence, frames, strict=True):
        masks[round(group.PlanePositionSequence[0].ImagePositionPatient[2] / GAP_MM)] = pixels.astype(bool)
    return masks


@pytest.mark.parametrize("write", [write_enhanced, write_nifti], ids=["enhanced DICOM", "NIfTI"])
def test_the_whole_loop_on_a_volume(app: App, page: Page, tmp_path: Path, write: Callable[[Path], Path]) -> None:
    path = write(tmp_path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    upload(page, path)
    describe(page, "lung")
    expect_status(page, "^adjusted mask")
    page.locator("#observed").click()
    expect_status(page, "^observed mask")
    page.get_by_role("button", name=f"Segment all {COUNT} slices").click()
    expect_text(page, "#volume", f"{COUNT} of {COUNT} slices")
    turn_to(page, PLACE)
    expect_status(page, "^observed mask")
    editor = Editor(page)
    editor.load(tinted_xy=DISC_CENTRE_XY)
    editor.stroke((340, 180), (440, 330))
    editor.save(1)

    files = export(app, page, "all slices")

    (revision,) = app.store.revisions(sha256, "me")
    saved, expected = app.store.mask(revision), growing_disc() > 0
    saved = saved[::-1, ::-1] if path.suffix == ".gz" else saved  # shown front up and the patient's right on the left
    disc = expected[PLACE - 1].copy()
    expected[PLACE - 1] = saved
    assert revision.index == PLACE - 1 and (saved & ~disc).sum() > 50 and saved[disc].all()
    np.testing.assert_array_equal(masks_of_nifti(files), expected)
    if path.suffix == ".dcm":
        np.testing.assert_array_equal(masks_of_seg(files), expected)
    provenance = json.loads(files["provenance.json"])
    assert (provenance["corrected"], provenance["scan_sha256"]) == ([PLACE - 1], sha256)
    assert not any(b"Meier" in content for content in files.values())


def export(app: App, page: Page, which: str) -> dict[str, bytes]:
    """Name -> content of the files in the zip that the page offers."""
    page.locator("#export-fold button").first.click()
    page.locator("#export-which input").click()
    page.get_by_role("option", name=which).click()
    page.locator("#export").click()
    link = page.locator("#export-files a[href*='_all.zip']").first
    expect(link).to_be_visible()
    with page.expect_download() as download:
        link.click()
    return files_of(Path(download.value.path()).read_bytes())
