"""The model looks at the pictures of the store, so that the queue can choose by what it finds. No Gradio here.

A picture is asked for what people look for in its modality.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from causalseg.acquisition import signal_of
from causalseg.annotations.queue import picture_signals
from causalseg.annotations.store import LabelStore
from causalseg.engine import Engine
from causalseg.scan import Scan
from causalseg.ui import shared_text

_AT_ONCE = 64
"""Pictures asked for at a time, so that what comes meanwhile is seen too."""


class Looked(NamedTuple):
    """How far the model is."""

    done: int
    left: int


def unseen(store: LabelStore, engine: Engine) -> int:
    """Pictures that the model which is served now has not looked at."""
    query = (
        "SELECT COUNT(*) FROM items JOIN scans ON scans.sha256 = items.scan_sha256 AND scans.deleted_at IS NULL "
        'LEFT JOIN signals ON signals.scan_sha256 = items.scan_sha256 AND signals."index" = items."index" '
        "AND signals.model = ? WHERE signals.model IS NULL"
    )
    return store.database.rows(query, (engine.name,))[0][0]


def look(store: LabelStore, engine: Engine, is_stopped: Callable[[], bool]) -> Iterator[Looked]:
    """Look at every picture that was not looked at, one after the other; told before each and at the end.

    Raises:
        StoreError: a picture is damaged, or the disk refuses; what was looked at stays.
    """
    model, usual, done = engine.name, _usual_descriptions(store), 0
    while places := picture_signals.missing(store, model=model, limit=_AT_ONCE):
        left = unseen(store, engine)
        for number, place in enumerate(places):
            if is_stopped():
                return
            yield Looked(done, left - number)
            scan = store.reopened(*place)
            picture_signals.put(store, {place: signal_of(engine, scan, _description(scan, usual))}, model=model)
            done += 1
    yield Looked(done, 0)


def _usual_descriptions(store: LabelStore) -> dict[str | None, str]:
    """What people look for most often, by modality."""
    query = (
        "SELECT scans.modality, labels.description FROM labels JOIN scans ON scans.sha256 = labels.scan_sha256 "
        "WHERE TRIM(labels.description) <> '' GROUP BY scans.modality, labels.description ORDER BY COUNT(*)"
    )
    return dict(store.database.rows(query))


def _description(scan: Scan, usual: Mapping[str | None, str]) -> str:
    return usual.get(scan.modality) or shared_text.suggestions(scan.modality)[0]
