"""Which scans are reported on, and a scan as the app would hold it."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from causalseg.scan import Scan
from training.data import Row, load_image

OnProgress = Callable[[int, int], object]
Groups = dict[str, list[Row]]
"""Rows to report on, by the name of their set."""
_Item = TypeVar("_Item")

ID_SETS = ("kvasir", "busi", "isic", "qata", "btmri")
OOD_SETS = ("clinicdb", "bkai", "busbra")
ABSENT_TARGETS = ("polyp", "breast tumour", "skin lesion", "infected lung area", "glioma")
"""What the data sets show: asked of scans of the other organs."""
LUNGS = "covidct lungs"
"""The name of the rows whose target is a lung: there are two of it in a scan."""


def no_progress(done: int, total: int) -> None:
    """Say nothing."""


def reported(items: Sequence[_Item], on_progress: OnProgress) -> Iterator[_Item]:
    """The items one by one, each reported when it is done."""
    for done, item in enumerate(items, start=1):
        yield item
        on_progress(done, len(items))


def as_scan(row: Row) -> Scan:
    """A row's picture as the app would hold it."""
    image = load_image(row.image)
    return Scan(image, hashlib.sha256(row.image.read_bytes()).hexdigest(), "JPEG", row.modality)


def evaluation_rows(rows: Sequence[Row], *, split: str = "test") -> Groups:
    """Of a source set the rows of `split`, of an unseen site all rows; covidct's lungs and its two roles apart."""
    groups: Groups = {}
    for row in rows:
        if row.role != "source" or row.split == split:
            groups.setdefault(_group(row), []).append(row)
    return groups


def _group(row: Row) -> str:
    if row.set != "covidct":
        return row.set
    return LUNGS if row.target == "lung" else f"covidct {row.role}"


def things(groups: Groups) -> Groups:
    """The groups without the lungs."""
    return {name: rows for name, rows in groups.items() if name != LUNGS}


def spread(items: Sequence[_Item], count: int) -> list[_Item]:
    """At most `count` of the items, evenly spaced."""
    chosen = np.linspace(0, len(items) - 1, min(count, len(items))).astype(int)
    return [items[i] for i in np.unique(chosen)]
