"""Every command that README.md and docs/*.md give runs in the user's environment; a new one cannot be forgotten."""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from itertools import pairwise, takewhile
from pathlib import Path

import pytest
from PIL import Image

from causalseg.phantoms import make_phantom
from tests.user.documents import DOCUMENTS, module_commands, python_blocks, shell_lines
from tests.user.environment import LONGEST_SECONDS, PYTHON, ROOT, run

KNOWN = {"python", "make", "pip", "git", "cd", "docker"}
"""First words of the lines in shell blocks. Another one needs a test of its own."""
COMMANDS = module_commands()
STANDS_FOR_ANY = "STAGE"
"""A word in place of a choice: what comes before it is asked for help."""


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the documents name."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "assets").symlink_to(ROOT / "assets")
    Image.fromarray(make_phantom("endoscopy", 1).image_u8).save(folder / "scan.png")
    return folder


@pytest.fixture(scope="module")
def helped() -> dict[tuple[str, ...], tuple[int, str]]:
    """What each command says when `--help` is added."""
    asked = [[word.partition("|")[0] for word in takewhile(lambda word: word != STANDS_FOR_ANY, w)] for w in COMMANDS]
    done = subprocess.run(
        [PYTHON, "-m", "tests.user.ask_for_help"],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "300", "TERM": "dumb"},
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(COMMANDS, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_of_a_document_is_known_with_its_options(
    helped: dict[tuple[str, ...], tuple[int, str]], words: Sequence[str]
) -> None:
    code, said = helped[tuple(words)]

    assert code == 0, said
    assert re.search("usage", said, re.IGNORECASE)
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert {option for option in options if option not in said} <= {"--help"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_no_command_is_of_a_kind_that_nothing_here_runs(path: Path) -> None:
    assert {words[0] for words in shell_lines(path)} <= KNOWN


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_of_a_document_is_there(path: Path) -> None:
    targets = [target for words in shell_lines(path) if words[0] == "make" for target in words[1:]]

    done = subprocess.run(["make", "--dry-run", *targets], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_commands_are_found_in_the_documents() -> None:
    assert len(COMMANDS) > 20
    assert ("training", "versions") in COMMANDS
    targets = {words[1] for words in shell_lines(ROOT / "README.md") if words[0] == "make"}
    assert {"demo", "test"} <= targets


def commands_for_real(first: str) -> list[tuple[str, ...]]:
    return [words for words in COMMANDS if " ".join(words).startswith(first)]


@pytest.mark.parametrize("words", commands_for_real("causalseg"), ids=" ".join)
def test_a_command_of_the_app_does_what_it_says(scan: Path, words: Sequence[str]) -> None:
    done = run(["-m", *words], cwd=scan)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    for option, name in pairwise(words):
        if option == "--out":
            assert (scan / name).exists()


def test_the_versions_are_listed_where_there_are_none(scan: Path) -> None:
    done = run(["-m", "training", "versions"], cwd=scan)

    assert done.returncode == 0, done.stderr
    assert "causalseg-lite" in done.stdout


def test_answers_are_timed(scan: Path) -> None:
    done = run(["-m", "training", "speed", "--out", "results"], cwd=scan)

    assert done.returncode == 0, done.stderr
    assert list((scan / "results").glob("speed*.json"))


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if python_blocks(path)], ids=lambda path: path.name)
def test_the_python_of_a_document_runs_from_top_to_bottom(path: Path, scan: Path) -> None:
    code = python_blocks(path).replace('"scan.dcm"', '"scan.png"')

    done = run(["-c", code], cwd=scan)

    assert done.returncode == 0, done.stderr
