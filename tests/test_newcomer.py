"""The fifteen questions of CONTRIBUTING.md lead to places that exist and define what they are said to define."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(r"^\| (Where [^|]+\?) \| `([^`:]+)(?::(\w+))?` \|$", CONTRIBUTING, re.MULTILINE)


def defined_in(path: Path) -> set[str]:
    """Names of functions, classes and constants at the top of a module."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def test_there_are_fifteen() -> None:
    rows = [line for line in CONTRIBUTING.splitlines() if line.startswith("| Where ")]
    assert len(rows) == len(QUESTIONS) == 15


@pytest.mark.parametrize(("question", "place", "name"), QUESTIONS)
def test_a_question_leads_to_its_answer(question: str, place: str, name: str) -> None:
    path = ROOT / place
    assert path.exists(), question
    if name:
        assert name in defined_in(path), question
