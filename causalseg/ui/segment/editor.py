"""A mask into the editor, and the corrected one back out of it and into the store.

The editor works on one fixed square. Where its pixels come back unchanged, the saved mask keeps the original's own
pixels, so a scan larger than the canvas loses no detail where nobody painted.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8

from causalseg import litemedsam
from causalseg.annotations.records import Revision
from causalseg.annotations.store import LabelStore
from causalseg.engine import Engine
from causalseg.errors import BadCorrection, InputError
from causalseg.scan import Letterbox
from causalseg.ui import pictures
from causalseg.ui.segment import text
from causalseg.ui.segment.mask_cleanup import Reshape
from causalseg.ui.segment.session import FIRST_ALPHA, Draft, Former, SessionState, shown_mask

_SAME_COLOUR = 8
"""Largest difference a channel for two colours to count as one; a browser's canvas rounds by 1."""
_SAME_ALPHA = 2
"""Largest difference for two opacities, in [0, 255], to count as one."""
_STALE_SHARE = 0.5
"""Share of the pixels that have the opacity of the mask before: more, and the editor has not taken the new one yet."""
_SAME_PICTURE = 2.0
"""Largest mean difference a channel between the scan sent to the editor and the one that comes back."""


class LateEditor(BadCorrection):
    """The editor sent the mask of before, though it has been given that of `draft`."""

    def __init__(self, draft: Draft) -> None:
        super().__init__(text.EDITOR_LATE)
        self.draft = draft


def start(engine: Engine, state: SessionState, former: Draft | None = None) -> Draft:
    """The mask on screen, made ready for the editor; `former` is what the editor holds now.

    Raises:
        InputError: there is no mask on screen.
        BadCorrection: the scan on screen is simulated.
    """
    if state.encoded is None:
        raise InputError(text.OPEN_FIRST)
    if state.current is None:
        raise InputError(text.DESCRIBE_FIRST)
    if state.original is not None:
        raise BadCorrection(text.SIMULATED_NOT_SAVED)
    scan, mask = state.encoded.scan, shown_mask(state.current, anyway=state.anyway)
    box = Letterbox.fit(*scan.hw, side_px=pictures.CANVAS_SIDE_PX)
    return Draft(
        scan=scan,
        box=box,
        canvas_u8=box.apply(scan.image_u8),
        canvas_mask=box.apply(mask),
        given=mask,
        proposed=mask,
        description=state.description,
        removed=state.current.removed,
        mask_word=state.mask_word,
        model=engine.name_for(state.encoded),
        started_s=time.monotonic(),
        alpha=FIRST_ALPHA if former is None else former.other_alpha,
    )


def editor_value(draft: Draft) -> dict[str, Any]:
    """What the editor is given: the scan below, the mask as the only layer."""
    return {
        "background": draft.canvas_u8,
        "layers": [pictures.editor_layer(draft.canvas_mask, draft.alpha)],
        "composite": None,
    }


def corrected(draft: Draft, value: Mapping[str, Any] | None) -> Bool[np.ndarray, "height width"]:
    """The editor's mask in the scan's own size.

    Raises:
        InputError: no mask was loaded into the editor.
        BadCorrection: the editor sent another size, another picture, several layers, or pixels that moved by
            themselves.
    """
    if not value or value["background"] is None or not value["layers"]:
        raise InputError(text.CORRECT_FIRST)
    if len(value["layers"]) != 1:
        raise BadCorrection(text.EDITOR_OTHER_LAYERS)
    layer = value["layers"][0]
    _raise_if_not_ours(draft, value["background"], layer)
    return draft.box.invert_edit(draft.given, draft.canvas_mask, layer[..., 3] > 0)


def unsaved(draft: Draft | None, value: Mapping[str, Any] | None) -> Bool[np.ndarray, "height width"] | None:
    """The mask in the editor where it differs from what was last saved or proposed; None where nothing can be lost."""
    if draft is None or not draft.is_loaded:
        return None
    try:
        mask = corrected(draft, value)
    except InputError:  # what cannot be saved anyway
        return None
    return None if np.array_equal(mask, draft.saved) else mask


def given(draft: Draft, mask: Bool[np.ndarray, "height width"]) -> Draft:
    """The draft with another mask to give to the editor."""
    return replace(
        draft,
        given=mask,
        canvas_mask=draft.box.apply(mask),
        alpha=draft.other_alpha,
        is_loaded=False,
        was_late=False,
        doomed=None,
    )


def found_late(draft: Draft) -> tuple[Draft, str]:
    """The draft after a save found the mask of before in the editor, and what to say of it.

    An editor that is slow takes the mask a moment later, and strokes of that moment must stay. One that still has the
    mask of before at the next press sent that one while it was given the new one, which it then never takes: it gets
    it again.
    """
    if draft.was_late:
        return replace(draft, is_loaded=False, was_late=False), text.EDITOR_AGAIN
    return replace(draft, was_late=True), text.EDITOR_LATE


def reshaped(draft: Draft | None, value: Mapping[str, Any] | None, how: Reshape) -> Draft:
    """The draft with the editor's mask filled or smoothed, to give to the editor again.

    Raises:
        InputError: there is no mask in the editor.
        BadCorrection: what the editor sent cannot be trusted.
    """
    if draft is None or not draft.is_loaded:
        raise InputError(text.CORRECT_FIRST)
    mask = corrected(draft, value)
    return replace(given(draft, how(mask)), former=Former(mask, draft.model))


def refined(draft: Draft | None, value: Mapping[str, Any] | None) -> Draft:
    """The draft with the editor's mask refined by LiteMedSAM in its boxes; its label will say so.

    Raises:
        InputError: there is no mask in the editor.
        BadCorrection: what the editor sent cannot be trusted, or LiteMedSAM can do nothing with it.
    """
    if draft is None:
        raise InputError(text.CORRECT_FIRST)
    fresh = reshaped(draft, value, partial(litemedsam.refine, draft.scan.image_u8))
    said = f" + {litemedsam.name()}"
    return replace(fresh, model=draft.model.removesuffix(said) + said)


def taken_back(draft: Draft | None) -> Draft:
    """The draft with the mask as it was before it was last filled, smoothed or refined.

    Raises:
        InputError: nothing was.
    """
    if draft is None or draft.former is None:
        raise InputError(text.NOTHING_TO_TAKE_BACK)
    return replace(given(draft, draft.former.mask), model=draft.former.model, former=None)


def is_of(draft: Draft, state: SessionState) -> bool:
    """Whether the draft is of the scan and the slice on screen."""
    if state.opened is None:
        return False
    scan = state.opened.scan
    return (draft.scan.sha256, draft.scan.index) == (scan.sha256, scan.index)


def recorded(draft: Draft) -> dict[str, Any]:
    """What the store keeps beside a mask, of a draft as of a label."""
    return {
        "description": draft.description,
        "removed": draft.removed,
        "model": draft.model,
        "parent_sha256": draft.revision.mask_sha256 if draft.revision else None,
        "proposed": draft.proposed,
        "seconds_spent": draft.seconds_spent,
    }


def save(
    store: LabelStore, draft: Draft | None, value: Mapping[str, Any] | None, person: str
) -> tuple[Draft, Revision, Bool[np.ndarray, "height width"]]:
    """Check the editor's mask, keep it as the person's next revision, and return it.

    Raises:
        InputError: nothing to save, or nobody to save it for.
        LateEditor: it sent the mask of before.
        BadCorrection: what the editor sent cannot be trusted.
    """
    if draft is None or not draft.is_loaded:
        raise InputError(text.CORRECT_FIRST)
    if not person.strip():
        raise InputError(text.NAME_FIRST)
    mask = corrected(draft, value)
    revision = store.save(
        draft.scan,
        mask,
        person=person.strip(),
        index=draft.scan.index,
        **recorded(draft),
    )
    saved = replace(draft, revision=revision, kept=mask, was_late=False, doomed=None, autosaved=None)
    return saved, revision, mask


def _raise_if_not_ours(
    draft: Draft,
    background: UInt8[np.ndarray, "below_height below_width channels"],
    layer: UInt8[np.ndarray, "height width 4"],
) -> None:
    expected_hw = draft.canvas_mask.shape
    if layer.shape[:2] != expected_hw or background.shape[:2] != expected_hw:
        raise BadCorrection(text.EDITOR_OTHER_SIZE)
    if np.abs(background[..., :3].astype(np.int16) - draft.canvas_u8).mean() > _SAME_PICTURE:
        raise BadCorrection(text.EDITOR_OTHER_SCAN)
    away = np.abs(layer[..., :3].astype(np.int16) - np.array(pictures.TINT_RGB)).max(axis=2)
    of_a_mask = (layer[..., 3] > 0) & (away <= _SAME_COLOUR)
    of_the_mask_before = np.abs(layer[of_a_mask][:, 3].astype(np.int16) - draft.other_alpha) <= _SAME_ALPHA
    if of_the_mask_before.size and of_the_mask_before.mean() > _STALE_SHARE:
        raise LateEditor(draft)
    if bool((of_a_mask & ~draft.canvas_mask).any()):
        raise BadCorrection(text.EDITOR_MOVED)
