"""Where training data comes from: a folder, parquet shards here or behind a scheme, a label store."""

from pathlib import Path
from uuid import uuid4

import fsspec
import numpy as np
import pytest
from pyarrow import parquet

from causalseg.annotations import LabelStore, review
from causalseg.errors import CannotLearn
from tests.annotations.samples import make_mask, make_scan
from training.__main__ import main
from training.data import Row, load_image, load_mask, load_squares, read_index
from training.data.shards import is_in_shard, picture_bytes, write_shards

SIDE_PX = 64


def facts(row: Row) -> tuple[str, ...]:
    return row.set, row.split, row.role, row.modality, row.target, row.patient, row.site, row.text


@pytest.fixture(scope="module")
def shards(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen rows in three shards."""
    folder = tmp_path_factory.mktemp("shards") / "out"
    assert write_shards(read_index(data_dir), folder, rows_a_shard=7) == 3
    return folder


def test_rows_and_files_of_shards_are_those_of_the_folder(data_dir: Path, shards: Path) -> None:
    rows, back = read_index(data_dir), read_index(shards)

    assert [facts(row) for row in back] == [facts(row) for row in rows] and len(back) == 16
    for row, other in zip(rows, back, strict=True):
        assert is_in_shard(other.image) and not is_in_shard(row.image)
        assert picture_bytes(other.image) == row.image.read_bytes()
        assert picture_bytes(other.mask) == row.mask.read_bytes()


def test_squares_of_shards_are_those_of_the_folder(data_dir: Path, shards: Path, tmp_path: Path) -> None:
    first, second = (load_squares(read_index(folder), SIDE_PX, tmp_path) for folder in (data_dir, shards))

    np.testing.assert_array_equal(first.images_u8, second.images_u8)
    np.testing.assert_array_equal(first.masks, second.masks)


def test_any_picture_is_found_in_its_row_group(data_dir: Path, tmp_path: Path) -> None:
    rows = read_index(data_dir) * 5
    write_shards(rows, tmp_path / "out")
    back = read_index(tmp_path / "out")

    assert parquet.ParquetFile(tmp_path / "out" / "shard-00000.parquet").num_row_groups == 3
    for number in (79, 0, 31, 32, 63, 64, 5):
        np.testing.assert_array_equal(load_image(back[number].image), load_image(rows[number].image))
        np.testing.assert_array_equal(load_mask(back[number].mask), load_mask(rows[number].mask))


def test_shards_behind_a_scheme_are_read_as_those_of_the_disk(data_dir: Path, shards: Path) -> None:
    folder = f"/{uuid4().hex}/data"
    for file in shards.iterdir():
        fsspec.filesystem("memory").pipe_file(f"{folder}/{file.name}", file.read_bytes())

    back = read_index(Path(f"memory://{folder}"))  # what `--data hf://datasets/OWNER/NAME` becomes on the way in

    rows = read_index(data_dir)
    assert [facts(row) for row in back] == [facts(row) for row in rows]
    np.testing.assert_array_equal(load_image(back[9].image), load_image(rows[9].image))


def test_shards_are_written_again_from_shards_and_by_the_command(shards: Path, tmp_path: Path) -> None:
    assert main(["shards", "--data", str(shards), "--out", str(tmp_path / "again")]) == 0

    assert [picture_bytes(row.mask) for row in read_index(tmp_path / "again")] == [
        picture_bytes(row.mask) for row in read_index(shards)
    ]
    assert main(["shards", "--data", str(shards), "--out", str(tmp_path / "again")]) == 2


def test_a_folder_of_nothing_says_what_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"index\.csv.*label store.*shards"):
        read_index(tmp_path)
    (tmp_path / "a file").touch()
    with pytest.raises(CannotLearn, match="new or an empty folder"):
        write_shards([], tmp_path)


def test_a_label_store_gives_its_approved_masks_in_its_own_split(tmp_path: Path) -> None:
    store = LabelStore(tmp_path)
    for seed, description in enumerate(("one small polyp", "a unicorn", "polyp")):
        revision = store.save(
            make_scan(seed), make_mask(seed), person="ana", description=description, removed=(), model="m"
        )
        if seed < 2:
            review.approve(store, revision, reviewer="ben")

    (row,) = read_index(tmp_path)

    assert (row.target, row.text, row.role) == ("polyp", "one small polyp", "source")
    assert row.split == store.split_of(make_scan(0).sha256)
    np.testing.assert_array_equal(load_image(row.image), make_scan(0).image_u8)
    np.testing.assert_array_equal(load_mask(row.mask), make_mask(0))
