"""Scans to click: phantoms of our own, and test files inside the installed pydicom."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom.data import get_testdata_file

from causalseg.scan import Scan, read_scan
from causalseg.settings import Settings

_PYDICOM = (
    ("CT_small.dcm", "ct", "lung"),
    ("examples_rgb_color.dcm", "ultrasound", "breast tumour"),
)
"""File in pydicom's wheel, modality, description."""


@dataclass(frozen=True, slots=True)
class Example:
    """A scan to click, with something to look for in it."""

    path: Path
    modality: str
    description: str


def examples(folder: Path) -> tuple[Example, ...]:
    """Our phantoms, then those of pydicom's files that came with its wheel; nothing is downloaded."""
    rows = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    phantoms = tuple(Example(folder / row["file"], row["modality"], row["description"]) for row in rows)
    found = ((get_testdata_file(name, download=False), kind, text) for name, kind, text in _PYDICOM)
    return phantoms + tuple(Example(Path(str(path)), kind, text) for path, kind, text in found if path)


def read_example(example: Example, settings: Settings) -> Scan:
    """The example's scan, with the modality we know it has."""
    return replace(read_scan(example.path, settings=settings), modality=example.modality)
