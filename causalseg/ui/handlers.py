"""What each event of the page does: functions of values, no Gradio.

Every handler of the model is `(engine, state, ...) -> SessionState`; a scan is read and encoded when it is opened
and never again.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from causalseg.engine import EncodedScan, Engine
from causalseg.errors import InputError
from causalseg.scan import read_scan
from causalseg.scan.types import Scan
from causalseg.settings import Settings
from causalseg.ui import copy
from causalseg.ui.examples import Example, read_example
from causalseg.ui.measure import Effect, effect
from causalseg.ui.state import SessionState, shown_mask

_MAX_SEED = 2**32 - 1


def open_upload(
    engine: Engine, settings: Settings, state: SessionState, path: str | None, description: str
) -> SessionState:
    """The file that was dropped or chosen; it is deleted from the disk once read."""
    if path is None:
        return state
    upload = Path(path)
    try:
        scan = read_scan(upload, settings=settings)
    finally:
        upload.unlink(missing_ok=True)
    return look_again(engine, _opened(engine, scan), description)


def open_example(engine: Engine, settings: Settings, example: Example) -> SessionState:
    """An example, with its own description."""
    return look_again(engine, _opened(engine, read_example(example, settings)), example.description)


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


def switch(engine: Engine, state: SessionState, removed: Sequence[str]) -> SessionState:
    """Remove exactly `removed`, in the dictionary's order whatever order they were ticked in."""
    ordered = tuple(entry.id for entry in engine.confounders if entry.id in set(removed))
    switched = replace(state, removed=ordered)
    return _segmented(engine, switched) if state.observed is not None else switched


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
        raise InputError(copy.NO_DESCRIPTION)
    observed = shown_mask(state.observed, anyway=state.anyway)
    present, absent = listed(engine, state)
    possible = {entry.id: entry.label for entry in engine.confounders if entry.id in (*present, *absent)}
    answers = engine.counterfactuals(encoded, state.description)
    effects = (
        (label, effect(observed, shown_mask(answers[id_], anyway=state.anyway))) for id_, label in possible.items()
    )
    return tuple(sorted(effects, key=lambda row: (row[1].dice, -abs(row[1].change_px))))


def add(engine: Engine, state: SessionState, confounder: str | None, strength: float, seed: int | None) -> SessionState:
    """Put the scan with one confounder simulated on screen; always added to the scan as it was opened."""
    original = state.original or _encoded(state)
    if not confounder:
        raise InputError(copy.PICK_FIRST)
    if seed is None or not 0 <= seed <= _MAX_SEED:
        raise InputError(copy.BAD_SEED)
    encoded = engine.encode(engine.add(original.scan, confounder, strength, seed))
    label = next(entry.label for entry in engine.confounders if entry.id == confounder)
    mark = copy.simulated(label, strength, seed)
    return _redone(engine, state, replace(_on_screen(engine, encoded), original=original, simulated=mark))


def back_to_original(engine: Engine, state: SessionState) -> SessionState:
    """The scan as it was opened; it is not encoded again."""
    original = state.original or _encoded(state)
    return _redone(engine, state, _on_screen(engine, original))


def listed(engine: Engine, state: SessionState) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids of the confounders detected in the scan on screen, and of the others that can occur in its modality.

    Both strongest first.
    """
    encoded = _encoded(state)
    kind = encoded.scan.modality
    possible = (entry.id for entry in engine.confounders if kind is None or kind in entry.modalities)
    others = tuple(id_ for id_ in possible if id_ not in state.detected)
    return _strongest_first(encoded, state.detected), _strongest_first(encoded, others)


def _strongest_first(encoded: EncodedScan, ids: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(ids, key=lambda id_: -encoded.strength[id_]))


def _redone(engine: Engine, before: SessionState, state: SessionState) -> SessionState:
    """Ask of another picture what was asked before."""
    return look_again(engine, replace(state, anyway=before.anyway), before.description)


def _opened(engine: Engine, scan: Scan) -> SessionState:
    return _on_screen(engine, engine.encode(scan))


def _on_screen(engine: Engine, encoded: EncodedScan) -> SessionState:
    detected = engine.detected(encoded)
    return SessionState(encoded=encoded, detected=detected, removed=detected)


def _segmented(engine: Engine, state: SessionState) -> SessionState:
    """Answer the state's description under its removal; the observed mask is made once a description."""
    encoded = _encoded(state)
    observed = state.observed or engine.segment(encoded, state.description, None)
    current = engine.segment(encoded, state.description, state.removed) if state.removed else observed
    return replace(state, observed=observed, current=current)


def _encoded(state: SessionState) -> EncodedScan:
    if state.encoded is None:
        raise InputError(copy.OPEN_FIRST)
    return state.encoded
