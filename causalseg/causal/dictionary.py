"""The confounder dictionary: what may be in a scan without being the thing one looks for.

One entry of `confounders.yaml` is one confounder: its name, where it occurs, the phrases that the text tower turns
into its code, and the simulator that produces it.
"""

from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, get_args

import yaml
from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from causalseg.records import said_of
from causalseg.scan.scan import MODALITIES

DICTIONARY_PATH = Path(__file__).with_name("confounders.yaml")
Family = Literal["acquisition device", "imaging mode", "artefact", "illumination", "view", "annotation mark"]
FAMILIES: tuple[str, ...] = get_args(Family)
Text = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Confounder:
    """One entry of the dictionary."""

    id: Text
    label: Text
    """As shown to a person."""
    family: Family
    modalities: Annotated[tuple[Text, ...], Field(min_length=1)]
    """Where it occurs; of `MODALITIES`."""
    scope: Literal["local", "global"]
    """"local": in a part of the scan; "global": in all of it."""
    prompts: Annotated[tuple[Text, ...], Field(min_length=3)]
    """At least three different phrases; the mean of their text codes is the confounder's code."""
    simulator: Text | None
    """A name of `causal.simulate.SIMULATORS`, or None."""
    native_to: tuple[Text, ...]
    """Modalities whose real scans often carry it already: such a scan is no certain clean twin."""
    hides: bool = False
    """Whether it covers what lies beneath: what is there is not known, whatever is removed."""

    def __post_init__(self) -> None:
        if unknown := sorted({*self.modalities, *self.native_to} - {*MODALITIES}):
            raise ValueError(f"unknown modalities {unknown}; known are {list(MODALITIES)}")
        if not {*self.native_to} <= {*self.modalities}:
            raise ValueError("modalities must hold all of native_to")
        if len({*self.prompts}) < len(self.prompts):
            raise ValueError("the prompts must all be different")
        if self.hides and self.scope != "local":
            raise ValueError("only a local confounder hides: a global one has no place of its own")


_ENTRIES = TypeAdapter(Annotated[tuple[Confounder, ...], Field(min_length=1)])


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
    try:
        confounders = _ENTRIES.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise ValueError(f"{path.name} must hold a list of entries: {said_of(error)}") from error
    counts = Counter(confounder.id for confounder in confounders)
    if twice := sorted(name for name, count in counts.items() if count > 1):
        raise ValueError(f"ids {twice} occur more than once in {path.name}")
    return confounders
