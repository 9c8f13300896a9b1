"""MCDRL's texts: one file of `dictionaries` a modality, with its classes and its twelve kinds of confounder.

The paper has one such dictionary, for endoscopy, in five groups; the terms are the paper's, the exact prompts and the
dictionaries of the other modalities are a *reconstruction* after its pattern.
"""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from causalseg.records import said_of
from causalseg.scan.scan import MODALITIES

DICTIONARIES_DIR = Path(__file__).with_name("dictionaries")
ALL = "all"
SIZE = 12
"""Confounders of a dictionary, as published: the best of 3, 12 and 15."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ScanDictionary:
    """The texts of one modality."""

    modality: str
    scan: str
    """"an endoscopic image": what a class is in."""
    image: str
    """"an endoscopy image": what a confounder is with."""
    classes: Annotated[tuple[str, ...], Field(min_length=1)]
    groups: Annotated[dict[str, tuple[str, ...]], Field(alias="confounders")]
    """Confounders by group."""

    def __post_init__(self) -> None:
        if self.modality not in MODALITIES:
            raise ValueError(f"unknown modality; known are {list(MODALITIES)}")
        if len({*self.confounders}) != SIZE or len(self.confounders) != SIZE:
            raise ValueError(f"give {SIZE} different confounders, not {len(self.confounders)}")

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
    try:
        return ScanDictionary(modality=path.stem, **yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise ValueError(f"{path.name}: {said_of(error)}") from error
