"""Files and pictures that many of these tests open."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.scan.sample_files import WHEEL_DIR


@pytest.fixture(scope="session")
def wheel_file() -> Callable[[str], Path]:
    """A test file that comes inside pydicom's wheel; nothing is downloaded."""
    return lambda name: WHEEL_DIR / name


@pytest.fixture
def rgb() -> np.ndarray:
    """A picture of 24 x 32 px in which every pixel differs from its neighbours."""
    rows, columns = np.indices((24, 32))
    return np.stack([rows * 10, columns * 7, rows * columns % 251], axis=2).astype(np.uint8)
