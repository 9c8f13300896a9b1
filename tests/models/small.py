"""Small versions of the towers: the same configs with fewer and narrower layers, so that a test can train them."""

from collections.abc import Mapping
from typing import Any

from causalseg.models.build import Architecture, build_network
from causalseg.models.network import SegmentationNetwork

SIDE_PX = 64
_TEXT = {"width": 64, "heads": 2, "layers": 2}
SMALL: Mapping[str, Mapping[str, Any] | None] = {
    "causalseg-lite": None,
    "RN50": {"embed_dim": 64, "vision_cfg": {"layers": [1, 1, 1, 1], "width": 16}, "text_cfg": _TEXT},
    "ViT-B-16": {"embed_dim": 64, "vision_cfg": {"layers": 4, "width": 64}, "text_cfg": _TEXT},
}


def small_network(core: str, towers: str) -> SegmentationNetwork:
    """A network of `core` that sees 64 px, on small `towers`, at its random start."""
    architecture = Architecture(
        towers=towers, core=core, channels=32, code_width=16, input_side_px=SIDE_PX, dictionary="endoscopy"
    )
    return build_network(architecture, random_start=True, overrides=SMALL[towers])
