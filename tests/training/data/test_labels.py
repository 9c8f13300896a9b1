"""Labels of real confounders are three-valued: there, not there, unknown."""

from pathlib import Path

import pytest

from causalseg.errors import CannotLearn
from training.data import Row
from training.data.labels import AI_READER, PEOPLE, labelled_by, labels_of, read_labels


def _table(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_cell_is_there_or_not_there_or_unknown(tmp_path: Path) -> None:
    folder = _table(tmp_path, "busi.csv", "index,image,calipers,gain_uneven\n0,a.jpg,1,\n1,b.jpg,0,1\n")

    assert read_labels([folder]) == {"a.jpg": {"calipers": True}, "b.jpg": {"calipers": False, "gain": True}}


def test_folders_complete_one_another_and_a_contradiction_is_unknown(tmp_path: Path) -> None:
    one = _table(tmp_path / "one", "qata.csv", "image,wires_tubes,side_marker\na.jpg,1,1\n")
    other = _table(tmp_path / "other", "qata.csv", "image,wires_tubes,burned_in_text\na.jpg,0,0\n")

    assert read_labels([one, other]) == {"a.jpg": {"side_marker": True, "burned_in_text": False}}
    assert read_labels([one, one])["a.jpg"] == {"wires": True, "side_marker": True}


@pytest.mark.parametrize("text", ["picture,hair\na.jpg,1\n", "image,hare\na.jpg,1\n", "image,hair\na.jpg,yes\n"])
def test_a_table_that_nobody_can_read_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(CannotLearn):
        read_labels([_table(tmp_path, "isic.csv", text)])


def test_an_empty_folder_is_an_error_that_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"\*\.csv"):
        read_labels([tmp_path])


def test_a_scan_that_no_table_names_has_no_labels(tmp_path: Path) -> None:
    labels = read_labels([_table(tmp_path, "isic.csv", "image,hair\nisic/a.jpg,1\n")])
    rows = [
        Row("isic", "train", "source", "dermoscopy", "skin lesion", name, "", folder / name, folder / name, "")
        for folder, name in [(tmp_path / "isic", "a.jpg"), (tmp_path / "isic", "b.jpg"), (Path("/elsewhere"), "a.jpg")]
    ]

    assert labels_of(rows, labels, tmp_path) == [{"hair": True}, {}, {}]


def test_people_and_the_reader_are_told_apart() -> None:
    assert labelled_by("isic") == PEOPLE
    assert {labelled_by(name) for name in ("busi", "kvasir", "qata")} == {AI_READER}
