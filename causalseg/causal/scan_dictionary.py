"""MCDRL's texts: one file of `dictionaries` a modality, with its classes and its twelve kinds of confounder.

The paper has one such dictionary, for endoscopy, in five groups; the terms are the paper's, the exact prompts and the
dictionaries of the other modalities are a *reconstruction* after its pattern.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from causalseg.scan import MODALITIES

DICTIONARIES_DIR = Path(__file__).with_name("dictionaries")
ALL = "all"
SIZE = 12
"""Confounders of a dictionary, as published: the best of 3, 12 and 15."""
_KEYS = {"scan", "image", "classes", "confounders"}


@dataclass(frozen=True, slots=True)
class ScanDictionary:
    """The texts of one modality."""

    modality: str
    scan: str
    """"an endoscopic image": what a class is in."""
    image: str
    """"an endoscopy image": what a confounder is with."""
    classes: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    """Confounders by group."""

    @property
    def confounders(self) -> tuple[str, ...]:
        """All groups after one another."""
        return tuple(name for group in self.groups.values() for name in group)

    def class_texts(self) -> list[str]:
        """ "A polyp in an endoscopic image", one a class."""
        return [f"A {name} in {self.scan}" for name in self.classes]

    def confounder_texts(self) -> list[str]:
        """ "An endoscopy image with blur", one a confounder: the dictionary Z."""
        return [f"{self.image[0].upper()}{self.image[1:]} with {name}" for name in self.confounders]

    def class_texts_with_confounders(self, name: str) -> list[str]:
        """ "A polyp in an endoscopy image with blur", one a confounder: t_{k,m} of class `name`."""
        return [f"A {name} in {self.image} with {confounder}" for confounder in self.confounders]


def load_scan_dictionaries(which: str = ALL, folder: Path = DICTIONARIES_DIR) -> tuple[ScanDictionary, ...]:
    """The dictionary of one modality, or those of all.

    Raises:
        ValueError: `which` is neither a modality that has one nor "all", or a file is not as it should be.
    """
    found = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    if which != ALL and which not in found:
        raise ValueError(f"no dictionary {which!r}; known are {[ALL, *found]}")
    return tuple(_read(path) for name, path in found.items() if which in (ALL, name))


def _read(path: Path) -> ScanDictionary:
    values: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict) or values.keys() != _KEYS:
        raise ValueError(f"{path.name} must hold exactly {sorted(_KEYS)}")
    if path.stem not in MODALITIES:
        raise ValueError(f"{path.name}: unknown modality; known are {list(MODALITIES)}")
    groups = {str(group): tuple(map(str, names)) for group, names in values["confounders"].items()}
    entry = ScanDictionary(path.stem, str(values["scan"]), str(values["image"]), tuple(values["classes"]), groups)
    if len({*entry.confounders}) != SIZE or len(entry.confounders) != SIZE:
        raise ValueError(f"{path.name}: give {SIZE} different confounders, not {len(entry.confounders)}")
    return entry
