"""The embedded checkpoint and phantoms to ask it about."""

import pytest

from causalseg import Engine, Scan
from causalseg.phantoms import make_phantom


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine.load("causalseg-lite")


@pytest.fixture(scope="session", params=["ultrasound", "endoscopy", "dermoscopy"])
def phantom(request: pytest.FixtureRequest) -> tuple[Scan, str]:
    """A made-up scan with the description of what is in it."""
    made = make_phantom(request.param, 3)
    return Scan(made.image_u8, f"phantom-{request.param}", "PNG", made.modality), made.description
