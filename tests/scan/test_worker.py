"""Decoding apart: the same scan, and a process that may hang, die or swell alone."""

import os
import pickle
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from causalseg.errors import Cancelled, ScanTooLarge, UnreadableScan
from causalseg.scan import Scan, read_scan
from causalseg.scan.worker.messages import dump_scan, load_scan
from causalseg.settings import Settings
from tests.scan.sample_files import make_dicom, read_here

FRAMES = (np.arange(5 * 12 * 16) % 4096).reshape(5, 12, 16).astype(np.int16)
CONTENT = make_dicom(FRAMES, WindowCenter=0, WindowWidth=2000, RescaleSlope=2, RescaleIntercept=-1024)


def test_a_scan_read_apart_is_the_scan_read_here() -> None:
    here, apart = read_here(CONTENT), read_scan(CONTENT)

    np.testing.assert_array_equal(apart.image_u8, here.image_u8)
    assert here.volume is not None and apart.volume is not None
    np.testing.assert_array_equal(apart.volume.values, here.volume.values)
    assert (apart.windows, apart.window, apart.header) == (here.windows, here.window, here.header)
    np.testing.assert_array_equal(apart.view(4).image_u8, here.view(4).image_u8)


def test_progress_is_told_slice_by_slice() -> None:
    told: list[tuple[int, int]] = []

    read_scan(CONTENT, on_progress=lambda done, total: told.append((done, total)))

    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_reading_can_be_cancelled_and_the_next_file_is_read() -> None:
    def stop(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        read_scan(CONTENT, on_progress=stop)
    assert read_scan(CONTENT).count == 5


def test_a_file_that_takes_too_long_is_given_up_in_words_and_the_next_one_is_read() -> None:
    many = make_dicom(np.zeros((2500, 8, 8), np.int16), WindowCenter=0, WindowWidth=8)
    read_scan(CONTENT)  # a worker has started, however busy the machine is
    began = time.monotonic()

    with pytest.raises(UnreadableScan, match="given up"):
        read_scan(many, settings=Settings(max_open_seconds=1, max_slices=5000), on_progress=lambda *_: time.sleep(0.01))

    assert time.monotonic() - began < 20
    assert read_scan(CONTENT).count == 5


def test_a_file_that_asks_for_too_much_memory_is_refused_in_words() -> None:
    large = make_dicom(np.zeros((40, 1000, 1000), np.int16), WindowCenter=0, WindowWidth=8)

    with pytest.raises(ScanTooLarge, match="memory of this machine"):
        read_scan(large, settings=Settings(max_decoder_bytes=200 * 2**20))
    assert read_scan(large).count == 40


def test_two_threads_read_at_once() -> None:
    scans: list[Scan] = []
    threads = [threading.Thread(target=lambda: scans.append(read_scan(CONTENT))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [scan.count for scan in scans] == [5] * 4


def test_what_a_worker_says_makes_scans_and_nothing_else() -> None:
    scan = read_here(CONTENT)
    head, *arrays = (bytes(block) for block in dump_scan(scan))

    np.testing.assert_array_equal(load_scan([head, *arrays]).image_u8, scan.image_u8)
    for answer in (pickle.dumps(os.getcwd), pickle.dumps(Cancelled()), pickle.dumps([1]), b"", head[:50]):
        with pytest.raises((ValueError, EOFError)):
            load_scan([answer])


def test_a_view_is_a_copy() -> None:
    scan = read_here(CONTENT)
    before = scan.image_u8.copy()

    scan.view(3).image_u8[:] = 7

    np.testing.assert_array_equal(scan.image_u8, before)
    assert replace(scan, warnings=()).view(3).image_u8.std() > 0
