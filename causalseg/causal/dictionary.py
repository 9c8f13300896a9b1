"""The confounder dictionary: what may be in a scan without being the thing one looks for.

One entry of `confounders.yaml` is one confounder: its name, where it occurs, the phrases that the text tower turns
into its code, and the simulator that produces it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from causalseg.scan import MODALITIES

DICTIONARY_PATH = Path(__file__).with_name("confounders.yaml")
FAMILIES = ("acquisition device", "imaging mode", "artefact", "illumination", "view", "annotation mark")
SCOPES = ("local", "global")
FEWEST_PROMPTS = 3


@dataclass(frozen=True, slots=True)
class Confounder:
    """One entry of the dictionary."""

    id: str
    label: str
    """As shown to a person."""
    family: str
    """One of `FAMILIES`."""
    modalities: tuple[str, ...]
    """Where it occurs; of `MODALITIES`."""
    scope: str
    """"local": in a part of the scan; "global": in all of it."""
    prompts: tuple[str, ...]
    """At least three phrases; the mean of their text codes is the confounder's code."""
    simulator: str | None
    """A name of `causal.simulate.SIMULATORS`, or None."""
    native_to: tuple[str, ...]
    """Modalities whose real scans often carry it already: such a scan is no certain clean twin."""

    def __post_init__(self) -> None:
        """Refuse values that the rest of the program does not know."""
        if self.family not in FAMILIES:
            raise ValueError(f"{self.id}: unknown family {self.family!r}; known are {list(FAMILIES)}")
        if self.scope not in SCOPES:
            raise ValueError(f"{self.id}: unknown scope {self.scope!r}; known are {list(SCOPES)}")
        if unknown := sorted({*self.modalities, *self.native_to} - {*MODALITIES}):
            raise ValueError(f"{self.id}: unknown modalities {unknown}; known are {list(MODALITIES)}")
        if not self.modalities or not {*self.native_to} <= {*self.modalities}:
            raise ValueError(f"{self.id}: modalities must not be empty and must hold all of native_to")
        if len({*self.prompts}) < max(FEWEST_PROMPTS, len(self.prompts)):
            raise ValueError(f"{self.id}: give at least {FEWEST_PROMPTS} prompts, all different")


def load_dictionary(path: Path | None = None) -> tuple[Confounder, ...]:
    """All entries in the order of the file; the one of this package where `path` is None.

    Raises:
        ValueError: an unknown or missing key, a value of the wrong kind, an unknown modality, family or scope, too
            few prompts, or an id that occurs twice.
    """
    return _default_dictionary() if path is None else _read(path)


@lru_cache(maxsize=1)
def _default_dictionary() -> tuple[Confounder, ...]:
    return _read(DICTIONARY_PATH)


def _read(path: Path) -> tuple[Confounder, ...]:
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{path.name} must hold a list of entries, each with {_KEYS}")
    confounders = tuple(_parse(entry) for entry in entries)
    ids = [confounder.id for confounder in confounders]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise ValueError(f"ids {twice} occur more than once in {path.name}")
    return confounders


_KEYS = [field.name for field in fields(Confounder)]


def _parse(entry: Mapping[str, Any]) -> Confounder:
    if entry.keys() != {*_KEYS}:
        unknown, missing = sorted(map(str, entry.keys() - {*_KEYS})), sorted({*_KEYS} - entry.keys())
        raise ValueError(f"entry {entry.get('id')!r}: unknown keys {unknown}, missing keys {missing}")
    simulator = None if entry["simulator"] is None else _text(entry, "simulator")
    return Confounder(
        id=_text(entry, "id"),
        label=_text(entry, "label"),
        family=_text(entry, "family"),
        modalities=_texts(entry, "modalities"),
        scope=_text(entry, "scope"),
        prompts=_texts(entry, "prompts"),
        simulator=simulator,
        native_to=_texts(entry, "native_to"),
    )


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry[key]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"entry {entry['id']!r}: {key} must be text, got {value!r}")
    return value


def _texts(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = entry[key]
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise ValueError(f"entry {entry['id']!r}: {key} must be a list of texts, got {value!r}")
    return tuple(value)
