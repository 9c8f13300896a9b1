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
from causalseg.annotations.label_records import Revision
from causalseg.annotations.store import LabelStore
from causalseg.engine import Engine
from causalseg.errors import BadCorrection, InputError
from causalseg.scan import Letterbox
from causalseg.ui import pictures
from causalseg.ui.segment import text
from causalseg.ui.segment.mask_cleanup import Reshape
from causalseg.ui.segment.session import FIRST_ALPHA, EditorMask, Former, SessionState, shown_mask

_SAME_COLOUR = 8
"""Largest difference a channel for two colours to count as one; a browser's canvas rounds by 1."""
_SAME_ALPHA = 2
"""Largest difference for two opacities, in [0, 255], to count as one."""
_STALE_SHARE = 0.5
"""Share of the pixels that have the opacity of the mask before: more, and the editor has not taken the new one yet."""
_SAME_PICTURE = 2.0
"""Largest mean difference a channel between the scan sent to the editor and the one that comes back."""


class LateEditor(BadCorrection):
    """The editor sent the mask of before, though it has been given that of `editing`."""

    def __init__(self, editing: EditorMask) -> None:
        super().__init__(text.EDITOR_LATE)
        self.editing = editing


def start(engine: Engine, state: SessionState, former: EditorMask | None = None) -> EditorMask:
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
    return EditorMask(
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


def editor_value(editing: EditorMask) -> dict[str, Any]:
    """What the editor is given: the scan below, the mask as the only layer."""
    return {
        "background": editing.canvas_u8,
        "layers": [pictures.editor_layer(editing.canvas_mask, editing.alpha)],
        "composite": None,
    }


def corrected(editing: EditorMask, value: Mapping[str, Any] | None) -> Bool[np.ndarray, "height width"]:
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
    _raise_if_not_ours(editing, value["background"], layer)
    return editing.box.invert_edit(editing.given, editing.canvas_mask, layer[..., 3] > 0)


def unsaved(editing: EditorMask | None, value: Mapping[str, Any] | None) -> Bool[np.ndarray, "height width"] | None:
    """The mask in the editor where it differs from what was last saved or proposed; None where nothing can be lost."""
    if editing is None or not editing.is_loaded:
        return None
    try:
        mask = corrected(editing, value)
    except InputError:  # what cannot be saved anyway
        return None
    return None if np.array_equal(mask, editing.saved) else mask


def given(editing: EditorMask, mask: Bool[np.ndarray, "height width"]) -> EditorMask:
    """The draft with another mask to give to the editor."""
    return replace(
        editing,
        given=mask,
        canvas_mask=editing.box.apply(mask),
        alpha=editing.other_alpha,
        is_loaded=False,
        was_late=False,
        doomed=None,
    )


def found_late(editing: EditorMask) -> tuple[EditorMask, str]:
    """The draft after a save found the mask of before in the editor, and what to say of it.

    An editor that is slow takes the mask a moment later, and strokes of that moment must stay. One that still has the
    mask of before at the next press sent that one while it was given the new one, which it then never takes: it gets
    it again.
    """
    if editing.was_late:
        return replace(editing, is_loaded=False, was_late=False), text.EDITOR_AGAIN
    return replace(editing, was_late=True), text.EDITOR_LATE


def reshaped(editing: EditorMask | None, value: Mapping[str, Any] | None, how: Reshape) -> EditorMask:
    """The draft with the editor's mask filled or smoothed, to give to the editor again.

    Raises:
        InputError: there is no mask in the editor.
        BadCorrection: what the editor sent cannot be trusted.
    """
    if editing is None or not editing.is_loaded:
        raise InputError(text.CORRECT_FIRST)
    mask = corrected(editing, value)
    return replace(given(editing, how(mask)), former=Former(mask, editing.model))


def refined(editing: EditorMask | None, value: Mapping[str, Any] | None) -> EditorMask:
    """The draft with the editor's mask refined by LiteMedSAM in its boxes; its label will say so.

    Raises:
        InputError: there is no mask in the editor.
        BadCorrection: what the editor sent cannot be trusted, or LiteMedSAM can do nothing with it.
    """
    if editing is None:
        raise InputError(text.CORRECT_FIRST)
    fresh = reshaped(editing, value, partial(litemedsam.refine, editing.scan.image_u8))
    said = f" + {litemedsam.name()}"
    return replace(fresh, model=editing.model.removesuffix(said) + said)


def taken_back(editing: EditorMask | None) -> EditorMask:
    """The draft with the mask as it was before it was last filled, smoothed or refined.

    Raises:
        InputError: nothing was.
    """
    if editing is None or editing.former is None:
        raise InputError(text.NOTHING_TO_TAKE_BACK)
    return replace(given(editing, editing.former.mask), model=editing.former.model, former=None)


def is_of(editing: EditorMask, state: SessionState) -> bool:
    """Whether the draft is of the scan and the slice on screen."""
    if state.opened is None:
        return False
    scan = state.opened.scan
    return (editing.scan.sha256, editing.scan.index) == (scan.sha256, scan.index)


def recorded(editing: EditorMask) -> dict[str, Any]:
    """What the store keeps beside a mask, of a draft as of a label."""
    return {
        "description": editing.description,
        "removed": editing.removed,
        "model": editing.model,
        "parent_sha256": editing.revision.mask_sha256 if editing.revision else None,
        "proposed": editing.proposed,
        "seconds_spent": editing.seconds_spent,
    }


def save(
    store: LabelStore, editing: EditorMask | None, value: Mapping[str, Any] | None, person: str
) -> tuple[EditorMask, Revision, Bool[np.ndarray, "height width"]]:
    """Check the editor's mask, keep it as the person's next revision, and return it.

    Raises:
        InputError: nothing to save, or nobody to save it for.
        LateEditor: it sent the mask of before.
        BadCorrection: what the editor sent cannot be trusted.
    """
    if editing is None or not editing.is_loaded:
        raise InputError(text.CORRECT_FIRST)
    if not person.strip():
        raise InputError(text.NAME_FIRST)
    mask = corrected(editing, value)
    revision = store.save(
        editing.scan,
        mask,
        person=person.strip(),
        index=editing.scan.index,
        **recorded(editing),
    )
    saved = replace(editing, revision=revision, kept=mask, was_late=False, doomed=None, autosaved=None)
    return saved, revision, mask


def _raise_if_not_ours(
    editing: EditorMask,
    background: UInt8[np.ndarray, "below_height below_width channels"],
    layer: UInt8[np.ndarray, "height width 4"],
) -> None:
    expected_hw = editing.canvas_mask.shape
    if layer.shape[:2] != expected_hw or background.shape[:2] != expected_hw:
        raise BadCorrection(text.EDITOR_OTHER_SIZE)
    if np.abs(background[..., :3].astype(np.int16) - editing.canvas_u8).mean() > _SAME_PICTURE:
        raise BadCorrection(text.EDITOR_OTHER_SCAN)
    away = np.abs(layer[..., :3].astype(np.int16) - np.array(pictures.TINT_RGB)).max(axis=2)
    of_a_mask = (layer[..., 3] > 0) & (away <= _SAME_COLOUR)
    of_the_mask_before = np.abs(layer[of_a_mask][:, 3].astype(np.int16) - editing.other_alpha) <= _SAME_ALPHA
    if of_the_mask_before.size and of_the_mask_before.mean() > _STALE_SHARE:
        raise LateEditor(editing)
    if bool((of_a_mask & ~editing.canvas_mask).any()):
        raise BadCorrection(text.EDITOR_MOVED)
