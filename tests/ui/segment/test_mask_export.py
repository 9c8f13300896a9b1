"""Which masks leave the page, and in which formats."""

import gzip
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Image
from PIL import Image

from causalseg.annotations.exports import FORMATS, Exported
from causalseg.annotations.store import LabelStore
from causalseg.errors import InputError
from causalseg.settings import Settings
from causalseg.ui.segment import editor, handlers, panels
from causalseg.ui.segment.mask_export import Choice, exports
from causalseg.ui.segment.session import EditorMask, SessionState, VolumeMask
from tests.ui.fakes import FakeEngine, disc
from tests.ui.segment.test_editor import loaded, returned
from tests.ui.volumes import COUNT, write_nifti


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def opened(engine: FakeEngine, tmp_path: Path) -> SessionState:
    return handlers.open_upload(engine, Settings(), SessionState(), [str(write_nifti(tmp_path))], "lung")


def made(
    engine: FakeEngine,
    choice: Choice,
    state: SessionState,
    volume: VolumeMask | None = None,
    draft: EditorMask | None = None,
) -> dict[str, Exported]:
    return {one.format: one for one in exports(engine, choice, state, volume, draft, with_identity=False)}


def test_the_mask_on_screen_is_a_png_of_the_slice(engine: FakeEngine, opened: SessionState) -> None:
    turned = handlers.look_at(engine, opened, 3)
    assert turned.current is not None
    png = made(engine, "screen", turned)["png"].content
    assert png is not None
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(png))) > 0, turned.current.mask)


def test_a_format_that_cannot_be_says_why_and_blocks_no_other(engine: FakeEngine, opened: SessionState) -> None:
    files = made(engine, "screen", opened)
    assert set(files) == {*FORMATS, "bundle"}
    assert files["dicom_seg"].content is None
    assert all(one.content for kind, one in files.items() if kind != "dicom_seg")
    assert "<b>DICOM-SEG</b>: A DICOM segmentation refers to" in panels.problems(files.values())


def test_all_slices_lie_where_the_masks_are(engine: FakeEngine, opened: SessionState) -> None:
    *_, volume = handlers.segment_slices(engine, opened, is_stopped=lambda: False)
    nifti = made(engine, "volume", opened, volume)["nifti"].content
    assert nifti is not None
    image = Nifti1Image.from_bytes(gzip.decompress(nifti))
    assert image.shape[2] == COUNT and int(np.asarray(image.dataobj).sum()) == int(volume.masks.sum())


def test_a_saved_correction_keeps_its_name_and_number(tmp_path: Path) -> None:
    draft = loaded(disc(128, 96))
    kept, _, mask = editor.save(LabelStore(tmp_path), draft, returned(draft), "Anna")
    files = made(FakeEngine(), "saved", SessionState(), None, kept)
    png = files["png"].content
    assert png is not None
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(png))) > 0, mask)


@pytest.mark.parametrize("choice", ["screen", "volume", "saved"])
def test_without_a_mask_it_says_what_to_do(choice: Choice) -> None:
    with pytest.raises(InputError):
        made(FakeEngine(), choice, SessionState())


def test_a_simulated_scan_is_not_exported(engine: FakeEngine, opened: SessionState) -> None:
    with pytest.raises(InputError, match="simulated"):
        made(engine, "screen", handlers.add(engine, opened, "sensor_noise", 0.5, 0))
