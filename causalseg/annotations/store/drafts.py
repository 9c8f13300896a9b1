"""Unsaved masks: kept while a person draws, replaced in place, offered again after a reload or a crash.

A draft is no label: it is not in `revisions`, not exported and not learnt from. There is one for each person, picture
and description; saving a mask of that description ends it. It is one row, its mask inside, so that a crash leaves the
old draft or the new one and nothing in between.
"""

import json
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from causalseg.annotations.store import event_log, scans
from causalseg.annotations.store.database import OF_PERSON, Value, insert, now, records
from causalseg.annotations.exports import mask_to_png
from causalseg.annotations.store.scans import signed
from causalseg.annotations.store.work_state import settle
from causalseg.annotations.store.label_store import LabelStore, raise_if_wrong_size
from causalseg.annotations.label_records import KeptDraft
from causalseg.scan import Scan

_SELECT = "SELECT *, mask_png AS mask, proposed_png AS proposed FROM drafts"
_KEY = f"{OF_PERSON} AND description = ?"


def keep(
    store: LabelStore,
    scan: Scan,
    mask: Bool[np.ndarray, "height width"],
    *,
    person: str,
    description: str,
    removed: Sequence[str] = (),
    model: str = "",
    parent_sha256: str | None = None,
    proposed: Bool[np.ndarray, "height width"] | None = None,
    seconds_spent: float = 0,
    index: int | None = None,
) -> KeptDraft:
    """Keep an unsaved mask in place of the one before; the arguments are those of `LabelStore.save`.

    Raises:
        BadCorrection: the mask does not have the scan's size, or nobody signed it.
        StoreError: the disk refuses; the mask is still with the caller, who may try again.
    """
    raise_if_wrong_size(mask, scan.hw)
    place = (scan.sha256, scan.index if index is None else index, signed(person))
    picture, kept_at = store.prepared(scan), now()
    row: dict[str, Value] = {
        "scan_sha256": place[0],
        "index": place[1],
        "person": place[2],
        "description": description,
        "removed": json.dumps(list(removed)),
        "model": model,
        "parent_sha256": parent_sha256,
        "seconds_spent": float(seconds_spent),
        "kept_at": kept_at,
        "mask_png": mask_to_png(mask),
        "proposed_png": None if proposed is None else mask_to_png(proposed),
    }
    with store.database.writing() as connection:
        scans.enter(connection, store.images, scan, picture, *place[1:])
        row["image_sha256"] = scans.keep_picture(connection, store.images, picture)
        here = connection.execute(f"SELECT 1 FROM drafts WHERE {_KEY}", (*place, description)).fetchone()
        insert(connection, "drafts", row, verb="INSERT OR REPLACE")
        settle(connection, place)
        if here is None:
            event_log.record(connection, place[2], "began", *place[:2])
        (kept,) = records(KeptDraft, connection.execute(f"{_SELECT} WHERE {_KEY}", (*place, description)))
    return kept


def find(store: LabelStore, person: str, scan_sha256: str | None = None, index: int | None = None) -> list[KeptDraft]:
    """The drafts of a person, or those on one scan or picture, newest first."""
    wanted = {"person": signed(person), "scan_sha256": scan_sha256, "index": index}
    wanted = {column: value for column, value in wanted.items() if value is not None}
    where = " AND ".join(f'"{column}" = ?' for column in wanted)
    query = f"{_SELECT} WHERE {where} ORDER BY kept_at DESC, rowid DESC"
    return store.database.records(KeptDraft, query, tuple(wanted.values()))


def discard(store: LabelStore, draft: KeptDraft) -> None:
    """Throw a draft away; nothing happens where it is gone already."""
    place = (draft.scan_sha256, draft.index, draft.person)
    with store.database.writing() as connection:
        gone = connection.execute(f"DELETE FROM drafts WHERE {_KEY}", (*place, draft.description))
        if gone.rowcount:
            settle(connection, place)
            event_log.record(connection, draft.person, "discarded", *place[:2])

