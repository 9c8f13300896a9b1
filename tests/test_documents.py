"""What the documents point at is there: links, paths, names in paths."""

import re
from pathlib import Path

import pytest

from tests.test_newcomer import defined_in

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FILE_NAMES = {file.name for folder in ("causalseg", "training", "tests") for file in (ROOT / folder).rglob("*.*")}
MOST_README_LINES = 150
_PATH = re.compile(r"`((?:causalseg|training|tests|assets|docs)/[\w./-]+|\w+\.(?:py|yaml|toml))(?::([\w.]+))?`")
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


@every_document
def test_every_link_leads_somewhere(document: Path) -> None:
    links = _LINK.findall(document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@every_document
def test_every_path_exists_and_defines_what_is_named(document: Path) -> None:
    for path, name in _PATH.findall(document.read_text(encoding="utf-8")):
        if "NAME" in path:
            continue
        if "/" not in path and not (ROOT / path).exists():
            assert path in FILE_NAMES, path  # the sentence says in which folder
            continue
        assert (ROOT / path).exists(), path
        if name:
            assert name.split(".")[0] in defined_in(ROOT / path), f"{path}:{name}"


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= MOST_README_LINES
