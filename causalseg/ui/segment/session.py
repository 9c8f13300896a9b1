"""What one browser tab has on its screen: frozen values, replaced and never changed.

`SessionState` is written by the model's events only, `Draft` by the editor's and `VolumeMask` by the long task's, so
none overwrites another.
"""

import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, UInt8

from causalseg.annotations.label_records import KeptDraft, Revision
from causalseg.engine import EncodedScan, Segmentation
from causalseg.scan import Letterbox, Scan
from causalseg.scan.window import Window
from causalseg.ui.segment.mask_change import Effect

FIRST_ALPHA, OTHER_ALPHA = 120, 132
"""In [0, 255], in turn, of the masks that the editor gets: the scan stays visible under them."""
ANYWAY_THRESHOLD_PROB = 0.5
"""Where a mask that was not found is cut when the visitor asks to see it anyway."""


@dataclass(frozen=True, slots=True, eq=False)
class Without:
    """The scan as it would look without what is removed: an estimate."""

    image_u8: UInt8[np.ndarray, "height width 3"]
    hidden: Bool[np.ndarray, "height width"]
    """Where what is removed covered the scan: nobody knows what lies there."""
    is_changed: bool
    """Whether it differs from the scan at all."""


@dataclass(frozen=True, slots=True)
class Switched:
    """What the last single switch did to the mask that was on screen before it."""

    label: str
    """Of the confounder."""
    is_removed: bool
    """Whether it was switched off; else it was put back."""
    effect: Effect


@dataclass(frozen=True, slots=True, eq=False)
class SessionState:
    """The scan on screen and the answers to the question asked of it."""

    encoded: EncodedScan | None = None
    """The scan on screen; simulated while `original` is set."""
    original: EncodedScan | None = None
    """The scan as it was opened, kept while a simulated one is on screen."""
    window: Window | None = None
    """The window that the visitor chose; None: as the file says for each slice."""
    simulated: str = ""
    """What was added to the scan on screen, as a sentence; empty for a scan as opened."""
    detected: tuple[str, ...] = ()
    """Ids of the confounders detected in the scan on screen."""
    description: str = ""
    removed: tuple[str, ...] = ()
    """Ids of the confounders switched off."""
    observed: Segmentation | None = None
    """With nothing removed."""
    current: Segmentation | None = None
    """With `removed` removed: the mask on screen."""
    anyway: bool = False
    """Show what was not found."""
    switched: Switched | None = None
    """None where more than one switch moved, or another question was asked since."""

    @property
    def opened(self) -> EncodedScan | None:
        """The scan as it was opened, also while a simulated one is on screen."""
        return self.original or self.encoded

    @property
    def is_adjusted(self) -> bool:
        """Whether exactly what was detected is removed, be it nothing."""
        return set(self.removed) == set(self.detected)

    @property
    def mask_word(self) -> str:
        """Which of the three masks is on screen: "observed", "adjusted" or "counterfactual"."""
        if not self.removed:
            return "observed"
        return "adjusted" if self.is_adjusted else "counterfactual"


class Former(NamedTuple):
    """A mask that one click changed, and what its label would have named as its model."""

    mask: Bool[np.ndarray, "height width"]
    model: str


@dataclass(frozen=True, slots=True, eq=False)
class EditorMask:
    """A mask in the editor, with all that the store wants to know of where it came from."""

    scan: Scan
    box: Letterbox
    """Between the scan's own size and the editor's canvas."""
    canvas_u8: UInt8[np.ndarray, "side side 3"]
    """The scan as the editor got it."""
    canvas_mask: Bool[np.ndarray, "side side"]
    """The mask as the editor got it."""
    given: Bool[np.ndarray, "height width"]
    """The same mask in the scan's own size."""
    proposed: Bool[np.ndarray, "height width"]
    """What the model proposed; `given` may have been drawn on, filled, smoothed or refined since."""
    description: str
    removed: tuple[str, ...]
    mask_word: str
    model: str
    """Name of the version that proposed it, and of what refined it since."""
    started_s: float
    """Monotonic clock."""
    seconds_before: float = 0.0
    """Spent on it before `started_s`, in another sitting."""
    alpha: int = FIRST_ALPHA
    """Of the mask in the editor's layer: another one than that of the layer before, which may come back late."""
    former: Former | None = None
    """What it was before it was last filled, smoothed or refined, to be taken back."""
    autosaved: KeptDraft | None = None
    """What the store keeps of it as a draft; None where nothing was drawn since the last saving."""
    is_loaded: bool = False
    """Whether the editor was given the mask; until then there is nothing in it to save."""
    was_late: bool = False
    """Whether a save found the mask of before in the editor, though it had been given this one."""
    kept: Bool[np.ndarray, "height width"] | None = None
    """The mask as it was last saved."""
    doomed: Bool[np.ndarray, "height width"] | None = None
    """The unsaved mask that the visitor was warned of losing, and may now drop."""
    revision: Revision | None = None
    """Of the mask as it was last saved."""

    @property
    def other_alpha(self) -> int:
        """Of the mask that the editor had before this one, or gets after it."""
        return OTHER_ALPHA if self.alpha == FIRST_ALPHA else FIRST_ALPHA

    @property
    def saved(self) -> Bool[np.ndarray, "height width"]:
        """What is safe without a draft: the mask as it was last saved, or what the model can propose again."""
        return self.proposed if self.kept is None else self.kept

    @property
    def seconds_spent(self) -> float:
        """By the person, on this mask."""
        return self.seconds_before + time.monotonic() - self.started_s


@dataclass(frozen=True, slots=True, eq=False)
class VolumeMask:
    """Masks of all slices, frames or pages of a scan, as far as they were made, under one question."""

    scan_sha256: str
    description: str
    mask_word: str
    """Which of the three masks: with "counterfactual", the removal that was on screen at the start."""
    removed: tuple[str, ...]
    """Ids of the confounders that were switched off on screen at the start."""
    model: str
    """Name of what made them; several, where another version was promoted meanwhile."""
    masks: Bool[np.ndarray, "count height width"]
    is_done: Bool[np.ndarray, " count"]
    """Which of `masks` were made; the others are empty and mean nothing."""

    def belongs_to(self, scan: Scan) -> bool:
        """Whether it is of the file that `scan` is of."""
        return self.scan_sha256 == scan.sha256 and len(self.masks) == scan.count


def shown_mask(segmentation: Segmentation, *, anyway: bool) -> Bool[np.ndarray, "height width"]:
    """The mask to show: the found one, or with `anyway` also one that was not found."""
    if anyway and not segmentation.found:
        return segmentation.probability > ANYWAY_THRESHOLD_PROB
    return segmentation.mask
