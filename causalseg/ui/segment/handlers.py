"""What each event of the page does: functions of values, no Gradio.

Every handler of the model is `(engine, state, ...) -> SessionState`; a file is read when it is opened and never again,
a slice encoded when it is looked at.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from causalseg.annotations.store import LabelStore
from causalseg.engine import EncodedScan, Engine
from causalseg.errors import InputError, StoreError
from causalseg.scan import Scan, read_scan
from causalseg.scan.window import Window
from causalseg.settings import Settings
from causalseg.ui.segment import text
from causalseg.ui.segment.examples import Example, read_example
from causalseg.ui.segment.mask_change import Effect, effect
from causalseg.ui.segment.session import SessionState, Switched, VolumeMask, Without, shown_mask

FILE_WINDOW = -1
"""Choice in the list of windows: as the file says for each slice."""
_MAX_SEED = 2**32 - 1


def open_upload(
    engine: Engine, settings: Settings, state: SessionState, paths: Sequence[str] | None, description: str
) -> SessionState:
    """The file that was dropped or chosen, or the files of one series; they are deleted from the disk once read."""
    if not paths:
        return state
    uploads = [Path(path) for path in paths]
    try:
        scan = read_scan(uploads[0], settings=settings) if len(uploads) == 1 else _read_series(uploads, settings)
    finally:
        for upload in uploads:
            upload.unlink(missing_ok=True)
    return look_again(engine, opened(engine, scan), description)


def open_example(engine: Engine, settings: Settings, example: Example) -> SessionState:
    """An example, with its own description."""
    return look_again(engine, opened(engine, read_example(example, settings)), example.description)


def open_stored(engine: Engine, store: LabelStore, state: SessionState, scan_sha256: str, index: str) -> SessionState:
    """A picture of the label store, with the words of its newest mask; where none is named, nothing changes.

    Raises:
        InputError: the store does not have it.
    """
    if not scan_sha256:
        return state
    place = int(index) if index.isdecimal() else 0
    try:
        scan, labels = store.reopened(scan_sha256, place), store.revisions(scan_sha256, index=place)
    except StoreError as error:
        raise InputError(str(error)) from error
    return look_again(engine, opened(engine, scan), labels[-1].description if labels else "")


def ask(engine: Engine, state: SessionState, description: str) -> SessionState:
    """Enter in the description: an empty one is an error here."""
    return _segmented(engine, replace(state, description=description, observed=None))


def look_again(engine: Engine, state: SessionState, description: str) -> SessionState:
    """While the description is typed: an empty one clears the mask, the same one changes nothing."""
    if description == state.description:
        return state
    if not description.strip() or state.encoded is None:
        return replace(state, description=description, observed=None, current=None)
    return _segmented(engine, replace(state, description=description, observed=None))


def look_at(engine: Engine, state: SessionState, place: int | float | None) -> SessionState:
    """Turn to another slice, frame or page: `place` counts from 1. Description, switches and window stay."""
    opened = _opened_scan(state)
    index = opened.index if place is None else round(place) - 1
    return state if index == opened.index else _looked(engine, state, opened.view(index, state.window), state.window)


def look_through(
    engine: Engine, state: SessionState, center: int | float | None, width: int | float | None
) -> SessionState:
    """Spread other values over the greys, in the scan's unit; None and None is the file's own window again.

    Raises:
        InputError: a number is missing or the width is negative.
    """
    opened = _opened_scan(state)
    if opened.window is None:
        return state
    window = None if center is None and width is None else _window(center, width)
    if window is not None and _numbers(window) == _numbers(opened.window):
        return state
    return _looked(engine, state, opened.view(opened.index, window), window)


def look_through_named(engine: Engine, state: SessionState, place: int | None) -> SessionState:
    """A window of the scan's list, or `FILE_WINDOW`: as the file says for each slice."""
    opened = _opened_scan(state)
    if opened.window is None or place is None:
        return state
    window = None if place == FILE_WINDOW else opened.windows[place].window
    return _looked(engine, state, opened.view(opened.index, window), window)


def segment_slices(engine: Engine, state: SessionState, *, is_stopped: Callable[[], bool]) -> Iterator[VolumeMask]:
    """The question on screen asked of every slice: the masks so far, after each slice.

    Under the adjusted mask each slice loses what is detected in it; under another, what is removed on screen. Ends
    early when `is_stopped`; what was made is kept. The masks share one array that the next slice is written into.

    Raises:
        InputError: no scan is open, nothing was asked of it, or it is simulated.
    """
    scan = _opened_scan(state)
    if state.observed is None:
        raise InputError(text.DESCRIBE_FIRST)
    if state.original is not None:
        raise InputError(text.SIMULATED_NO_VOLUME)
    masks, is_done = np.zeros((scan.count, *scan.hw), bool), np.zeros(scan.count, bool)
    models: dict[str, None] = {}
    for index in range(scan.count):
        if is_stopped():
            return
        encoded = _with_typed(engine, state, engine.encode(scan.view(index, state.window)))
        masks[index], is_done[index] = _slice_mask(engine, state, encoded), True
        models[engine.name_for(encoded)] = None
        said = (state.description, state.mask_word, state.removed, ", ".join(models))
        yield VolumeMask(scan.sha256, *said, masks, is_done.copy())


def shown_number(value: float) -> float:
    """A number for display: six significant digits."""
    return float(f"{value:.6g}")


def switch(engine: Engine, state: SessionState, removed: Sequence[str]) -> SessionState:
    """Remove exactly `removed`, in the order of the scan's confounders whatever order they were ticked in."""
    switched = replace(state, removed=_ordered(engine, state.encoded, removed))
    if state.observed is None:
        return switched
    answered = _segmented(engine, switched)
    return replace(answered, switched=_what_moved(engine, state, answered))


def look_for(engine: Engine, state: SessionState, text: str) -> SessionState:
    """Look for a confounder that a person typed, and remove it; the label of one that is known is that one.

    Raises:
        InputError: no scan is open, the text is empty or too long, or this checkpoint removes nothing by name.
    """
    words = " ".join(text.split())
    known = (entry.id for entry in engine.confounders if words.casefold() in (entry.id, entry.label.casefold()))
    id_ = next(known, None) or words
    encoded = engine.look_for(_encoded(state), id_)
    return switch(engine, replace(state, encoded=encoded), (*state.removed, id_))


def labels(engine: Engine, encoded: EncodedScan) -> dict[str, str]:
    """What a person reads of every confounder that can be removed from a scan, by id."""
    of_the_dictionary = {entry.id: entry.label for entry in engine.confounders}
    return {id_: of_the_dictionary.get(id_, id_) for id_ in encoded.strength}


def where(encoded: EncodedScan, confounder: str) -> Float32[np.ndarray, "map_height map_width"]:
    """Where a confounder is, in [0, 1], over the whole scan; 1 everywhere for a global one."""
    return encoded.evidence.maps[0][list(encoded.strength).index(confounder)].float().numpy()


def without(engine: Engine, state: SessionState) -> Without | None:
    """The scan on screen without what is switched off; None where nothing is, or where no picture of it is made."""
    if state.encoded is None or not state.removed or not engine.removes_named:
        return None
    seen = state.encoded
    made = engine.without(seen, state.removed)
    return Without(made, engine.hidden(seen, state.removed), not np.array_equal(made, seen.scan.image_u8))


def show_observed(engine: Engine, state: SessionState) -> SessionState:
    """Remove nothing."""
    return switch(engine, state, ())


def show_adjusted(engine: Engine, state: SessionState) -> SessionState:
    """Remove all that was detected."""
    return switch(engine, state, state.detected)


def show_anyway(state: SessionState, anyway: bool) -> SessionState:
    """Show what was not found, or stop showing it."""
    return replace(state, anyway=anyway)


def try_all(engine: Engine, state: SessionState) -> tuple[tuple[str, Effect], ...]:
    """Label and effect of removing alone each confounder that `listed` names; the largest effect first.

    Raises:
        InputError: no scan is open, or nothing was asked of it.
    """
    encoded = _encoded(state)
    if state.observed is None:
        raise InputError(text.NO_DESCRIPTION)
    observed = shown_mask(state.observed, anyway=state.anyway)
    present, absent = listed(engine, state)
    possible = {id_: label for id_, label in labels(engine, encoded).items() if id_ in (*present, *absent)}
    answers = engine.counterfactuals(encoded, state.description, [*possible])
    effects = (
        (label, effect(observed, shown_mask(answers[id_], anyway=state.anyway))) for id_, label in possible.items()
    )
    return tuple(sorted(effects, key=lambda row: (row[1].dice, -abs(row[1].change_px))))


def add(
    engine: Engine, state: SessionState, confounder: str | None, strength: int | float, seed: int | None
) -> SessionState:
    """Put the scan with one confounder simulated on screen; always added to the scan as it was opened."""
    original = state.opened or _encoded(state)
    if not confounder:
        raise InputError(text.PICK_FIRST)
    if seed is None or not 0 <= seed <= _MAX_SEED:
        raise InputError(text.BAD_SEED)
    encoded = _with_typed(engine, state, engine.encode(engine.add(original.scan, confounder, float(strength), seed)))
    label = next(entry.label for entry in engine.confounders if entry.id == confounder)
    mark = text.simulated(label, strength, seed)
    return _redone(
        engine, state, replace(_on_screen(engine, encoded), original=original, simulated=mark, window=state.window)
    )


def back_to_original(engine: Engine, state: SessionState) -> SessionState:
    """The scan as it was opened; it is not encoded again."""
    original = state.opened or _encoded(state)
    seen = _on_screen(engine, _with_typed(engine, state, original))
    return _redone(engine, state, replace(seen, window=state.window))


def listed(engine: Engine, state: SessionState) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids of the confounders detected in the scan on screen, and of the others that can occur in its modality.

    Both strongest first; those that were typed in stand after what was detected.
    """
    encoded = _encoded(state)
    kind = encoded.scan.modality
    possible = (entry.id for entry in engine.confounders if kind is None or kind in entry.modalities)
    others = tuple(id_ for id_ in possible if id_ not in state.detected)
    present = (*_strongest_first(encoded, state.detected), *_typed(engine, encoded))
    return present, _strongest_first(encoded, others)


def _strongest_first(encoded: EncodedScan, ids: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(ids, key=lambda id_: -encoded.strength[id_]))


def _typed(engine: Engine, encoded: EncodedScan | None) -> tuple[str, ...]:
    """The confounders that were typed in for a scan."""
    known = {entry.id for entry in engine.confounders}
    return () if encoded is None else tuple(id_ for id_ in encoded.strength if id_ not in known)


def _with_typed(engine: Engine, state: SessionState, encoded: EncodedScan) -> EncodedScan:
    """Another look at what is on screen, with all that was typed in there."""
    for typed in _typed(engine, state.encoded):
        encoded = engine.look_for(encoded, typed)
    return encoded


def _ordered(engine: Engine, encoded: EncodedScan | None, ids: Sequence[str]) -> tuple[str, ...]:
    known = [entry.id for entry in engine.confounders] if encoded is None else list(encoded.strength)
    return tuple(id_ for id_ in known if id_ in set(ids))


def _slice_mask(engine: Engine, state: SessionState, encoded: EncodedScan) -> Bool[np.ndarray, "height width"]:
    removal = engine.detected(encoded) if state.is_adjusted else state.removed
    return shown_mask(engine.segment(encoded, state.description, removal), anyway=state.anyway)


def _looked(engine: Engine, state: SessionState, scan: Scan, window: Window | None) -> SessionState:
    """Ask of another look at the file what was asked before; the adjusted mask stays the adjusted one."""
    seen = _on_screen(engine, _with_typed(engine, state, engine.encode(scan)))
    removed = seen.detected if state.is_adjusted else state.removed
    return _redone(engine, state, replace(seen, removed=removed, window=window))


def _window(center: int | float | None, width: int | float | None) -> Window:
    if center is None or width is None or not (isfinite(center) and isfinite(width) and width >= 0):
        raise InputError(text.BAD_WINDOW)
    return Window(float(center), float(width))


def _numbers(window: Window) -> tuple[float, float]:
    return shown_number(window.center), shown_number(window.width)


def _read_series(uploads: Sequence[Path], settings: Settings) -> Scan:
    with tempfile.TemporaryDirectory() as folder:
        for place, upload in enumerate(uploads):
            shutil.move(upload, Path(folder) / f"{place:06d}")
        return read_scan(Path(folder), settings=settings)


def _redone(engine: Engine, before: SessionState, state: SessionState) -> SessionState:
    """Ask of another picture what was asked before."""
    return look_again(engine, replace(state, anyway=before.anyway), before.description)


def opened(engine: Engine, scan: Scan) -> SessionState:
    """A scan on screen, nothing asked of it yet."""
    return _on_screen(engine, engine.encode(scan))


def asked_again(engine: Engine, state: SessionState, description: str, removed: Sequence[str]) -> SessionState:
    """The scan on screen, asked as it was at another time; what had been typed in then is looked for again."""
    encoded, wanted = _encoded(state), removed if engine.removes_named else ()
    for id_ in wanted:
        encoded = engine.look_for(encoded, id_)
    removal = _ordered(engine, encoded, wanted)
    return _segmented(engine, replace(state, encoded=encoded, description=description, removed=removal, observed=None))


def _what_moved(engine: Engine, before: SessionState, after: SessionState) -> Switched | None:
    """The one confounder that was switched, and what became of the mask."""
    moved = {*before.removed} ^ {*after.removed}
    if len(moved) != 1 or before.current is None or after.current is None:
        return None
    (id_,) = moved
    label = labels(engine, _encoded(after))[id_]
    change = effect(shown_mask(before.current, anyway=before.anyway), shown_mask(after.current, anyway=after.anyway))
    return Switched(label, id_ in after.removed, change)


def _on_screen(engine: Engine, encoded: EncodedScan) -> SessionState:
    detected = engine.detected(encoded)
    return SessionState(encoded=encoded, detected=detected, removed=detected)


def _segmented(engine: Engine, state: SessionState) -> SessionState:
    """Answer the state's description under its removal; the observed mask is made once a description."""
    encoded = _encoded(state)
    observed = state.observed or engine.segment(encoded, state.description, None)
    current = engine.segment(encoded, state.description, state.removed) if state.removed else observed
    return replace(state, observed=observed, current=current, switched=None)


def _opened_scan(state: SessionState) -> Scan:
    return (state.opened or _encoded(state)).scan


def _encoded(state: SessionState) -> EncodedScan:
    if state.encoded is None:
        raise InputError(text.OPEN_FIRST)
    return state.encoded
