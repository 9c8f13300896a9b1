"""One line of training data, wherever it comes from."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """A scan, its mask and what the mask shows: one line of an `index.csv`."""

    set: str
    split: str
    role: str
    modality: str
    target: str
    patient: str
    site: str
    image: Path
    """A file, or a picture inside a shard (see `training.data.shards`)."""
    mask: Path
    text: str
