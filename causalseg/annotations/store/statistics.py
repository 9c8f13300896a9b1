"""How much is in the store, in numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

from causalseg.annotations.store import LabelStore
from causalseg.annotations.store.database import records


@dataclass(frozen=True, slots=True)
class PersonTally:
    """What one person did."""

    person: str
    labels: int
    pictures: int
    """With at least one mask."""
    seconds_spent: float
    mean_dice_to_proposed: float | None
    """How much of what the model proposed was left as it was; None where nothing was proposed."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """The store in numbers; what is deleted does not count."""

    scans: int
    pictures: int
    """Slices, frames or pages."""
    labels: int
    drafts: int
    states: Mapping[str, int]
    """Pictures of each state; one that two people work on counts for both, "not_started" is by nobody."""
    splits: Mapping[str, int]
    """Scans of each part."""
    modalities: Mapping[str, int]
    """Scans of each modality; "" where it is not known."""
    people: tuple[PersonTally, ...]
    """By name."""
    bytes_on_disk: int
    """Database, pictures and masks, with what is deleted and not yet purged."""


def count(store: LabelStore) -> Statistics:
    """The store in numbers."""
    bytes_on_disk = sum(path.stat().st_size for path in store.folder.rglob("*") if path.is_file())
    here = "JOIN scans ON scans.sha256 = {table}.scan_sha256 AND scans.deleted_at IS NULL"
    with store.database.reading() as connection:

        def number(query: str) -> int:
            return connection.execute(query).fetchone()[0]

        def groups(query: str) -> dict[str, int]:
            return dict(connection.execute(query).fetchall())

        untouched = number(
            f"SELECT COUNT(*) FROM items {here.format(table='items')} WHERE NOT EXISTS (SELECT 1 FROM work "
            'WHERE work.scan_sha256 = items.scan_sha256 AND work."index" = items."index")'
        )
        states = groups("SELECT state, COUNT(*) FROM work GROUP BY state")
        people = """
            SELECT person, COUNT(*) AS labels, COUNT(DISTINCT scan_sha256 || ':' || "index") AS pictures,
                   SUM(seconds_spent) AS seconds_spent, AVG(dice_to_proposed) AS mean_dice_to_proposed
            FROM labels GROUP BY person ORDER BY person
        """
        return Statistics(
            scans=number("SELECT COUNT(*) FROM scans WHERE deleted_at IS NULL"),
            pictures=number(f"SELECT COUNT(*) FROM items {here.format(table='items')}"),
            labels=number("SELECT COUNT(*) FROM labels"),
            drafts=number("SELECT COUNT(*) FROM drafts"),
            states={**states, **({"not_started": untouched} if untouched else {})},
            splits=groups("SELECT split, COUNT(*) FROM scans WHERE deleted_at IS NULL GROUP BY split"),
            modalities=groups(
                "SELECT COALESCE(modality, ''), COUNT(*) FROM scans WHERE deleted_at IS NULL GROUP BY modality"
            ),
            people=tuple(records(PersonTally, connection.execute(people))),
            bytes_on_disk=bytes_on_disk,
        )
