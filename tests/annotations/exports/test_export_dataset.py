"""A dataset folder is read back by those who will read it: the training, and the import of another store."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from causalseg.annotations import LabelStore, Revision
from causalseg.annotations.exports.dataset import dataset_to_zip, examples_of, write_dataset
from causalseg.annotations.imports.folder import import_folder
from causalseg.annotations.store.scans import Facts
from causalseg.errors import ExportRefused, StoreError
from causalseg.scan import Scan, read_scan
from tests.annotations.exports.reading_back import files_of, load_coco
from tests.scan.sample_files import encode
from training.data import load_image, load_mask, read_index, train_rows


def scan_of(number: int) -> Scan:
    rows, columns = np.indices((20, 30))
    pixels = np.stack([rows * number, columns, rows + columns], axis=2).astype(np.uint8)
    return replace(read_scan(encode(pixels, "PNG")), modality="endoscopy")


def mask_of(number: int) -> np.ndarray:
    return np.random.default_rng(number).random((20, 30)) > 0.5


def save(store: LabelStore, number: int, *, person: str = "ab", patient: str | None = None) -> Revision:
    return store.save(
        scan_of(number),
        mask_of(number),
        person=person,
        description=f"polyp number {number}",
        removed=["hair"],
        model="m 1",
        facts=Facts(patient=patient),
    )


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    return LabelStore(tmp_path / "store")


def test_training_reads_back_pictures_masks_words_and_split(store: LabelStore, tmp_path: Path) -> None:
    revisions = [save(store, number) for number in range(12)]
    folder = tmp_path / "out"

    assert write_dataset(examples_of(store, revisions), folder) == 12

    rows = read_index(folder)
    for number, (row, revision) in enumerate(zip(rows, revisions, strict=True)):
        np.testing.assert_array_equal(load_image(row.image), scan_of(number).image_u8)
        np.testing.assert_array_equal(load_mask(row.mask), mask_of(number))
        assert (row.set, row.role, row.modality, row.target) == ("corrections", "source", "endoscopy", "polyp")
        assert (row.text, row.split) == (f"polyp number {number}", store.split_of(revision.scan_sha256))
    assert {row.split for row in train_rows(rows)} == {"train"}


def test_the_split_is_the_stores_own_and_one_for_a_patient(store: LabelStore, tmp_path: Path) -> None:
    revisions = [save(store, number, patient=f"patient {number % 3}") for number in range(9)]

    write_dataset(examples_of(store, revisions), tmp_path / "first")
    write_dataset(examples_of(store, revisions[::-1]), tmp_path / "second")

    first, second = (
        {row["scan_sha256"]: row for row in csv.DictReader((tmp_path / name / "index.csv").open())}
        for name in ("first", "second")
    )
    assert {sha256: row["split"] for sha256, row in first.items()} == {
        sha256: row["split"] for sha256, row in second.items()
    }
    by_patient: dict[str, set[str]] = {}
    for row in first.values():
        by_patient.setdefault(row["patient"], set()).add(row["split"])
    assert len(by_patient) == 3
    assert all(len(splits) == 1 for splits in by_patient.values())
    assert "patient 1" not in (tmp_path / "first" / "index.csv").read_text()


def test_another_store_imports_the_same_masks_into_the_same_parts(store: LabelStore, tmp_path: Path) -> None:
    revisions = [save(store, number) for number in range(1, 6)]
    write_dataset(examples_of(store, revisions), tmp_path / "out")
    other = LabelStore(tmp_path / "other")

    imported = import_folder(other, tmp_path / "out", person="cd")

    assert (imported.scans, imported.labels, imported.refused) == (5, 5, ())
    found = {scan.split: 0 for scan in other.scans()}
    for scan in other.scans():
        found[scan.split] += 1
        (revision,) = other.revisions(scan.sha256)
        number = int(revision.description.split()[-1])
        np.testing.assert_array_equal(other.mask(revision), mask_of(number))
        assert scan.split == store.split_of(revisions[number - 1].scan_sha256)


def test_two_people_on_one_picture_are_two_examples_without_their_names(store: LabelStore, tmp_path: Path) -> None:
    revisions = [save(store, 1, person=person) for person in ("Ann Smith", "Bob Jones")]

    assert write_dataset(examples_of(store, revisions), tmp_path / "out") == 2

    text = (tmp_path / "out" / "index.csv").read_text()
    assert not any(name in text for name in ("Ann", "Smith", "Bob", "Jones"))
    assert len({row.mask for row in read_index(tmp_path / "out")}) == 2


def test_the_zip_holds_the_very_files_of_the_folder(store: LabelStore, tmp_path: Path) -> None:
    revisions = [save(store, number) for number in range(3)]
    folder = tmp_path / "out"
    write_dataset(examples_of(store, revisions), folder)

    files = files_of(dataset_to_zip(examples_of(store, revisions)))

    assert files == {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}
    assert Image.open(io.BytesIO(next(iter(files.values())))).info == {}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_its_coco_file_names_the_pictures_of_the_folder(store: LabelStore, tmp_path: Path) -> None:
    revisions = [save(store, number) for number in range(3)]
    write_dataset(examples_of(store, revisions), tmp_path / "out")

    coco = load_coco((tmp_path / "out" / "coco.json").read_bytes())

    for number, row in enumerate(read_index(tmp_path / "out")):
        (image,) = [image for image in coco.dataset["images"] if image["file_name"] == row.image.name]
        (annotation,) = coco.imgToAnns[image["id"]]
        np.testing.assert_array_equal(coco.annToMask(annotation), mask_of(number))


def test_a_folder_with_something_in_it_is_refused_and_left_alone(store: LabelStore, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")

    with pytest.raises(ExportRefused, match="something in this folder"):
        write_dataset(examples_of(store, [save(store, 1)]), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_disk_that_refuses_is_explained(store: LabelStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(ExportRefused, match="cannot be written there"):
        write_dataset(examples_of(store, [save(store, 1)]), tmp_path / "file" / "out")


def test_nothing_to_export_is_said(tmp_path: Path) -> None:
    with pytest.raises(ExportRefused, match="no saved masks"):
        dataset_to_zip([])


def test_a_lost_mask_stops_the_export_before_its_index(store: LabelStore, tmp_path: Path) -> None:
    revisions = [save(store, 1), save(store, 2)]
    (store.masks / revisions[1].mask_sha256[:2] / f"{revisions[1].mask_sha256}.png").unlink()

    with pytest.raises(StoreError):
        write_dataset(examples_of(store, revisions), tmp_path / "out")
    assert not (tmp_path / "out" / "index.csv").exists()
