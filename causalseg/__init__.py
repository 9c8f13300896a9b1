"""causalseg: text-prompted medical image segmentation with a switch for every confounder.

engine = causalseg.Engine.load("causalseg-lite")
encoded = engine.encode(causalseg.read_scan("scan.png"))
result = engine.segment(encoded, "polyp", remove=["specular_highlight"])
"""

from causalseg.engine import EncodedScan, Engine, Segmentation
from causalseg.errors import CausalsegError, InputError
from causalseg.scan import Scan, read_scan

__all__ = ["CausalsegError", "EncodedScan", "Engine", "InputError", "Scan", "Segmentation", "read_scan"]
