import csv
import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

from causalseg.annotations import LabelStore, review
from causalseg.annotations.imports.folder import Imported, binary_mask, import_folder
from causalseg.annotations.queue import search
from causalseg.errors import BadCorrection, Cancelled, InputError
from causalseg.scan import SourceNifti, read_scan
from tests.annotations.samples import HW, all_bytes, make_mask, make_scan
from tests.scan.sample_files import encode, make_dicom


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def put_scan(path: Path, seed: int) -> str:
    """A picture file; its scan's name in the store."""
    return read_scan(put(path, encode(make_scan(seed).image_u8, "PNG"))).sha256


def put_mask(path: Path, seed: int, inside: int = 255) -> np.ndarray:
    put(path, encode(make_mask(seed).astype(np.uint8) * inside, "PNG"))
    return make_mask(seed)


def mask_of(store: LabelStore, sha256: str, index: int = 0) -> np.ndarray:
    revision = store.latest(sha256, "ana", index)
    assert revision is not None
    return store.mask(revision)


def test_rows_of_an_index_say_what_is_there(store: LabelStore, tmp_path: Path) -> None:
    first, second = (put_scan(tmp_path / "data" / f"{seed}.png", seed) for seed in range(2))
    put_mask(tmp_path / "data" / "m.png", 5)
    (tmp_path / "data" / "index.csv").write_text(
        "image,mask,patient,modality,split,text,target,width\n"
        "0.png,m.png,Jane Roe,CT,test,a lung,lung,17\n"
        "1.png,,Jane Roe,ct,,,lung,17\n",
        encoding="utf-8-sig",
    )

    assert import_folder(store, tmp_path / "data", person="ana") == Imported(scans=2, labels=1, refused=())

    np.testing.assert_array_equal(mask_of(store, first), make_mask(5))
    np.testing.assert_array_equal(store.reopened(second).image_u8, make_scan(1).image_u8)
    assert [(scan.modality, scan.split, scan.source) for scan in store.scans()] == [("ct", "test", None)] * 2
    (label,) = store.revisions(first)
    assert (label.description, label.model, label.person) == ("a lung", "import", "ana")
    assert b"Jane Roe" not in all_bytes(store)


@pytest.mark.parametrize(
    ("scan", "mask"),
    [
        ("images/a.jpg.png", "masks/a.jpg.png"),
        ("x/images/a.png", "x/labels/a.png"),
        ("a.png", "a_mask.png"),
        ("a.png", "a-seg.png"),
        ("Benign (1).png", "benign (1)_mask.png"),
        ("sub/A.png", "sub/A_segmentation.bmp"),
        ("imagesTr/a_0000.png", "labelsTr/a.png"),
        ("images/a_0001.png", "masks/a_0001.png"),
    ],
)
def test_masks_find_their_scans_by_name(store: LabelStore, tmp_path: Path, scan: str, mask: str) -> None:
    folder = tmp_path / "data"
    sha256, drawn = put_scan(folder / scan, 1), put_mask(folder / mask, 2)
    put_scan(folder / Path(scan).with_name("b_0002.png"), 3)
    (folder / "notes.txt").write_text("not a scan")
    (folder / ".hidden").write_text("nor this")

    assert import_folder(store, folder, person="ana", description="lung") == Imported(2, 1, ())

    np.testing.assert_array_equal(mask_of(store, sha256), drawn)


def test_several_masks_of_a_scan_are_united(store: LabelStore, tmp_path: Path) -> None:
    sha256 = put_scan(tmp_path / "a.png", 0)
    masks = [put_mask(tmp_path / name, seed) for seed, name in enumerate(["a_mask.png", "a_mask_1.png"])]

    assert import_folder(store, tmp_path, person="ana").labels == 1

    np.testing.assert_array_equal(mask_of(store, sha256), masks[0] | masks[1])


def test_whatever_is_wrong_with_some_the_others_come_in(store: LabelStore, tmp_path: Path) -> None:
    whole = put_scan(tmp_path / "images/whole.png", 0)
    put_mask(tmp_path / "masks/whole.png", 0)
    put(tmp_path / "images/cut.png", encode(make_scan(1).image_u8, "PNG")[:100])
    put(tmp_path / "images/letter.doc", b"Dear doctor")
    put_scan(tmp_path / "images/small.png", 2)
    put(tmp_path / "masks/small.png", encode(np.zeros((5, 5), np.uint8), "PNG"))
    put_scan(tmp_path / "images/many.png", 3)
    put(tmp_path / "masks/many.png", encode(np.arange(HW[0] * HW[1], dtype=np.uint8).reshape(HW), "PNG"))
    put_mask(tmp_path / "masks/lonely.png", 4)

    done = import_folder(store, tmp_path, person="ana")

    assert (done.scans, done.labels) == (3, 1) and len(store.revisions(whole)) == 1
    reasons = {one.file: one.reason for one in done.refused}
    assert sorted(reasons) == [
        "images/cut.png",
        "images/letter.doc",
        "masks/lonely.png",
        "masks/many.png",
        "masks/small.png",
    ]
    assert "no scan of that name" in reasons["masks/lonely.png"]
    assert "204 different values" in reasons["masks/many.png"]
    assert reasons["masks/small.png"] == "This mask has 5 x 5 px, its scan 1 x 12 x 17. Export both at one size."


def test_rows_that_say_something_impossible_are_refused_one_by_one(store: LabelStore, tmp_path: Path) -> None:
    put_scan(tmp_path / "a.png", 0)
    put_scan(tmp_path / "b.png", 1)
    put_scan(tmp_path.parent / "outside.png", 2)
    (tmp_path / "index.csv").write_text(
        "image;mask;patient;modality;split\na.png;;P1;;train\nb.png;;P1;;test\nb.png;;;telescope;\nb.png;;;;dev\n"
        "../outside.png;;;;\n;;;;\nmissing.png;;;;\n"
    )

    done = import_folder(store, tmp_path, person="ana")

    assert done.scans == 1
    assert [one.file for one in done.refused] == [
        *[f"index.csv, line {line}" for line in (4, 5, 6, 7)],
        "b.png",
        "missing.png",
    ]
    for one, words in zip(
        done.refused,
        ["modality is one of", "split is one of", "out of the folder", "is empty", "for ever", "no such file"],
        strict=True,
    ):
        assert words in one.reason


def test_row_without_a_file_does_not_stop_the_mask_of_another(store: LabelStore, tmp_path: Path) -> None:
    sha256 = put_scan(tmp_path / "a.png", 0)
    (tmp_path / "index.csv").write_text("image,mask\na.png,gone.png\n")

    done = import_folder(store, tmp_path, person="ana")

    assert store.scan(sha256) is not None and [one.file for one in done.refused] == ["gone.png"]


def test_same_folder_again_adds_only_what_is_new(store: LabelStore, tmp_path: Path) -> None:
    sha256 = put_scan(tmp_path / "a.png", 0)
    put_mask(tmp_path / "a_mask.png", 0)
    import_folder(store, tmp_path, person="ana")
    events = store.events()

    assert import_folder(store, tmp_path, person="ana") == Imported(0, 0, ())
    assert store.events() == events

    put_mask(tmp_path / "a_mask.png", 1)
    assert import_folder(store, tmp_path, person="ana") == Imported(0, 1, ())
    assert len(store.revisions(sha256)) == 2


def test_masks_that_somebody_answers_for_may_be_learnt_from(store: LabelStore, tmp_path: Path) -> None:
    put_scan(tmp_path / "a.png", 0)
    put_mask(tmp_path / "a_mask.png", 0)

    import_folder(store, tmp_path, person="ana", approved_by="ben")

    assert [one.person for one in review.approved(store)] == ["ana"]
    assert search.find(store, search.Query(state="approved")).total == 1


def test_path_is_kept_only_where_it_is_asked_for(store: LabelStore, tmp_path: Path) -> None:
    put_scan(tmp_path / "Jane Roe.png", 0)

    import_folder(store, tmp_path, person="ana")
    assert store.scans()[0].source is None and b"Jane Roe" not in all_bytes(store)

    import_folder(store, tmp_path, person="ana", keep_paths=True)
    assert store.scans()[0].source == str(tmp_path / "Jane Roe.png")


def test_import_can_be_stopped_and_keeps_what_came_in(store: LabelStore, tmp_path: Path) -> None:
    for seed in range(4):
        put_scan(tmp_path / "data" / f"{seed}.png", seed)
    steps: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        steps.append((done, total))
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        import_folder(store, tmp_path / "data", person="ana", on_progress=stop)
    assert len(store.scans()) == 2 and list(dict.fromkeys(steps)) == [(0, 4), (1, 4), (2, 4)]

    assert import_folder(store, tmp_path / "data", person="ana").scans == 2


def test_mask_of_several_frames_labels_those_that_it_touches(store: LabelStore, tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 200, (4, *HW), dtype=np.uint8)
    scan = read_scan(put(tmp_path / "images/a.dcm", make_frames(frames)))
    mask = np.zeros((4, *HW), dtype=np.uint8)
    mask[1], mask[3, 2:5, 2:5] = make_mask(1), 1
    put(tmp_path / "masks/a.dcm", make_frames(mask))

    assert import_folder(store, tmp_path, person="ana", description="lung") == Imported(1, 2, ())

    assert [one.index for one in store.revisions(scan.sha256)] == [1, 3]
    for index in (1, 3):
        np.testing.assert_array_equal(mask_of(store, scan.sha256, index), mask[index] > 0)
        np.testing.assert_array_equal(store.reopened(scan.sha256, index).image_u8, scan.view(index).image_u8)
    (stored,) = store.scans()
    assert (stored.count, stored.axis) == (4, "frame")


def put_nifti(path: Path, array: np.ndarray, affine: np.ndarray) -> Path:
    return put(path, gzip.compress(nibabel.Nifti1Image(array, affine).to_bytes(), mtime=0))


@pytest.fixture
def volume() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values in (i, j, k), a mask of them, and their affine."""
    chance = np.random.default_rng(0)
    mask = np.zeros((9, 11, 5), np.uint8)
    mask[2:6, 3:9, 1:3] = chance.random((4, 6, 2)) < 0.7
    return chance.integers(-1000, 1000, (9, 11, 5)).astype(np.int16), mask, np.diag([-0.8, 0.7, 3.0, 1.0])


def test_mask_of_a_volume_may_lie_in_its_file_in_another_order(
    store: LabelStore, tmp_path: Path, volume: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    values, mask, affine = volume
    scan = read_scan(put_nifti(tmp_path / "imagesTr/a_0000.nii.gz", values, affine))
    flipped = affine @ np.array([[-1.0, 0, 0, 8], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    put_nifti(tmp_path / "labelsTr/a.nii.gz", mask[::-1], flipped)

    assert import_folder(store, tmp_path, person="ana", description="lung") == Imported(1, 2, ())

    assert scan.volume is not None and isinstance(scan.volume.source, SourceNifti)
    expected = scan.volume.source.to_volume(mask) > 0
    for index in np.flatnonzero(expected.any(axis=(1, 2))).tolist():
        np.testing.assert_array_equal(mask_of(store, scan.sha256, index), expected[index])


def test_mask_that_lies_elsewhere_in_space_is_refused(
    store: LabelStore, tmp_path: Path, volume: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    values, mask, affine = volume
    put_nifti(tmp_path / "images/a.nii.gz", values, affine)
    elsewhere = affine.copy()
    elsewhere[:3, 3] = 5
    put_nifti(tmp_path / "masks/a.nii.gz", mask, elsewhere)
    put_nifti(tmp_path / "images/b.nii.gz", values + 1, affine)
    put_nifti(tmp_path / "masks/b.nii.gz", mask[..., :4], affine)

    done = import_folder(store, tmp_path, person="ana")

    assert (done.scans, done.labels) == (2, 0)
    assert ["elsewhere in space" in one.reason or "4 x" in one.reason for one in done.refused] == [True, True]


def test_series_of_slices_is_one_scan_where_a_row_names_its_folder(store: LabelStore, tmp_path: Path) -> None:
    for number in range(3):
        pixels = np.full(HW, number, np.uint16)
        header = {"SeriesInstanceUID": "1.2.3", "InstanceNumber": number, "PatientID": "P1"}
        put(tmp_path / f"series/{number}.dcm", make_dicom(pixels, **header))
    (tmp_path / "index.csv").write_text("image\nseries\n")

    assert import_folder(store, tmp_path, person="ana") == Imported(1, 0, ())
    assert [scan.count for scan in store.scans()] == [3]


def make_frames(frames: np.ndarray) -> bytes:
    """A DICOM file of many grey frames."""
    return make_dicom(frames[0], NumberOfFrames=len(frames), PixelData=frames.tobytes() + b"\0" * (frames.nbytes % 2))


@pytest.mark.parametrize(
    ("values", "inside"),
    [
        ([0, 255], [False, True]),
        ([0, 1], [False, True]),
        ([1, 2], [False, True]),
        ([255, 255], [True, True]),
        ([0, 0], [False, False]),
        ([-5.0, 0.5], [False, True]),
        ([0, 3, 250, 255], [False, False, True, True]),
    ],
)
def test_two_values_are_a_mask(values: list[float], inside: list[bool]) -> None:
    np.testing.assert_array_equal(binary_mask(np.array([[values]])), [[inside]])


@pytest.mark.parametrize("values", [[0, 1, 2], [0, 100, 255], [0, 20, 40, 60]])
def test_more_values_than_two_are_not(values: list[int]) -> None:
    with pytest.raises(BadCorrection, match="different values; a mask has two"):
        binary_mask(np.array([[values]]))


def test_edges_smeared_by_jpeg_are_forgiven(store: LabelStore, tmp_path: Path) -> None:
    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[16:48, 16:40] = 255
    scan = read_scan(put(tmp_path / "images/a.png", encode(np.zeros((64, 64, 3), np.uint8), "PNG")))
    put(tmp_path / "masks/a.jpg", encode(mask, "JPEG", quality=60))

    assert import_folder(store, tmp_path, person="ana").refused == ()

    np.testing.assert_array_equal(mask_of(store, scan.sha256), mask > 0)


@pytest.mark.parametrize("spoil", ["missing", "no column", "not text"])
def test_folder_that_cannot_be_read_is_said_in_words(store: LabelStore, tmp_path: Path, spoil: str) -> None:
    folder = tmp_path / "data"
    if spoil != "missing":
        put(folder / "index.csv", b"picture\na.png\n" if spoil == "no column" else b"\xff\xfe\x00")

    with pytest.raises(InputError, match=r"no such folder|needs a column|Save it as a CSV file"):
        import_folder(store, folder, person="ana")

    assert not store.folder.exists()


def test_nothing_in_the_folder_is_changed(store: LabelStore, tmp_path: Path) -> None:
    put_scan(tmp_path / "data/a.png", 0)
    put_mask(tmp_path / "data/a_mask.png", 0)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "data").iterdir()}

    import_folder(store, tmp_path / "data", person="ana")

    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "data").iterdir()}


def test_store_inside_the_folder_is_not_a_scan(tmp_path: Path) -> None:
    put_scan(tmp_path / "a.png", 0)
    put_mask(tmp_path / "a_mask.png", 0)
    store = LabelStore(tmp_path / "store")
    import_folder(store, tmp_path, person="ana")

    assert import_folder(store, tmp_path, person="ana") == Imported(0, 0, ())


def test_real_folder_comes_in(store: LabelStore, tmp_path: Path, shared_dir: Path) -> None:
    """About thirty rows of the real index, in the parts that it names."""
    with (shared_dir / "data" / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    chosen = rows[:: len(rows) // 30]
    with (tmp_path / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(chosen)
    for row in chosen:
        for name in (row["image"], row["mask"]):
            put(tmp_path / name, (shared_dir / "data" / name).read_bytes())

    assert import_folder(store, tmp_path, person="ana") == Imported(len(chosen), len(chosen), ())

    splits = {read_scan(tmp_path / row["image"]).sha256: row["split"] for row in chosen}
    assert {scan.sha256: scan.split for scan in store.scans()} == splits
