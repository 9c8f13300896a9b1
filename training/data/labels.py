"""What is really in the scans: tables of labels, one line a scan and one column a confounder, three-valued.

A cell is 1 (there), 0 (not there) or empty (nobody can tell); what nobody says of a scan is missing here and means
unknown, never absent. Several folders may speak of the same scans; where they disagree, it is unknown again.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from causalseg.errors import CannotLearn
from training.data.rows import Row

Labels = dict[str, dict[str, bool]]
"""Of an image (its path in index.csv) the entries of the dictionary that somebody spoke of."""

_AS_THE_DICTIONARY = (
    *("burned_in_text", "calipers", "dark_frame", "dark_corner", "position_box", "specular_highlight"),
    *("narrow_band_colour", "mucus_bubbles", "instrument", "speckle", "gain", "acoustic_shadow", "hair", "ruler"),
    *("ink", "patches", "gel_border", "gel_bubble", "box_overlay", "vendor_logo", "colour_cast", "side_marker"),
    *("wires", "bias_field", "ghosting", "scanner_style", "defocus_blur", "motion_blur", "sensor_noise"),
    *("low_contrast", "under_exposure", "over_exposure", "compression"),
)
ENTRY_OF: Mapping[str, str] = MappingProxyType(
    {column: column for column in _AS_THE_DICTIONARY} | {"gain_uneven": "gain", "wires_tubes": "wires"}
)
"""The dictionary's id of a table's column."""
_NOT_LABELS = ("index", "image")
_SAID = {"1": True, "0": False}

PEOPLE = "people"
AI_READER = "an AI reader"
_LABELLED_BY_PEOPLE = ("isic",)
"""Bissoto, Valle, Avila: Debiasing Skin Lesion Datasets and Models? Not So Fast (ISIC workshop 2020)."""


def labelled_by(table: str) -> str:
    """Who looked at the scans of a table, by its name (a set's): to be said wherever its labels are counted."""
    return PEOPLE if table in _LABELLED_BY_PEOPLE else AI_READER


def read_labels(folders: Iterable[Path]) -> Labels:
    """All tables (`*.csv`) of the folders.

    Raises:
        FileNotFoundError: a folder holds no table.
        CannotLearn: a table names no images, or has a column or a cell that nobody knows.
    """
    said: dict[str, dict[str, set[bool]]] = {}
    for folder in folders:
        tables = sorted(folder.glob("*.csv"))
        if not tables:
            raise FileNotFoundError(f"{folder} holds no tables of labels (*.csv with a column image).")
        for table in tables:
            for image, entry, there in _read_table(table):
                said.setdefault(image, {}).setdefault(entry, set()).add(there)
    return {
        image: {entry: there.copy().pop() for entry, there in entries.items() if len(there) == 1}
        for image, entries in said.items()
    }


def _read_table(table: Path) -> list[tuple[str, str, bool]]:
    """What a table says, cell by cell, without the empty ones."""
    with table.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        columns = [column for column in reader.fieldnames or () if column not in _NOT_LABELS]
        if "image" not in (reader.fieldnames or ()):
            raise CannotLearn(f"{table} lacks the column image.")
        if unknown := [column for column in columns if column not in ENTRY_OF]:
            raise CannotLearn(f"{table} has the column {unknown[0]!r}; known are {', '.join(sorted(ENTRY_OF))}.")
        cells = [(line["image"], column, (line[column] or "").strip()) for line in reader for column in columns]
    if wrong := [cell for _, _, cell in cells if cell and cell not in _SAID]:
        raise CannotLearn(f"{table} says {wrong[0]!r}; a label is 1, 0 or empty.")
    return [(image, ENTRY_OF[column], _SAID[cell]) for image, column, cell in cells if cell]


def labels_of(rows: Sequence[Row], labels: Labels, data_dir: Path) -> list[dict[str, bool]]:
    """What is said of each row's scan; nothing of a scan that the tables do not name."""
    return [labels.get(_name_in_index(row.image, data_dir), {}) for row in rows]


def _name_in_index(image: Path, data_dir: Path) -> str:
    return image.relative_to(data_dir).as_posix() if image.is_relative_to(data_dir) else ""
