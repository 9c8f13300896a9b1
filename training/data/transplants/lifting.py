"""One door to all lifters: an artefact's id and a scan, to the artefact without the scan."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, UInt8

from causalseg.causal.simulate.simulator import Picture, Region
from causalseg.errors import UnknownConfounder
from training.data.transplants import areas, marks, strokes
from training.data.transplants.lifted import Lifted, Part

_RATIO, _OPAQUE = True, False
LIFTERS: Mapping[str, tuple[Callable[[Picture, Region], Part | None], bool]] = MappingProxyType(
    {
        "hair": (strokes.lift_hair, _RATIO),
        "ruler": (strokes.lift_ruler, _RATIO),
        "ink": (strokes.lift_ink, _RATIO),
        "burned_in_text": (marks.lift_text, _OPAQUE),
        "calipers": (marks.lift_calipers, _OPAQUE),
        "side_marker": (marks.lift_side_marker, _OPAQUE),
        "patches": (areas.lift_patches, _OPAQUE),
        "specular_highlight": (areas.lift_highlights, _OPAQUE),
        "over_exposure": (areas.lift_over_exposure, _OPAQUE),
        "position_box": (areas.lift_position_box, _OPAQUE),
    }
)
"""By the dictionary's id: what lifts it, and whether its layer is a ratio."""


STANDING_ON_LESIONS = frozenset({"burned_in_text", "calipers"})
"""Marks whose own pixels are lifted even where they stand on a lesion: calipers are set at its ends."""


def lift(
    image_u8: UInt8[np.ndarray, "height width 3"],
    artefact: str,
    lesion: Bool[np.ndarray, "height width"] | None = None,
) -> Lifted | None:
    """Lift an artefact out of a scan that is known to carry it; None where too little is found.

    Args:
        image_u8: RGB, grey repeated over the channels; made for some 256 px a side.
        artefact: An id of `LIFTERS`.
        lesion: What must not be lifted with it; of `STANDING_ON_LESIONS` the strokes on it are lifted all the same.

    Raises:
        UnknownConfounder: nothing lifts an artefact of this name.
    """
    if artefact not in LIFTERS:
        raise UnknownConfounder(f"Nothing lifts {artefact!r}; choose one of {', '.join(LIFTERS)}.")
    lifter, is_ratio = LIFTERS[artefact]
    image = image_u8.astype(np.float32) / np.float32(255)
    kept_out = np.zeros(image.shape[:2], bool) if lesion is None else lesion
    part = lifter(image, kept_out)
    if part is None:
        return None
    alpha, layer = part
    alpha = alpha if artefact in STANDING_ON_LESIONS else np.where(kept_out, np.float32(0), alpha)
    return Lifted(artefact, alpha, layer, is_ratio)
