"""Which confounders a scan carries, three-valued, and which it may be given for a twin.

A scan that carries k, labelled so or not, is no clean twin for k: what is taken off it would leave its own k in (the
trap of the planted shortcut in docs/training.md). So a twin for k is made from a scan that is labelled free of it, or
from one that nobody labelled if real scans of its modality do not carry k by themselves. Where hardly a scan of a
modality is free of k (the endoscope's octagon), k is put in beside what is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32

from causalseg.causal.dictionary import Confounder
from training.data.rows import Row

_EVERYWHERE_FROM = 0.95
"""Share of a modality's labelled scans that carry an entry, from which no scan of it counts as free."""


class Known(NamedTuple):
    """What is known of one scan, by entry of the dictionary."""

    may_be_put: Bool[np.ndarray, " confounder"]
    """A twin may be made by putting it in."""
    is_free: Bool[np.ndarray, " confounder"]
    """It is not there: so labelled, or unlabelled where real scans do not carry it by themselves."""


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """What is known of the scans of a training."""

    said: Float32[np.ndarray, "row confounder"]
    """1: there; 0: not there; NaN: unknown."""
    may_be_put: Bool[np.ndarray, "row confounder"]
    is_free: Bool[np.ndarray, "row confounder"]

    @classmethod
    def of(
        cls, rows: Sequence[Row], dictionary: Sequence[Confounder], labels: Sequence[Mapping[str, bool]]
    ) -> "Carried":
        """From what is said of each row."""
        said = as_table(labels, dictionary)
        modalities = np.array([row.modality for row in rows])
        put, free = np.zeros(said.shape, bool), np.zeros(said.shape, bool)
        for k, entry in enumerate(dictionary):
            for modality in np.unique(modalities):
                here = modalities == modality
                mine = said[here, k]
                told = mine[~np.isnan(mine)]
                everywhere = len(told) > 0 and bool(told.mean() >= _EVERYWHERE_FROM)
                free[here, k] = (mine == 0) | (np.isnan(mine) & (modality not in entry.native_to))
                if entry.simulator and modality in entry.modalities:
                    put[here, k] = free[here, k] | everywhere | (not len(told))
        return cls(said, put, free)

    def known(self, row: int) -> Known:
        """Of one row."""
        return Known(self.may_be_put[row], self.is_free[row])


def as_table(
    labels: Sequence[Mapping[str, bool]], dictionary: Sequence[Confounder]
) -> Float32[np.ndarray, "row confounder"]:
    """What is said of each row, by entry: 1, 0, or NaN where nothing is."""
    return np.array([[said.get(entry.id, np.nan) for entry in dictionary] for said in labels], np.float32)
