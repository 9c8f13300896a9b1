"""Ten thousand scans: list, filter and next each under 200 ms.

What is asserted is the quickest of five, of the asking thread's own time: others who keep the processor busy do not
make a test fail, nor do numpy's helper threads, which spin while they wait. The time by the clock on an idle machine
stands in docs/store.md.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from causalseg.annotations import LabelStore, queue
from causalseg.annotations.queue import search
from causalseg.annotations.queue.search import Query
from causalseg.annotations.store.statistics import count
from tests.annotations.samples import save

SCANS = 10_000
FEATURES = 64
LIMIT_SECONDS = 0.2
START = datetime(2026, 1, 1, tzinfo=UTC)


def name(number: int) -> str:
    return f"{number:064x}"


def at(number: int) -> str:
    return (START + timedelta(minutes=number)).isoformat(timespec="microseconds")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> LabelStore:
    """Every second scan is drawn by one of three people, by some twice; all have signals."""
    store = LabelStore(tmp_path_factory.mktemp("large") / "labels")
    save(store)
    embeddings = np.random.default_rng(0).normal(size=(SCANS, FEATURES)).astype("<f4")
    with closing(sqlite3.connect(store.database.path)) as database:
        fill(database, embeddings)
        database.commit()
    return store


def fill(database: sqlite3.Connection, embeddings: np.ndarray) -> None:
    every, drawn = range(SCANS), range(0, SCANS, 2)
    people, splits = ("ana", "ben", "cleo"), ("train", "train", "train", "val", "test")
    add(database, "patients", ((name(n), splits[n % 5]) for n in every))
    add(
        database,
        "scans",
        (
            (
                name(n),
                512,
                512,
                "DICOM",
                ("ct", "mri")[n % 2],
                1.0,
                1.0,
                1,
                "page",
                name(n),
                splits[n % 5],
                None,
                at(n),
                None,
            )
            for n in every
        ),
    )
    add(database, "items", ((n + 10, name(n), 0, name(n), at(n)) for n in every))
    for number in (1, 2):
        add(
            database,
            "revisions",
            (
                (
                    name(n),
                    0,
                    people[n % 3],
                    number,
                    f"lesion {n}",
                    "[]",
                    "m",
                    name(n),
                    name(n),
                    None,
                    0.9,
                    30.0,
                    1,
                    at(n),
                )
                for n in drawn[:: 3 if number == 2 else 1]
            ),
        )
    add(database, "work", ((name(n), 0, people[n % 3], ("done", "in_progress")[n % 4 // 2], "", at(n)) for n in drawn))
    add(database, "signals", ((name(n), 0, "m", n / SCANS, n % 7, embeddings[n].tobytes(), at(n)) for n in every))


def add(database: sqlite3.Connection, table: str, rows: object) -> None:
    first, *others = rows  # pyright: ignore[reportGeneralTypeIssues]
    database.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(first))})", [first, *others])


def seconds(work: Callable[[], object]) -> float:
    """The quickest of five."""
    taken = []
    for _ in range(5):
        began = time.thread_time()
        work()
        taken.append(time.thread_time() - began)
    return min(taken)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), SCANS + 1),
        (Query(state="not_started"), SCANS // 2),
        (Query(state="done"), SCANS // 4 + 1),
        (Query(state="done", person="ana"), None),
        (Query(state="not_started", person="ana"), None),
        (Query(modality="mri", split="val"), SCANS // 10),
        (Query(text="LESION 77"), None),
        (Query(text="nowhere"), 0),
        (Query(since=START, until=START + timedelta(minutes=100)), 100),
        (Query(state="in_progress", person="ben", modality="ct", split="train", text="lesion"), None),
    ],
    ids=str,
)
@pytest.mark.parametrize("offset", [0, 5000])
def test_list_and_filter(large: LabelStore, query: Query, expected: int | None, offset: int) -> None:
    assert seconds(lambda: search.find(large, query, limit=50, offset=offset)) < LIMIT_SECONDS
    if expected is not None:
        assert search.find(large, query).total == expected


@pytest.mark.parametrize("policy", [queue.STANDARD, queue.Policy(control_share=0.0), queue.Policy(readers=3)])
def test_next(large: LabelStore, policy: queue.Policy) -> None:
    assert queue.next_scan(large, "ana", policy) is not None
    assert seconds(lambda: queue.next_scan(large, "ana", policy)) < LIMIT_SECONDS


def test_numbers_and_saving(large: LabelStore, tmp_path: Path) -> None:
    assert seconds(lambda: count(large)) < LIMIT_SECONDS
    assert seconds(lambda: save(large)) < LIMIT_SECONDS
