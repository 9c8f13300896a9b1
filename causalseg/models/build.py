"""Architecture values to modules: the only place that reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from causalseg.causal.intervention import InterventionNetwork
from causalseg.causal.presence import ConfounderPresence
from causalseg.models.network import CausalSegNetwork
from causalseg.models.text_to_pixel import TextToPixel
from causalseg.models.towers import build_towers


@dataclass(frozen=True, slots=True)
class Architecture:
    """What must be known to build the modules that a checkpoint's weights fit."""

    towers: str = "causalseg-lite"
    """An open_clip config in `causalseg/models`."""
    channels: int = 96
    """Of every pyramid level."""
    code_width: int = 64
    """Of a confounder's code inside the removal blocks."""
    input_side_px: int = 256
    """Side of the square the network sees. A multiple of 32."""

    def __post_init__(self) -> None:
        if self.input_side_px % 32:
            raise ValueError(f"input_side_px must be a multiple of 32, got {self.input_side_px}")

    @classmethod
    def from_mapping(cls, values: Mapping[str, str | int]) -> "Architecture":
        """An architecture from a manifest entry.

        Raises:
            ValueError: a key is unknown.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(values.keys() - known):
            raise ValueError(f"unknown architecture keys {unknown}; known are {sorted(known)}")
        return cls(**values)  # pyright: ignore[reportArgumentType]


def build_network(architecture: Architecture) -> CausalSegNetwork:
    """A network with a pretrained frozen text tower and everything else at its random start."""
    image_tower, text_tower = build_towers(architecture.towers)
    channels, width = architecture.channels, text_tower.width
    return CausalSegNetwork(
        image_tower,
        text_tower,
        TextToPixel(channels, width),
        ConfounderPresence(image_tower.channels, width),
        InterventionNetwork(image_tower.channels, channels, width, architecture.code_width),
        channels,
    )
