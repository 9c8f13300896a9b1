"""Lists of the pages at ten thousand scans: a page of pictures, not the store's, and quick."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from causalseg.annotations import LabelStore
from causalseg.annotations.queue.search import Query
from causalseg.annotations.store.encoded_picture import Picture
from causalseg.ui import picture_list
from causalseg.ui.work.handlers import waiting
from tests.annotations.queue.test_ten_thousand import LIMIT_SECONDS, SCANS, fill, name, seconds
from tests.annotations.samples import save
from tests.ui.pages.world import phantom_scan


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> LabelStore:
    """Ten thousand scans; each has a thumbnail, as an import leaves it."""
    store = LabelStore(tmp_path_factory.mktemp("large") / "labels")
    save(store)
    jpeg = Picture(phantom_scan(0)[0].image_u8).thumbnail_jpeg
    with closing(sqlite3.connect(store.database.path)) as database:
        fill(database, np.random.default_rng(0).normal(size=(SCANS, 8)).astype("<f4"))
        rows = ((name(number), 0, jpeg) for number in range(SCANS))
        database.executemany("INSERT INTO thumbnails VALUES (?, ?, ?)", rows)
        database.commit()
    return store


@pytest.mark.parametrize(
    "query", [Query(), Query(state="done"), Query(state="not_started"), Query(modality="ct", text="lesion")], ids=str
)
@pytest.mark.parametrize("offset", [0, 1000])
def test_a_page_of_ten_thousand_scans_is_quick_and_has_fifty_pictures(
    large: LabelStore, query: Query, offset: int
) -> None:
    shown = picture_list.listed(large, query, offset)

    assert shown.count('class="card"') == picture_list.LINES
    assert shown.count("data:image/jpeg") >= picture_list.LINES - 1
    assert f"{offset + 1:,}–{offset + picture_list.LINES:,} of " in shown
    assert seconds(lambda: picture_list.listed(large, query, offset)) < LIMIT_SECONDS


def test_what_waits_for_a_purge_is_counted_quickly(large: LabelStore) -> None:
    assert seconds(lambda: waiting(large)) < LIMIT_SECONDS


def test_a_page_beyond_the_end_is_the_first_one(tmp_path: Path) -> None:
    store = LabelStore(tmp_path / "labels")
    save(store)

    assert "1–1 of 1" in picture_list.listed(store, Query(), offset=50)


def test_what_people_wrote_is_text_and_no_html(tmp_path: Path) -> None:
    store = LabelStore(tmp_path / "labels")
    save(store, description="<img src=x onerror=alert(1)>", person='"><script>')

    shown = picture_list.listed(store, Query())

    assert "<img src=x" not in shown and "<script>" not in shown
    assert "&lt;img src=x" in shown
