"""What a person corrected of a volume is what is exported of it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causalseg.annotations import LabelStore, Revision
from causalseg.annotations.exports import Provenance, export_all
from causalseg.annotations.exports.corrections import Correction, is_same, saved_corrections, with_corrections
from causalseg.errors import BadCorrection
from causalseg.scan import Scan
from tests.annotations.exports.reading_back import files_of
from tests.annotations.exports.test_formats import assert_reads_back, by_format, enhanced_ct, random_masks
from tests.annotations.samples import make_mask, make_scan, save

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""pycocotools 2.0.11 decodes in the words of numpy 1."""

MODELS = Provenance("one small polyp", "adjusted", "causalseg-lite 0.1.0")


def keep(store: LabelStore, scan: Scan, index: int, mask: np.ndarray, **facts: Any) -> Revision:
    usual: dict[str, Any] = {"person": "ana", "description": MODELS.description, "removed": (), "model": "fake"}
    return store.save(scan.view(index), mask, **{**usual, **facts})


def test_the_last_saved_mask_of_each_slice_wins_in_every_format(tmp_path: Path) -> None:
    store, scan = LabelStore(tmp_path), enhanced_ct((2, 0, 3, 1))
    masks, drawn = random_masks(scan), random_masks(scan, seed=7)
    keep(store, scan, 1, drawn[0])
    revision = keep(store, scan, 1, drawn[1])
    keep(store, scan, 2, drawn[2], description="another thing")
    keep(store, scan, 3, drawn[3], person="ben")

    corrections = saved_corrections(store, scan.sha256, person="ana", description=MODELS.description.upper())
    merged, provenance = with_corrections(masks, MODELS, corrections)
    exports = by_format(export_all(scan, merged, provenance))

    expected = {**masks, 1: drawn[1]}
    for kind in ("png", "nifti", "dicom_seg", "coco"):
        assert_reads_back(exports[kind], scan, expected)
    written = json.loads(files_of(exports["bundle"].content or b"")["provenance.json"])
    assert (written["corrected"], written["revisions"], written["person"]) == ([1], {"1": revision.number}, "ana")
    assert written["mask"] == "adjusted" and provenance.is_corrected and provenance.saved_at == revision.saved_at


def test_a_correction_that_was_not_saved_wins_too_and_has_no_number() -> None:
    scan = enhanced_ct((0, 1))
    masks, drawn = random_masks(scan, [0]), random_masks(scan, seed=7)

    merged, provenance = with_corrections(masks, MODELS, {1: Correction(drawn[1])})

    assert sorted(merged) == [0, 1] and merged[1] is drawn[1] and masks.keys() == {0}
    assert provenance.corrected == (1,) and not provenance.revisions and provenance.person is None


def test_without_corrections_nothing_changes() -> None:
    masks = random_masks(enhanced_ct((0, 1)))

    assert with_corrections(masks, MODELS, {}) == (masks, MODELS)
    assert not MODELS.is_corrected


def test_corrections_are_asked_for_by_name(tmp_path: Path) -> None:
    store, scan = LabelStore(tmp_path), make_scan()
    save(store, scan=scan)

    found = saved_corrections(store, scan.sha256, person="ana", description=" Lung ")

    np.testing.assert_array_equal(found[0].mask, make_mask(0))
    assert saved_corrections(store, scan.sha256, person="ben", description="lung") == {}
    with pytest.raises(BadCorrection):
        saved_corrections(store, scan.sha256, person=" ", description="lung")


def test_descriptions_are_the_same_however_they_are_spaced() -> None:
    assert is_same("Left  lung ", "left lung") and not is_same("left lung", "right lung")
