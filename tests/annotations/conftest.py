from pathlib import Path

import pytest

from causalseg.annotations import LabelStore


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    """A store that is not there yet."""
    return LabelStore(tmp_path / "labels")
