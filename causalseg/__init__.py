"""causalseg: text-prompted medical image segmentation with a switch for every confounder.

engine = causalseg.Engine.load("causalseg-lite")
encoded = engine.encode(causalseg.read_scan("scan.png"))
result = engine.segment(encoded, "polyp", remove=["specular_highlight"])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from causalseg.errors import CausalsegError, InputError
from causalseg.scan import Scan, read_scan

if TYPE_CHECKING:
    from causalseg.engine import EncodedScan, Engine, Segmentation

__all__ = ["CausalsegError", "EncodedScan", "Engine", "InputError", "Scan", "Segmentation", "read_scan"]

_FROM_ENGINE = ("EncodedScan", "Engine", "Segmentation")


def __getattr__(name: str) -> Any:
    """The engine's names, on first use: reading a scan alone should not load torch."""
    if name in _FROM_ENGINE:
        return getattr(import_module("causalseg.engine"), name)
    raise AttributeError(f"module 'causalseg' has no attribute {name!r}")
