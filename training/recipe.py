"""A recipe: everything that makes a checkpoint, in one YAML file; an unknown key is an error.

The stages run one after another, each in a folder of its own below the run's. A stage starts from an earlier one by its
name, from a checkpoint of the manifest, from a run's folder, or from `imagenet`; of several starts it takes the mean.
"""

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from causalseg.errors import CannotLearn
from causalseg.models.build import Architecture
from training.runs import IMAGENET, RANDOM
from training.stages.detect import DetectSettings
from training.stages.observe import ObserveSettings
from training.stages.restore import RestoreSettings

RECIPES_DIR = Path(__file__).parent / "recipes"


class _Step(BaseModel):
    """What a recipe adds to a stage's settings."""

    name: str
    """Of the stage's folder, and how later stages call it."""
    start: list[str] = [IMAGENET]

    @field_validator("start", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class ObserveStep(_Step, ObserveSettings):
    """A stage observe."""


class RestoreStep(_Step, RestoreSettings):
    """A stage restore."""


class DetectStep(_Step, DetectSettings):
    """A stage detect."""


Step = ObserveStep | RestoreStep | DetectStep


class ReleaseSettings(BaseModel):
    """The stage release."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    licence: str
    draws: dict[str, int] = {}
    """Validation scans of a set that thresholds are chosen on, as in a stage's draws."""


class Recipe(BaseModel):
    """What makes a checkpoint."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    architecture: Architecture | None = None
    """Without it that of the first stage's start."""
    data: dict[str, str] = {}
    """Title and terms of each set that may be learnt from."""
    scans_a_set: int | None = Field(default=None, ge=1)
    """At most so many scans of a set and split are read at all: for trials."""
    stages: list[Annotated[Step, Field(discriminator="stage")]] = Field(min_length=1)
    release: ReleaseSettings | None = None

    @model_validator(mode="after")
    def _starts_are_known(self) -> "Recipe":
        names = [stage.name for stage in self.stages]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two stages are called {sorted(twice)[0]}")
        for number, stage in enumerate(self.stages):
            if later := sorted(set(names[number:]) & {*stage.start}):
                raise ValueError(f"stage {stage.name} starts from {later[0]}, which comes later")
        if self.architecture is None and self.stages[0].start[0] in (IMAGENET, RANDOM):
            raise ValueError("architecture is missing: the first stage starts from no checkpoint that would tell it")
        return self

    @property
    def stage_names(self) -> list[str]:
        """In their order."""
        return [stage.name for stage in self.stages]

    def line_of(self, name: str) -> str:
        """A set's line in the model card and in the manifest."""
        return self.data.get(name, f"{name}, train part (terms not stated)")


def load_recipe(name: str) -> Recipe:
    """A recipe of this project by its name, or any file by its path.

    Raises:
        FileNotFoundError: there is none.
        CannotLearn: it cannot be used; the message says why.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else RECIPES_DIR / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(recipe.stem for recipe in RECIPES_DIR.glob("*.yaml")))
        raise FileNotFoundError(f"There is no recipe {name}; there are {known}, or give a path to a YAML file.")
    values: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'recipe'}: {one['msg']}" for one in error.errors())
        raise CannotLearn(f"The recipe {path} cannot be used. {problems}") from None
