"""Masks out of the page: which ones, and every format of them."""

from collections.abc import Mapping
from typing import Any, Literal

from causalseg.annotations.exports import Exported, Provenance, export_all
from causalseg.annotations.exports.corrections import with_corrections
from causalseg.annotations.exports.formats import Masks
from causalseg.annotations.store import LabelStore
from causalseg.engine import EncodedScan, Engine
from causalseg.errors import InputError
from causalseg.scan import Scan
from causalseg.ui.segment import text
from causalseg.ui.segment.own_corrections import corrections_of
from causalseg.ui.segment.session import EditorMask, SessionState, VolumeMask, shown_mask

Choice = Literal["screen", "volume", "saved"]
"""The mask on screen, those of all slices, or the correction that was last saved."""
CHOICES: tuple[tuple[str, Choice], ...] = (
    (text.EXPORT_SCREEN, "screen"),
    (text.EXPORT_VOLUME, "volume"),
    (text.EXPORT_SAVED, "saved"),
)


def exports(
    engine: Engine,
    choice: Choice,
    state: SessionState,
    volume: VolumeMask | None,
    editing: EditorMask | None,
    *,
    with_identity: bool,
    store: LabelStore | None = None,
    person: str = "",
    edited: Mapping[str, Any] | None = None,
) -> tuple[Exported, ...]:
    """Every format of the chosen masks, each written or with a sentence that says why not.

    In the masks of all slices, those that `person` corrected are the person's: in `store`, in `editing`, or in the
    editor's value `edited`.

    Raises:
        InputError: there are no such masks, or the scan on screen is simulated.
    """
    if choice == "saved":
        scan, masks, provenance = _saved(editing)
    elif choice == "volume":
        scan, masks, provenance = _all_slices(state, volume)
        corrections = corrections_of(scan, provenance.description, editing, store=store, person=person, edited=edited)
        masks, provenance = with_corrections(masks, provenance, corrections)
    else:
        scan, masks, provenance = _on_screen(engine, state)
    return export_all(scan, masks, provenance, with_identity=with_identity)


def _on_screen(engine: Engine, state: SessionState) -> tuple[Scan, Masks, Provenance]:
    encoded = _opened(state)
    scan, model = encoded.scan, engine.name_for(encoded)
    if state.current is None:
        raise InputError(text.EXPORT_NOTHING)
    mask = shown_mask(state.current, anyway=state.anyway)
    return scan, {scan.index: mask}, Provenance(state.description, state.mask_word, model, state.removed)


def _all_slices(state: SessionState, volume: VolumeMask | None) -> tuple[Scan, Masks, Provenance]:
    scan = _opened(state).scan
    if volume is None or not volume.belongs_to(scan):
        raise InputError(text.EXPORT_NO_VOLUME)
    masks = {index: mask for index, mask in enumerate(volume.masks) if volume.is_done[index]}
    return scan, masks, Provenance(volume.description, volume.mask_word, volume.model, volume.removed)


def _saved(editing: EditorMask | None) -> tuple[Scan, Masks, Provenance]:
    if editing is None or editing.revision is None or editing.kept is None:
        raise InputError(text.EXPORT_NOT_SAVED)
    scan, revision = editing.scan, editing.revision
    provenance = Provenance(
        editing.description,
        "corrected",
        revision.model,
        editing.removed,
        person=revision.person,
        revisions={scan.index: revision.number},
        saved_at=revision.saved_at,
    )
    return scan, {scan.index: editing.kept}, provenance


def _opened(state: SessionState) -> EncodedScan:
    if state.encoded is None:
        raise InputError(text.OPEN_FIRST)
    if state.original is not None:
        raise InputError(text.SIMULATED_NO_EXPORT)
    return state.encoded
