"""Files and folders into the store: who may type a path, uploads together, progress, stop."""

from pathlib import Path
from typing import get_args

import pytest

from causalseg.annotations import LabelStore, review
from causalseg.annotations.queue import Why
from causalseg.errors import InputError
from causalseg.settings import Settings
from causalseg.ui.work import import_files, text
from tests.ui.pages.world import folder_of_phantoms

ALONE: dict[str, str] = {}
WANTED = import_files.Request("ana", "thing", is_checked=False)


def test_a_folder_may_be_typed_while_the_server_listens_to_this_machine_alone(tmp_path: Path) -> None:
    assert import_files.typed_folder(Settings(), f" {tmp_path} ", ALONE) == tmp_path
    assert import_files.typed_folder(Settings(), str(tmp_path), {"GRADIO_SERVER_NAME": "localhost"}) == tmp_path
    for elsewhere in ({"GRADIO_SERVER_NAME": "0.0.0.0"}, {"SPACE_ID": "owner/name"}):
        with pytest.raises(InputError, match="cannot be typed here"):
            import_files.typed_folder(Settings(), str(tmp_path), elsewhere)


def test_with_a_folder_to_import_from_only_what_is_in_it_may_be_typed(tmp_path: Path) -> None:
    inside = tmp_path / "scans" / "new"
    inside.mkdir(parents=True)
    settings = Settings(import_dir=tmp_path / "scans")
    reached = {"GRADIO_SERVER_NAME": "0.0.0.0"}

    assert import_files.typed_folder(settings, str(inside), reached) == inside
    for outside in (tmp_path, inside / ".." / ".." / "other"):
        with pytest.raises(InputError, match="inside the one"):
            import_files.typed_folder(settings, str(outside), reached)


def test_a_folder_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        import_files.typed_folder(Settings(), str(tmp_path / "none"), ALONE)


def test_uploads_of_one_name_do_not_hide_each_other(tmp_path: Path) -> None:
    uploads = []
    for number in range(3):
        path = tmp_path / str(number) / "scan.png"
        path.parent.mkdir()
        path.write_bytes(bytes([number]))
        uploads.append(str(path))

    folder = import_files.gathered(uploads)

    assert sorted(path.read_bytes() for path in folder.rglob("*.png")) == [b"\x00", b"\x01", b"\x02"]
    assert not any(Path(upload).exists() for upload in uploads)


@pytest.mark.parametrize("is_checked", [True, False])
def test_the_last_step_says_what_came_and_masks_count_only_when_somebody_answers_for_them(
    tmp_path: Path, is_checked: bool
) -> None:
    store = LabelStore(tmp_path / "labels")
    folder = folder_of_phantoms(tmp_path / "coming", 2, masks=1)
    wanted = import_files.Request("ana", "thing", is_checked=is_checked)

    *_, last = import_files.importing(store, folder, wanted, Settings(), lambda: False)

    assert last.imported is not None
    assert (last.imported.scans, last.imported.labels, last.imported.refused) == (2, 1, ())
    assert len(review.approved(store)) == is_checked


def test_a_stopped_import_leaves_whole_what_was_read(tmp_path: Path) -> None:
    store = LabelStore(tmp_path / "labels")
    folder = folder_of_phantoms(tmp_path / "coming", 3)
    looks = iter([False, False, False])

    *_, last = import_files.importing(store, folder, WANTED, Settings(), lambda: next(looks, True))

    assert last.imported is None and last.total == 3
    assert 0 < len(store.scans()) < 3


def test_a_wrong_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("picture\na.png\n", encoding="utf-8")

    with pytest.raises(InputError, match="needs a column"):
        list(import_files.importing(LabelStore(tmp_path / "labels"), tmp_path, WANTED, Settings(), lambda: False))


def test_every_reason_of_the_queue_has_its_words() -> None:

    assert set(text.WHY) == set(get_args(Why))
