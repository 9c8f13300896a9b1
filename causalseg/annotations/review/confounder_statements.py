"""What people say of confounders: "hair is in this picture", "there are no calipers". Fine-tuning learns from it."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from causalseg.annotations.label_records import Split, Statement
from causalseg.annotations.store import LabelStore, event_log
from causalseg.annotations.store.database import OF_PERSON, OF_PICTURE, insert, now
from causalseg.annotations.store.scans import raise_if_unknown, signed


def say(
    store: LabelStore, scan_sha256: str, present: Mapping[str, bool | None], *, person: str, index: int = 0
) -> list[Statement]:
    """Keep what a person says of confounders in a picture; what was said before stays, the newest counts.

    Args:
        store: where to keep it.
        scan_sha256: of the scan.
        present: id of a confounder -> it is there, it is not there, or None: the person takes it back.
        person: who says so.
        index: which slice, frame or page.

    Returns:
        The new statements; none for what the person has said already.
    """
    place = (scan_sha256, index, signed(person))
    said = []
    with store.database.writing() as connection:
        raise_if_unknown(connection, scan_sha256, index)
        revision = connection.execute(f"SELECT MAX(number) FROM labels WHERE {OF_PERSON}", place).fetchone()[0] or 0
        for confounder, is_there in present.items():
            last = connection.execute(
                f"SELECT number, present FROM statements WHERE {OF_PERSON} AND confounder = ? "
                "ORDER BY number DESC LIMIT 1",
                (*place, confounder),
            ).fetchone()
            number, before = last or (0, None)
            if before == is_there:
                continue
            new = Statement(*place, confounder, number + 1, is_there, revision, datetime.fromisoformat(now()))
            at = new.said_at.isoformat(timespec="microseconds")
            insert(connection, "statements", {**asdict(new), "said_at": at})
            event_log.record(connection, place[2], "said", *place[:2], confounder=confounder, present=is_there)
            said.append(new)
    return said


def of(store: LabelStore, scan_sha256: str, *, person: str | None = None, index: int = 0) -> list[Statement]:
    """Everything said of a picture by everybody, or by one person, oldest first."""
    where, values = OF_PICTURE, (scan_sha256, index)
    if person is not None:
        where, values = f"{where} AND person = ?", (*values, signed(person))
    return store.database.records(Statement, f"SELECT * FROM statements WHERE {where} ORDER BY rowid", values)


def current(store: LabelStore, split: Split | None = None) -> list[Statement]:
    """What everybody says now, all over the store or in one part of the split; what was taken back is left out."""
    where, values = ("1", ()) if split is None else ("scans.split = ?", (split,))
    query = f"""
        SELECT said.* FROM statements AS said JOIN scans ON scans.sha256 = said.scan_sha256
        WHERE {where} AND scans.deleted_at IS NULL AND said.present IS NOT NULL AND said.number = (
            SELECT MAX(number) FROM statements AS later
            WHERE later.scan_sha256 = said.scan_sha256 AND later."index" = said."index"
              AND later.person = said.person AND later.confounder = said.confounder
        )
        ORDER BY said.rowid
    """
    return store.database.records(Statement, query, values)
