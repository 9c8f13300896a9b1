"""What a user has is requirements.txt alone: a package that only the tools bring is missing there."""

import json
import re

import pytest

from tests.user.environment import ROOT, run

MEND = "`.venv` holds more than requirements.txt names, or less: `make clean`, then again."
_LIST = "import importlib.metadata as m, json; print(json.dumps([d.name for d in m.distributions()]))"


def wanted(path: str) -> set[str]:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    return {re.split(r"[^\w-]", line)[0].lower().replace("_", "-") for line in lines if line[:1].isalpha()}


@pytest.fixture(scope="module")
def installed() -> set[str]:
    return {name.lower().replace("_", "-") for name in json.loads(run(["-c", _LIST]).stdout)}


def test_all_of_requirements_txt_is_there(installed: set[str]) -> None:
    assert wanted("requirements.txt") - installed == set(), MEND


def test_nothing_of_the_development_list_is_there(installed: set[str]) -> None:
    assert wanted("requirements-dev.txt") & installed == set(), MEND
    assert "No module named 'pytest'" in run(["-c", "import pytest"]).stderr, MEND


def test_the_app_and_every_module_of_it_can_be_imported() -> None:
    """Of training: what fine-tuning needs; the rest of it may need packages for development."""
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for folder in ("causalseg", "training/finetune")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path.name != "__main__.py"
    ]

    done = run(["-c", f"import importlib\nfor name in {modules}: importlib.import_module(name)"])

    assert done.returncode == 0, done.stderr
