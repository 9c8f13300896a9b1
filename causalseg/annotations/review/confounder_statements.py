"""What people say of confounders: "hair is in this picture", "there are no calipers". Fine-tuning learns from it."""

from collections.abc import Mapping
from datetime import datetime

from causalseg.annotations.records import Split, Statement, by_name, columns, names
from causalseg.annotations.store import LabelStore, event_log
from causalseg.annotations.store.database import now
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

    Raises:
        BadCorrection: nobody signed.
        StoreError: the store does not have this picture, or the disk refuses.
    """
    place = (scan_sha256, index, signed(person))
    here = 'scan_sha256 = ? AND "index" = ? AND person = ?'
    said = []
    with store.database.writing() as connection:
        raise_if_unknown(connection, scan_sha256, index)
        revision = connection.execute(f"SELECT MAX(number) FROM labels WHERE {here}", place).fetchone()[0] or 0
        for confounder, is_there in present.items():
            last = connection.execute(
                f"SELECT number, present FROM statements WHERE {here} AND confounder = ? ORDER BY number DESC LIMIT 1",
                (*place, confounder),
            ).fetchone()
            number, before = last or (0, None)
            if before == is_there:
                continue
            row = (*place, confounder, number + 1, is_there, revision, now())
            connection.execute("INSERT INTO statements VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            event_log.record(connection, place[2], "said", *place[:2], confounder=confounder, present=is_there)
            said.append(_from_row(row))
    return said


def of(store: LabelStore, scan_sha256: str, *, person: str | None = None, index: int = 0) -> list[Statement]:
    """Everything said of a picture by everybody, or by one person, oldest first."""
    where, values = 'scan_sha256 = ? AND "index" = ?', (scan_sha256, index)
    if person is not None:
        where, values = f"{where} AND person = ?", (*values, signed(person))
    query = f"SELECT {columns(Statement)} FROM statements WHERE {where} ORDER BY rowid"
    return [_from_row(row) for row in store.database.rows(query, values)]


def current(store: LabelStore, split: Split | None = None) -> list[Statement]:
    """What everybody says now, all over the store or in one part of the split; what was taken back is left out."""
    where, values = ("1", ()) if split is None else ("scans.split = ?", (split,))
    query = f"""
        SELECT {", ".join(f'said."{name}"' for name in names(Statement))}
        FROM statements AS said JOIN scans ON scans.sha256 = said.scan_sha256
        WHERE {where} AND scans.deleted_at IS NULL AND said.present IS NOT NULL AND said.number = (
            SELECT MAX(number) FROM statements AS later
            WHERE later.scan_sha256 = said.scan_sha256 AND later."index" = said."index"
              AND later.person = said.person AND later.confounder = said.confounder
        )
        ORDER BY said.rowid
    """
    return [_from_row(row) for row in store.database.rows(query, values)]


def _from_row(row: tuple) -> Statement:
    values = by_name(Statement, row)
    values["present"] = None if values["present"] is None else bool(values["present"])
    values["said_at"] = datetime.fromisoformat(values["said_at"])
    return Statement(**values)
