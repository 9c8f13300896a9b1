"""All slices leave the page as the person left them."""

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Image

from causalseg.annotations.store import LabelStore
from causalseg.settings import Settings
from causalseg.ui.segment import editor, handlers
from causalseg.ui.segment.mask_export import exports
from causalseg.ui.segment.session import EditorMask, SessionState, VolumeMask
from tests.ui.fakes import FakeEngine
from tests.ui.volumes import write_nifti

Opened = tuple[FakeEngine, SessionState, VolumeMask]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """A volume, with the model's masks of all its slices."""
    engine = FakeEngine()
    state = handlers.open_upload(engine, Settings(), SessionState(), [str(write_nifti(tmp_path))], "lung")
    *_, volume = handlers.segment_slices(engine, state, is_stopped=lambda: False)
    return engine, state, volume


def exported(opened: Opened, draft: EditorMask | None = None, **known: Any) -> np.ndarray:
    """Voxels of the NIfTI file of all slices."""
    engine, state, volume = opened
    files = exports(engine, "volume", state, volume, draft, with_identity=False, **known)
    (nifti,) = (one.content for one in files if one.format == "nifti")
    return np.asarray(Nifti1Image.from_bytes(gzip.decompress(nifti or b"")).dataobj).astype(bool)


def loaded(opened: Opened, place: int) -> EditorMask:
    """Slice `place`, from 1, in the editor."""
    engine, state, _ = opened
    return replace(editor.start(engine, handlers.look_at(engine, state, place)), is_loaded=True)


def erased(draft: EditorMask) -> dict[str, Any]:
    """What the editor sends once all of the mask was erased."""
    value = editor.editor_value(draft)
    return {**value, "layers": [np.zeros_like(value["layers"][0])]}


def test_in_all_slices_a_person_wins_over_the_model(opened: Opened, tmp_path: Path) -> None:
    store, first, second = LabelStore(tmp_path / "store"), loaded(opened, 1), loaded(opened, 2)
    kept, _, _ = editor.save(store, first, erased(first), "Anna")
    plain = exported(opened)

    cases = (
        (exported(opened, kept), [0]),
        (exported(opened, second, store=store, person="Anna"), [0]),
        (exported(opened, second, store=store, person="Anna", edited=erased(second)), [0, 1]),
        (exported(opened, second, store=store, person="Ben"), []),
    )

    assert (plain.sum((0, 1)) > 0).all()
    for voxels, empty in cases:
        expected = plain.copy()
        expected[..., empty] = False
        np.testing.assert_array_equal(voxels, expected)


def test_a_correction_of_something_else_does_not_win(opened: Opened, tmp_path: Path) -> None:
    other = replace(loaded(opened, 1), description="something else")
    kept, _, _ = editor.save(LabelStore(tmp_path / "store"), other, erased(other), "Anna")

    np.testing.assert_array_equal(exported(opened, kept, edited=erased(other)), exported(opened))
