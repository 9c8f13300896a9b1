"""Architecture values to modules: the only place that reads them."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from causalseg.causal.dictionary_attention import KEPT_SHARE
from causalseg.causal.intervention import InterventionNetwork
from causalseg.causal.mcdrl_dictionary import ALL, load_scan_dictionaries
from causalseg.causal.presence import ConfounderPresence
from causalseg.causal.restorer import PictureRestorer
from causalseg.models.causalclipseg import CausalClipSegNetwork
from causalseg.models.image_towers import PatchCodes
from causalseg.models.mcdrl import McdrlNetwork
from causalseg.models.network import CausalSegNetwork, SegmentationNetwork
from causalseg.models.text_to_pixel import TextToPixel
from causalseg.models.towers import Towers, build_towers


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Architecture:
    """What must be known to build the modules that a checkpoint's weights fit; an unknown key is an error."""

    towers: str = "causalseg-lite"
    """An open_clip config in `causalseg/models`: causalseg-lite, RN50 or ViT-B-16."""
    channels: int = 96
    """Of every pyramid level (512 in CausalCLIPSeg's paper)."""
    code_width: int = 64
    """Of a confounder's code inside the removal blocks on the pyramid; of core `causalseg` alone."""
    input_side_px: int = 256
    """Side of the square the network sees. A multiple of 32."""
    core: str = "causalseg"
    """The causal core: causalseg, causalclipseg or mcdrl."""
    dictionary: str = ALL
    """Whose twelve confounders core `mcdrl` attends to: a modality, or all."""
    kept_share: float = KEPT_SHARE
    """alpha of core `mcdrl`: the share of positions kept as candidates."""

    def __post_init__(self) -> None:
        if self.input_side_px % 32:
            raise ValueError(f"input_side_px must be a multiple of 32, got {self.input_side_px}")
        if self.core not in CORES:
            raise ValueError(f"unknown core {self.core!r}; known are {sorted(CORES)}")
        if not 0 < self.kept_share <= 1:
            raise ValueError(f"kept_share must be above 0 and at most 1, got {self.kept_share}")


def build_network(
    architecture: Architecture,
    *,
    random_start: bool = False,
    overrides: Mapping[str, Any] | None = None,
) -> SegmentationNetwork:
    """A network with a frozen text tower and a causal core at its random start.

    Both towers of a CLIP from the Hub start from its weights (`random_start` leaves them at random, for tests and for
    machines without a way to the Hub); the lite image tower starts at random. `overrides` change the open_clip config.

    Raises:
        ValueError: unknown towers or dictionary.
        CheckpointError: weights cannot be fetched.
    """
    towers = build_towers(
        architecture.towers, architecture.input_side_px, random_start=random_start, overrides=overrides
    )
    return CORES[architecture.core](architecture, towers)


def _causalseg(architecture: Architecture, towers: Towers) -> SegmentationNetwork:
    channels, width, stages = architecture.channels, towers.text.width, towers.image.channels
    return CausalSegNetwork(
        towers.image,
        towers.text,
        TextToPixel(channels, width),
        ConfounderPresence(stages, width),
        PictureRestorer(width),
        InterventionNetwork(channels, width, architecture.code_width),
        channels,
    )


def _causalclipseg(architecture: Architecture, towers: Towers) -> SegmentationNetwork:
    return CausalClipSegNetwork(towers.image, towers.text, architecture.channels)


def _mcdrl(architecture: Architecture, towers: Towers) -> SegmentationNetwork:
    return McdrlNetwork(
        towers.image,
        towers.text,
        towers.patch_codes or PatchCodes.fresh(towers.image.channels, towers.text.width),
        TextToPixel(architecture.channels, towers.text.width),
        load_scan_dictionaries(architecture.dictionary),
        architecture.channels,
        architecture.kept_share,
    )


CORES: Mapping[str, Callable[[Architecture, Towers], SegmentationNetwork]] = {
    "causalseg": _causalseg,
    "causalclipseg": _causalclipseg,
    "mcdrl": _mcdrl,
}
"""The settings of the one network."""
