"""The commands and the Python that README.md and docs/*.md give to their readers."""

import re
import shlex
from pathlib import Path

from tests.user.environment import ROOT

DOCUMENTS = [path for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md") if path.exists()] + sorted(
    path for path in (ROOT / "docs").rglob("*.md") if not path.is_relative_to(ROOT / "docs" / "results")
)
_PARALLEL = re.compile(r"^(torchrun|accelerate launch)\b.*? -m ")
"""Starts several processes of the same command."""


def python_blocks(path: Path) -> str:
    """The Python of a document, from top to bottom."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE))


def shell_lines(path: Path) -> list[list[str]]:
    """The commands in a document's shell blocks and indented blocks, as words; without comments."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"^```(?:bash|sh|shell|console)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    outside = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    indented = re.findall(r"^ {4}(python -m .*|make .*)$", outside, re.MULTILINE)
    return [words for line in [*"\n".join(blocks).splitlines(), *indented] if (words := _words(line))]


def quoted_commands(path: Path) -> list[list[str]]:
    """`python -m ...` in the sentences of a document, as words."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [_words(" ".join(found.split())) for found in re.findall(r"`(python\s+-m\s+[^`]*)`", text)]


def module_commands() -> list[tuple[str, ...]]:
    """Every `python -m causalseg` and `python -m training` of all documents, once each: the words after `-m`."""
    found = [words for path in DOCUMENTS for words in (*shell_lines(path), *quoted_commands(path))]
    commands = [tuple(words[2:]) for words in found if words[:2] == ["python", "-m"]]
    return sorted({words for words in commands if words[0] in ("causalseg", "training")})


def _words(line: str) -> list[str]:
    line = _PARALLEL.sub("python -m ", re.sub(r"^\$ ", "", line.strip()))
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    return [word for word in words if word != "..."]
