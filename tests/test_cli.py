"""The command line, as a person would use it."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from causalseg.__main__ import main
from causalseg.causal.dictionary import load_dictionary
from causalseg.phantoms import make_phantom
from tests.scan.sample_files import make_dicom


@pytest.fixture(scope="module")
def scan_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scan") / "scan.png"
    Image.fromarray(make_phantom("dermoscopy", 1).image_u8).save(path)
    return path


def test_segment_writes_a_mask_of_the_scans_size_and_reports_it(
    scan_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mask.png"

    code = main(["segment", str(scan_path), "--text", "skin lesion", "--out", str(out), "--json"])

    assert code == 0
    report = json.loads(capsys.readouterr().out)
    mask = np.asarray(Image.open(out))
    assert mask.shape == (report["height"], report["width"])
    assert set(np.unique(mask)) <= {0, 255}
    assert int((mask == 255).sum()) == report["area_px"]
    assert set(report["confounders"]) == {entry.id for entry in load_dictionary()}


@pytest.mark.parametrize("remove", ["none", "detected", "hair"])
def test_a_typed_confounder_is_removed_beside_the_others(
    scan_path: Path, remove: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["segment", str(scan_path), "--text", "skin lesion", "--remove", remove, "--json"]
    assert main(asked) == 0
    before = json.loads(capsys.readouterr().out)

    assert main([*asked, "--typed", " a cable  across the image", "--typed", "fog"]) == 0

    after = json.loads(capsys.readouterr().out)
    assert after["removed"] == [*before["removed"], "a cable across the image", "fog"]
    assert after["confounders"].keys() - before["confounders"].keys() == {"a cable across the image", "fog"}


@pytest.mark.parametrize(("remove", "removed"), [("none", []), ("hair,defocus_blur", ["defocus_blur", "hair"])])
def test_remove_takes_none_or_ids(
    scan_path: Path, capsys: pytest.CaptureFixture[str], remove: str, removed: list[str]
) -> None:
    assert main(["segment", str(scan_path), "--text", "skin lesion", "--remove", remove, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == removed


@pytest.fixture(scope="module")
def volume_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scan") / "scan.dcm"
    grey = make_phantom("ct", 1).image_u8[..., 0].astype(np.int16)
    path.write_bytes(make_dicom(np.stack([grey, grey[::-1], grey * 0]), WindowCenter=100, WindowWidth=250))
    return path


@pytest.mark.parametrize(
    ("arguments", "slice_number", "window"),
    [
        ([], 1, [100, 250]),
        (["--slice", "2"], 2, [100, 250]),
        (["--slice", "3", "--window", "40,400"], 3, [40, 400]),
        (["--window", "Lung"], 1, [-600, 1500]),
    ],
)
def test_slice_and_window_choose_what_is_segmented(
    volume_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], slice_number: int, window: list[int]
) -> None:
    assert main(["segment", str(volume_path), "--text", "lung", "--json", *arguments]) == 0
    report = json.loads(capsys.readouterr().out)

    assert (report["slice"], report["slices"], report["window"]) == (slice_number, 3, window)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--slice", "4"], "choose one from 1 to 3"),
        (["--slice", "0"], "choose one from 1 to 3"),
        (["--window", "moonlight"], "one of: file: window 1, lung"),
        (["--window", "40,-1"], "no such window"),
    ],
)
def test_a_slice_or_window_that_is_not_there_is_a_sentence_and_exit_code_2(
    volume_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(["segment", str(volume_path), "--text", "lung", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_confounders_lists_every_entry(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["confounders"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert [line.split()[0] for line in lines] == [entry.id for entry in load_dictionary()]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--text", ""], "Type what to look for"),
        (["--text", "p" * 5000], "shorten it"),
        (["--text", "mole", "--remove", "moonlight"], "no confounder 'moonlight'"),
        (["--text", "mole", "--out", "/no/such/folder/mask.png"], "Give another --out"),
    ],
)
def test_bad_input_is_a_sentence_and_exit_code_2(
    scan_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(["segment", str(scan_path), *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert "Traceback" not in error


def test_bad_files_are_a_sentence_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = io.BytesIO()
    Image.fromarray(make_phantom("endoscopy", 1).image_u8).save(whole, "JPEG")
    bad = {"empty.png": b"", "text.png": b"hello, not a picture", "cut.jpg": whole.getvalue()[:900]}
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)

        assert main(["segment", str(tmp_path / name), "--text", "polyp"]) == 2
        error = capsys.readouterr().err
        assert error.strip().endswith(".")
        assert "Traceback" not in error
    assert main(["segment", str(tmp_path / "missing.png"), "--text", "polyp"]) == 2
