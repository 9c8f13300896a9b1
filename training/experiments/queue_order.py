"""In which order the store's queue would give the pictures of a site to one person who corrects them all."""

from collections.abc import Sequence

import numpy as np

from causalseg.acquisition import signal_of
from causalseg.annotations.queue import STANDARD, value_of_labelling
from causalseg.checkpoints import CheckpointEntry
from causalseg.engine import Engine
from causalseg.models.network import SegmentationNetwork
from causalseg.scan import read_scan
from training.data.rows import Row


class Value:
    """The model's scores of every picture, computed once, and the queue's choices from them."""

    def __init__(self, network: SegmentationNetwork, entry: CheckpointEntry, rows: Sequence[Row]) -> None:
        engine = Engine(network, entry)
        signals = [signal_of(engine, read_scan(row.image), row.target) for row in rows]
        self._uncertainty = np.array([one.uncertainty for one in signals])
        self._disagreement = np.array([one.disagreement for one in signals])
        self._embeddings = np.stack([one.embedding for one in signals])

    def first(self, count: int, seed: int) -> list[int]:
        """Indices of the pictures that the queue gives first, its control share at random."""
        rng, left, given = np.random.default_rng(seed), list(range(len(self._embeddings))), list[int]()
        while left and len(given) < count:
            if rng.random() < STANDARD.control_share:
                place = int(rng.integers(len(left)))
            else:
                value = value_of_labelling(
                    self._uncertainty[left], self._disagreement[left], self._embeddings[left], self._embeddings[given]
                )
                place = int(value.sum(axis=1).argmax())
            given.append(left.pop(place))
        return given
