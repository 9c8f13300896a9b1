"""Approved masks of a label store as rows of training data: the store's own files, in the store's own split."""

from pathlib import Path

from causalseg.annotations import LabelStore, review
from causalseg.annotations.exports.dataset import SET
from causalseg.annotations.exports.snomed_codes import term_of
from causalseg.annotations.label_records import Revision
from causalseg.annotations.store.content_files import path_of
from causalseg.errors import StoreError
from training.data.descriptions import SYNONYMS
from training.data.rows import Row


def read_store(folder: Path) -> list[Row]:
    """A row for each approved mask of something that training has a name for; the others are left out.

    Raises:
        StoreError: the store cannot be read.
    """
    store = LabelStore(folder)
    rows = (_row(store, revision) for revision in review.approved(store))
    return [row for row in rows if row.target in SYNONYMS]


def _row(store: LabelStore, revision: Revision) -> Row:
    scan = store.scan(revision.scan_sha256)
    if scan is None:
        raise StoreError("The label store does not have the scan of one of these labels (any more).")
    return Row(
        set=SET,
        split=scan.split,
        role="source",
        modality=scan.modality or "",
        target=term_of(revision.description).target or revision.description,
        patient=scan.patient_key,
        site="here",
        image=path_of(store.images, revision.image_sha256, ".png"),
        mask=path_of(store.masks, revision.mask_sha256, ".png"),
        text=revision.description,
    )
