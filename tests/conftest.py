"""What all tests share. The jaxtyping import hook is switched on in pyproject.toml."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("causalseg", deadline=None, derandomize=True)
settings.load_profile("causalseg")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Real scans beside the checkout, which may not be published: tests that need them are skipped elsewhere."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("needs the folder ../shared with real scans")
    return folder
