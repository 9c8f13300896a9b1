"""Styles, scripts and example scans: files of the folder assets/."""

from causalseg.checkpoints import PROJECT_DIR

ASSETS_DIR = PROJECT_DIR / "assets"


def script(name: str) -> str:
    """A script of the folder, to be run in the browser."""
    return (ASSETS_DIR / name).read_text(encoding="utf-8")
