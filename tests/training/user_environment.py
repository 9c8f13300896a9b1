"""What a user has: `python -m training` with everything hidden that only requirements-dev.txt names.

python -m tests.training.user_environment finetune --help
"""

import re
import runpy
import sys
from importlib.machinery import PathFinder
from importlib.metadata import packages_distributions
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parents[2]


def dev_modules() -> set[str]:
    """Names by which the packages of requirements-dev.txt are imported, without those of requirements.txt."""
    names = _named("requirements-dev.txt") - _named("requirements.txt")
    return {module for module, owners in packages_distributions().items() if names & {_plain(o) for o in owners}}


def _named(file: str) -> set[str]:
    lines = (PROJECT_DIR / file).read_text(encoding="utf-8").splitlines()
    return {_plain(re.split(r"[\[<>=]", line)[0]) for line in lines if line and line[0] not in "-#"}


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", "-")


def hide(modules: set[str]) -> None:
    """Make `modules` as absent as a package that is not installed."""
    find = PathFinder.find_spec

    def find_spec(fullname: str, *rest: object) -> object:
        return None if fullname.partition(".")[0] in modules else find(fullname, *rest)  # pyright: ignore

    PathFinder.find_spec = find_spec  # pyright: ignore[reportAttributeAccessIssue]


if __name__ == "__main__":
    hide(dev_modules())
    sys.argv[0] = "training"
    runpy.run_module("training", run_name="__main__", alter_sys=True)
