"""Which picture a person gets next, and why.

In this order: what a reviewer sent back to them; what nobody has done yet; what they began and left; what they skipped.
Among the new ones most are chosen by how much there is to learn from them (`value_of_labelling`), and a random share
for control: one in five at first, so that choosing can be compared with chance. Every choice is an event, with what
it was chosen by. Nothing here needs a model: its `Signal`s are rows of the store.

Choosing and writing down who got it is one transaction: two people who ask at once get two pictures.
"""

import hashlib
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Float64
from scipy.stats import rankdata

from causalseg.annotations.label_records import Split, StoredScan
from causalseg.annotations.queue.picture_signals import EMBEDDING_TYPE
from causalseg.annotations.store import LabelStore, event_log
from causalseg.annotations.store.database import Value, now, records
from causalseg.annotations.store.scans import raise_if_unknown, signed

Why = Literal["sent_back", "control", "uncertainty", "disagreement", "diversity", "arrival", "begun", "skipped"]

CRITERIA: tuple[Why, ...] = ("uncertainty", "disagreement", "diversity")
_MAX_ANCHORS = 256
"""Labelled pictures that a new one is compared with, the newest ones: bounds the time that a choice takes."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How the queue chooses."""

    control_share: float = 0.2
    """Of the new pictures, chosen at random; in [0, 1]."""
    seed: int = 0
    """Of the random choices."""
    uncertainty: float = 1.0
    """Weight, at least 0."""
    disagreement: float = 1.0
    """Weight, at least 0."""
    diversity: float = 1.0
    """Weight, at least 0."""
    readers: int = 1
    """How many people are to draw on each picture."""
    claim_minutes: float = 30.0
    """How long a picture that was given to one person is kept from the others."""
    modality: str | None = None
    """Only these pictures."""
    split: Split | None = None
    """Only these pictures."""

    def __post_init__(self) -> None:
        if not 0 <= self.control_share <= 1:
            raise ValueError(f"control_share must be in [0, 1], got {self.control_share}")
        if min(self.uncertainty, self.disagreement, self.diversity) < 0:
            raise ValueError("weights must be at least 0")
        if self.readers < 1:
            raise ValueError(f"readers must be at least 1, got {self.readers}")


@dataclass(frozen=True, slots=True)
class Turn:
    """A picture for a person."""

    scan: StoredScan
    index: int
    image_sha256: str
    """For `LabelStore.picture_u8`; `LabelStore.reopened` makes a scan of it."""
    why: Why
    reason: str
    """One sentence for the person."""


class _Candidate(NamedTuple):
    """A row of the query in `_candidates`; there may be ten thousand."""

    item: int
    scan_sha256: str
    index: int
    state: str | None
    note: str | None
    skipped_at: str | None
    """None also where something new was said of it since."""
    uncertainty: float | None
    """None where no model has looked at it, as the next two."""
    disagreement: float | None
    embedding: bytes | None


@dataclass(frozen=True, slots=True)
class _Choice:
    candidate: _Candidate
    why: Why
    reason: str


STANDARD = Policy()


def next_scan(
    store: LabelStore, person: str, policy: Policy = STANDARD, *, after: tuple[str, int] | None = None
) -> Turn | None:
    """The next picture for a person; None where nothing is left for them.

    Args:
        store: where to look.
        person: who asks.
        policy: how to choose.
        after: (scan sha256, index) of what is open now, which is not given again.
    """
    name = signed(person)
    with store.database.writing() as connection:
        candidates = [one for one in _candidates(connection, name, policy) if (one.scan_sha256, one.index) != after]
        choice = _choose(connection, name, candidates, policy)
        if choice is None:
            return None
        _write_down(connection, name, choice, policy, left=len(candidates))
        chosen = choice.candidate
        image = connection.execute("SELECT image_sha256 FROM items WHERE id = ?", (chosen.item,)).fetchone()[0]
        query = "SELECT * FROM scans WHERE sha256 = ?"
        (scan,) = records(StoredScan, connection.execute(query, (chosen.scan_sha256,)))
    return Turn(scan, chosen.index, image, choice.why, choice.reason)


def skip(store: LabelStore, scan_sha256: str, person: str, index: int = 0) -> None:
    """Put a picture back; this person gets it again only when nothing else is left."""
    name = signed(person)
    with store.database.writing() as connection:
        raise_if_unknown(connection, scan_sha256, index)
        connection.execute(
            'INSERT INTO turns (scan_sha256, "index", person, skipped_at) VALUES (?, ?, ?, ?) '
            "ON CONFLICT DO UPDATE SET skipped_at = excluded.skipped_at, served_at = NULL",
            (scan_sha256, index, name, now()),
        )
        event_log.record(connection, name, "skipped", scan_sha256, index)


def value_of_labelling(
    uncertainty: Float[np.ndarray, " pictures"],
    disagreement: Float[np.ndarray, " pictures"],
    embeddings: Float32[np.ndarray, "pictures features"],
    labelled: Float32[np.ndarray, "anchors features"],
    policy: Policy = STANDARD,
) -> Float64[np.ndarray, "pictures criteria"]:
    """What each picture would teach, by each of `CRITERIA`: weight times its rank among all, in (0, 1].

    Diversity is the angle to the nearest labelled picture (the greedy k-centre rule, Sener and Savarese, ICLR 2018);
    without any labelled picture it counts nothing. The picture with the largest sum over the criteria comes first.
    """
    apart = _distance_to_nearest(embeddings, labelled)
    weights = (policy.uncertainty, policy.disagreement, policy.diversity if len(labelled) else 0.0)
    ranks = [rankdata(values, method="average") / max(len(values), 1) for values in (uncertainty, disagreement, apart)]
    return np.stack([weight * rank for weight, rank in zip(weights, ranks, strict=True)], axis=1)


def _candidates(connection: sqlite3.Connection, person: str, policy: Policy) -> list[_Candidate]:
    """What may be given to this person, in the order in which it came."""
    claimed_since = (datetime.now(UTC) - timedelta(minutes=policy.claim_minutes)).isoformat(timespec="microseconds")
    query = """
        WITH taken AS (
            SELECT scan_sha256, "index", COUNT(DISTINCT person) AS readers FROM (
                SELECT scan_sha256, "index", person FROM work WHERE state <> 'flagged' AND person <> :person
                UNION ALL
                SELECT scan_sha256, "index", person FROM turns WHERE served_at > :claimed_since AND person <> :person
            ) GROUP BY scan_sha256, "index"
        )
        SELECT items.id, items.scan_sha256, items."index", work.state, work.note,
               CASE WHEN turns.skipped_at >= COALESCE(work.changed_at, '') THEN turns.skipped_at END,
               signals.uncertainty, signals.disagreement, signals.embedding
        FROM items
        JOIN scans ON scans.sha256 = items.scan_sha256 AND scans.deleted_at IS NULL
        LEFT JOIN work ON work.scan_sha256 = items.scan_sha256 AND work."index" = items."index"
                      AND work.person = :person
        LEFT JOIN turns ON turns.scan_sha256 = items.scan_sha256 AND turns."index" = items."index"
                       AND turns.person = :person
        LEFT JOIN signals ON signals.scan_sha256 = items.scan_sha256 AND signals."index" = items."index"
        LEFT JOIN taken ON taken.scan_sha256 = items.scan_sha256 AND taken."index" = items."index"
        WHERE (work.state IS NULL OR work.state IN ('sent_back', 'in_progress'))
          AND (work.state IS NOT NULL OR COALESCE(taken.readers, 0) < :readers)
          AND (:modality IS NULL OR scans.modality = :modality)
          AND (:split IS NULL OR scans.split = :split)
        ORDER BY items.id
    """
    values: dict[str, Value] = {
        "person": person,
        "claimed_since": claimed_since,
        "readers": policy.readers,
        "modality": policy.modality,
        "split": policy.split,
    }
    return list(map(_Candidate._make, connection.execute(query, values)))


def _choose(
    connection: sqlite3.Connection, person: str, candidates: list[_Candidate], policy: Policy
) -> _Choice | None:
    waiting = [one for one in candidates if one.skipped_at is None]
    for one in waiting:
        if one.state == "sent_back":
            return _Choice(one, "sent_back", f"A reviewer sent it back: {one.note or 'look at it again.'}")
    new = [one for one in waiting if one.state is None]
    if new:
        return _choose_new(connection, person, new, policy)
    if waiting:
        return _Choice(waiting[0], "begun", "You began it and have not finished it.")
    if candidates:
        longest_ago = min(candidates, key=lambda one: one.skipped_at or "")
        return _Choice(longest_ago, "skipped", "You skipped it before; nothing else is left for you.")
    return None


def _choose_new(connection: sqlite3.Connection, person: str, new: list[_Candidate], policy: Policy) -> _Choice:
    draw = _draws_so_far(connection, person)
    if _chance(policy.seed, person, draw, "whether") < policy.control_share:
        which = int(_chance(policy.seed, person, draw, "which") * len(new))
        share = f"{policy.control_share:.0%}".replace("%", " %")
        reason = f"Chosen at random, as {share} are, so that the queue can be compared with chance."
        return _Choice(new[which], "control", reason)
    seen = [one for one in new if one.embedding is not None]
    if not seen:
        reason = "The next one in the order in which they came: no model has looked at what is left."
        return _Choice(new[0], "arrival", reason)
    return _most_valuable(connection, seen, policy)


def _most_valuable(connection: sqlite3.Connection, seen: list[_Candidate], policy: Policy) -> _Choice:
    embeddings, labelled = _embeddings(connection, seen)
    value = value_of_labelling(
        np.array([one.uncertainty for one in seen], dtype=np.float64),
        np.array([one.disagreement for one in seen], dtype=np.float64),
        embeddings,
        labelled,
        policy,
    )
    best = int(value.sum(axis=1).argmax())
    criterion = int(value[best].argmax())
    below = int((value[:, criterion] < value[best, criterion]).sum())
    return _Choice(seen[best], CRITERIA[criterion], _reason(CRITERIA[criterion], below, len(seen)))


def _reason(why: Why, below: int, total: int) -> str:
    if total == 1:
        return "It is the last new one."
    share = f"{100 * below // (total - 1)} % of the {total} pictures that are left"
    return {
        "uncertainty": f"The model doubts its mask here more than in {share}.",
        "disagreement": f"Switching confounders moves its mask more than in {share}.",
        "diversity": f"It is less like anything labelled so far than {share}.",
    }[why]


def _embeddings(
    connection: sqlite3.Connection, seen: list[_Candidate]
) -> tuple[Float32[np.ndarray, "pictures features"], Float32[np.ndarray, "anchors features"]]:
    """Of the candidates and of what is labelled; one of another length, of another model, is all zero."""
    rows = connection.execute(
        """
        SELECT signals.embedding FROM work
        JOIN signals ON signals.scan_sha256 = work.scan_sha256 AND signals."index" = work."index"
        WHERE work.state <> 'flagged'
        GROUP BY work.scan_sha256, work."index" ORDER BY MAX(work.changed_at) DESC LIMIT ?
        """,
        (_MAX_ANCHORS,),
    )
    newest = connection.execute("SELECT LENGTH(embedding) FROM signals ORDER BY written_at DESC LIMIT 1").fetchone()
    nothing = bytes(newest[0])
    of_seen = [one.embedding or nothing for one in seen]
    of_labelled = [embedding for (embedding,) in rows if len(embedding) == len(nothing)]
    of_seen = [one if len(one) == len(nothing) else nothing for one in of_seen]
    features = len(nothing) // np.dtype(EMBEDDING_TYPE).itemsize
    return _matrix(of_seen, features), _matrix(of_labelled, features)


def _matrix(rows: list[bytes], features: int) -> Float32[np.ndarray, "rows features"]:
    return np.frombuffer(b"".join(rows), EMBEDDING_TYPE).astype(np.float32).reshape(len(rows), features)


def _distance_to_nearest(
    embeddings: Float32[np.ndarray, "pictures features"], labelled: Float32[np.ndarray, "anchors features"]
) -> Float32[np.ndarray, " pictures"]:
    """1 - cosine to the most similar labelled picture, in [0, 2]; 0 for an embedding that is all zero."""
    if not len(labelled):
        return np.zeros(len(embeddings), dtype=np.float32)
    nearest = (_unit(embeddings) @ _unit(labelled).T).max(axis=1)
    return np.where(embeddings.any(axis=1), 1 - nearest, 0).astype(np.float32)


def _unit(rows: Float32[np.ndarray, "rows features"]) -> Float32[np.ndarray, "rows features"]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def _chance(seed: int, person: str, draw: int, what: str) -> float:
    """A number in [0, 1) that is the same whenever the same is asked."""
    digest = hashlib.sha256(f"{seed}:{draw}:{what}:{person}".encode()).hexdigest()
    return int(digest[:13], 16) / 16**13


def _draws_so_far(connection: sqlite3.Connection, person: str) -> int:
    query = "SELECT COUNT(*) FROM events WHERE kind = 'served' AND person = ?"
    return connection.execute(query, (person,)).fetchone()[0]


def _write_down(connection: sqlite3.Connection, person: str, choice: _Choice, policy: Policy, *, left: int) -> None:
    place = (choice.candidate.scan_sha256, choice.candidate.index)
    draw = _draws_so_far(connection, person)
    connection.execute(
        'INSERT INTO turns (scan_sha256, "index", person, served_at) VALUES (?, ?, ?, ?) '
        "ON CONFLICT DO UPDATE SET served_at = excluded.served_at",
        (*place, person, now()),
    )
    event_log.record(
        connection,
        person,
        "served",
        *place,
        why=choice.why,
        left=left,
        draw=draw,
        seed=policy.seed,
        control_share=policy.control_share,
    )
