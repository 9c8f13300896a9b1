"""The model's scores of pictures, kept for the queue. Writing them needs a model; reading them does not."""

from collections.abc import Mapping

import numpy as np

from causalseg.annotations.label_records import Signal
from causalseg.annotations.store import LabelStore
from causalseg.annotations.store.database import OF_PICTURE, insert, now
from causalseg.annotations.store.scans import raise_if_unknown

EMBEDDING_TYPE = "<f4"


def put(store: LabelStore, signals: Mapping[tuple[str, int], Signal], *, model: str) -> None:
    """Keep the signals of pictures, named by (scan sha256, index), in place of those of an earlier model.

    Raises:
        StoreError: the store does not have one of the pictures, or the disk refuses; then none is kept.
    """
    with store.database.writing() as connection:
        for (scan_sha256, index), signal in signals.items():
            raise_if_unknown(connection, scan_sha256, index)
            row = {"scan_sha256": scan_sha256, "index": index, "model": model, "written_at": now()}
            row |= {"uncertainty": signal.uncertainty, "disagreement": signal.disagreement}
            row |= {"embedding": signal.embedding.astype(EMBEDDING_TYPE).tobytes()}
            insert(connection, "signals", row, verb="INSERT OR REPLACE")


def get(store: LabelStore, scan_sha256: str, index: int = 0) -> Signal | None:
    """The signal of a picture; None where no model has looked at it."""
    query = f"SELECT uncertainty, disagreement, embedding FROM signals WHERE {OF_PICTURE}"
    for uncertainty, disagreement, embedding in store.database.rows(query, (scan_sha256, index)):
        return Signal(uncertainty, disagreement, np.frombuffer(embedding, EMBEDDING_TYPE))
    return None


def missing(store: LabelStore, *, model: str, limit: int = 100) -> list[tuple[str, int]]:
    """Pictures that `model` has not looked at, oldest first: (scan sha256, index)."""
    query = (
        'SELECT items.scan_sha256, items."index" FROM items '
        "JOIN scans ON scans.sha256 = items.scan_sha256 AND scans.deleted_at IS NULL "
        'LEFT JOIN signals ON signals.scan_sha256 = items.scan_sha256 AND signals."index" = items."index" '
        "AND signals.model = ? WHERE signals.model IS NULL ORDER BY items.id LIMIT ?"
    )
    return [(scan_sha256, index) for scan_sha256, index in store.database.rows(query, (model, limit))]
