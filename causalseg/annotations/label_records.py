"""What the store keeps, as frozen records; fields are named like the columns of schema.sql, and pydantic reads them."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Bool, Float32
from pydantic import BeforeValidator, ConfigDict

from causalseg.annotations.exports.png import mask_from_png
from causalseg.scan.scan import Axis


def _from_json(value: object) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _from_png(value: object) -> object:
    return mask_from_png(value) if isinstance(value, bytes) else value


Ids = Annotated[tuple[str, ...], BeforeValidator(_from_json)]
"""A JSON list in the database."""
Mask = Annotated[Bool[np.ndarray, "height width"], BeforeValidator(_from_png)]
"""A PNG in the database."""

State = Literal["not_started", "in_progress", "done", "flagged", "approved", "sent_back"]
"""Of one person's work on one picture; the last two are said by a reviewer."""
STATES: tuple[State, ...] = ("not_started", "in_progress", "done", "flagged", "approved", "sent_back")

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

Verdict = Literal["approved", "sent_back"]


@dataclass(frozen=True, slots=True)
class StoredScan:
    """What is kept of a scan, besides the pictures that people saw of it."""

    sha256: str
    """Of the file that was opened."""
    height_px: int
    width_px: int
    format: str
    modality: str | None
    row_spacing_mm: float | None
    column_spacing_mm: float | None
    count: int
    """Slices, frames or pages in the file."""
    axis: Axis
    """What is counted: "slice", "frame" or "page"."""
    patient_key: str
    """A salted hash; never a name or a number."""
    split: Split
    """Drawn once for the patient, for ever."""
    source: str | None
    """Path of the file on this machine, only where whoever imported it asked to keep it."""
    added_at: datetime
    """UTC."""

    @property
    def spacing_mm(self) -> tuple[float, float] | None:
        """Distance between rows, between columns, in mm."""
        if self.row_spacing_mm is None or self.column_spacing_mm is None:
            return None
        return self.row_spacing_mm, self.column_spacing_mm


@dataclass(frozen=True, slots=True)
class Revision:
    """One saved mask of one person on one picture, and where it came from."""

    scan_sha256: str
    index: int
    """Which slice, frame or page of the file, from 0."""
    person: str
    number: int
    """1, 2, 3... of this person on this picture."""
    description: str
    removed: Ids
    """Ids of the confounders that were switched off."""
    model: str
    image_sha256: str
    mask_sha256: str
    parent_sha256: str | None
    """`mask_sha256` of the mask that this one corrects."""
    dice_to_proposed: float | None
    """Overlap with what the model proposed, in [0, 1]; None where nothing was proposed."""
    seconds_spent: float
    finished: bool
    """False where the person means to go on."""
    saved_at: datetime
    """UTC."""


@dataclass(frozen=True, slots=True, eq=False)
class KeptDraft:
    """An unsaved mask: no label yet, replaced by the next one of the same person, picture and description."""

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)

    scan_sha256: str
    index: int
    person: str
    description: str
    removed: Ids
    model: str
    image_sha256: str
    parent_sha256: str | None
    seconds_spent: float
    kept_at: datetime
    """UTC."""
    mask: Mask
    proposed: Mask | None
    """What the model proposed, before the person touched it."""


@dataclass(frozen=True, slots=True)
class Work:
    """How far one person is with one picture."""

    scan_sha256: str
    index: int
    person: str
    state: State
    note: str
    """Why it is flagged, or why it was sent back."""
    changed_at: datetime | None
    """UTC; None where nothing was done yet."""


@dataclass(frozen=True, slots=True)
class Review:
    """What a reviewer said of a revision."""

    scan_sha256: str
    index: int
    person: str
    number: int
    reviewer: str
    verdict: Verdict
    note: str
    reviewed_at: datetime
    """UTC."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a person says of a confounder in a picture."""

    scan_sha256: str
    index: int
    person: str
    confounder: str
    number: int
    """1, 2, 3... of this person on this confounder in this picture; the newest one counts."""
    present: bool | None
    """None: the person takes back what was said."""
    revision: int
    """Number of the person's newest mask when it was said; 0 before the first."""
    said_at: datetime
    """UTC."""


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """The model's scores of a picture, for the queue."""

    uncertainty: float
    """At least 0; larger where the model doubts its mask."""
    disagreement: float
    """At least 0; larger where switching confounders moves its mask."""
    embedding: Float32[np.ndarray, " features"]
    """Where the picture stands among the others; compared by angle."""

    def __post_init__(self) -> None:
        numbers = np.append(self.embedding, [self.uncertainty, self.disagreement])
        if not np.isfinite(numbers).all() or min(self.uncertainty, self.disagreement) < 0:
            raise ValueError("uncertainty, disagreement and embedding must be finite, the first two at least 0")


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the provenance log: who did what to which picture; no pixels and no descriptions."""

    number: int
    at: datetime
    """UTC."""
    person: str
    kind: str
    scan_sha256: str | None
    index: int | None
    detail: Annotated[dict[str, str | int | float | bool | None], BeforeValidator(_from_json)] = field(
        default_factory=dict
    )
