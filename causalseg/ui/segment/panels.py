"""The small HTML panels around the picture, from templates/segment.html, which says what each is."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from markupsafe import escape

from causalseg.scan import Scan
from causalseg.ui import pictures
from causalseg.ui.segment import text
from causalseg.ui.segment.mask_change import Effect, area_mm2, effect, shift
from causalseg.ui.segment.session import SessionState, VolumeMask, Without, shown_mask
from causalseg.ui.segment.switch_reliability import Mark
from causalseg.ui.segment.uncertain_places import Place
from causalseg.ui.templates import macros

_macro = macros("segment.html", text=text)
warning, note, facts, answer, scan_picture = map(_macro, ("warning", "note", "facts", "answer", "scan_picture"))
masthead, sheets, hide_button = map(_macro, ("masthead", "sheets", "hide_button"))
without_nothing, without_large = map(_macro, ("without_nothing", "without_large"))
bars, votes, problems = map(_macro, ("bars", "votes", "problems"))
Spacing = tuple[float, float] | None
"""Between pixels, down and to the right, in mm; None where it is not known."""


class Bar(NamedTuple):
    """What stands beside a switch."""

    id: str
    label: str
    strength: float
    """In [0, 1]."""
    seen: Mark
    """In real scans."""
    removal: Mark


class Vote(NamedTuple):
    """What a person says of a confounder in the picture on screen."""

    id: str
    label: str | None
    """None where it is not of the dictionary: nothing is said of what was typed in."""
    present: bool | None
    """None where nothing is said."""


def picture(picture_u8: UInt8[np.ndarray, "side side channels"], *, alt: str) -> str:
    """An image element."""
    return _macro("image")(pictures.png_uri(picture_u8), alt)


def where(caption: str, layer: UInt8[np.ndarray, "side side 4"] | None) -> str:
    """A confounder's map over the scan, and what it is, with a button to hide it."""
    return _macro("where")(caption, None if layer is None else pictures.png_uri(layer))


def without(made: Without, removed_labels: Sequence[str], hiding_labels: Sequence[str]) -> str:
    """The scan without what is removed, small, and what it is."""
    said = text.WITHOUT_WHY if made.is_changed else text.WITHOUT_UNCHANGED
    if made.hidden.any():
        said = text.hidden(hiding_labels)
    return _macro("without")(_without_uri(made, pictures.BESIDE_SIDE_PX), text.without(removed_labels), said)


def without_picture(made: Without, removed_labels: Sequence[str]) -> str:
    """The same in place of the scan, with a ribbon that says what it is."""
    return _macro("without_picture")(_without_uri(made, pictures.VIEW_SIDE_PX), text.without(removed_labels))


def status(state: SessionState, removed_labels: Sequence[str]) -> str:
    """Which mask is on screen, how large it is, how long it took."""
    if state.encoded is None or state.current is None or state.observed is None:
        return ""
    area_px = int(shown_mask(state.current, anyway=state.anyway).sum())
    square_mm = area_mm2(area_px, state.encoded.scan.spacing_mm)
    parts = [_removed(removed_labels), f"{area_px:,} px" + ("" if square_mm is None else f", {square_mm:,.0f} mm²")]
    if not state.removed and not state.detected:
        parts.append(text.ADJUSTED_IS_THE_SAME)
    return _macro("status")(state.mask_word, [*parts, f"{1000 * state.current.seconds:.0f} ms"])


def effect_line(state: SessionState) -> str:
    """How far the mask on screen is from the observed one, and what the switch that was clicked last did to it."""
    if state.encoded is None or state.current is None or state.observed is None:
        return ""
    spacing_mm, parts = state.encoded.scan.spacing_mm, []
    if state.removed:
        observed, mask = (shown_mask(one, anyway=state.anyway) for one in (state.observed, state.current))
        change = effect(observed, mask)
        moved = _shift(change, spacing_mm)
        centre = "" if moved is None else f", centre {moved}"
        parts.append(f"{_change(change, spacing_mm)}{centre}, Dice {change.dice:.2f} to observed")
    if state.switched is not None:
        last = state.switched
        words = text.switched(last.label, is_removed=last.is_removed)
        parts.append(f"{words}: {_change(last.effect, spacing_mm)}, Dice {last.effect.dice:.2f}")
    return str(escape(" · ".join(parts)))


def checks(places: Sequence[Place], hw: tuple[int, int]) -> str:
    """A button for each uncertain place; app.js looks closer at it."""
    return _macro("checks")(_on_view(places, hw))


def rings(places: Sequence[Place], hw: tuple[int, int]) -> str:
    """A numbered ring around each uncertain place, over the mask."""
    return _macro("rings")(_on_view(places, hw))


def volume_progress(mask: VolumeMask, seconds: float) -> str:
    """How far a long task is, and how long it will take, after `seconds` of it."""
    done, total = int(mask.is_done.sum()), len(mask.is_done)
    left_seconds = None if done == total else seconds / done * (total - done)
    return note(text.volume_progress(done, total, left_seconds), role="status")


def volume(mask: VolumeMask | None, scan: Scan) -> str:
    """How many slices have a mask, and how much they hold where the voxels' size is known."""
    if mask is None:
        return ""
    words = text.volume_done(int(mask.is_done.sum()), scan.count, scan.axis, _millilitres(mask, scan))
    return note(words, title=f"{mask.description}, {mask.mask_word}")


def ranking(effects: Iterable[tuple[str, Effect]], spacing_mm: Spacing) -> str:
    """Label and effect of each single removal, as given."""
    return _macro("ranking")(
        [
            (label, _change(change, spacing_mm), _shift(change, spacing_mm) or "–", f"{change.dice:.2f}")
            for label, change in effects
        ]
    )


def _without_uri(made: Without, side_px: int) -> str:
    return pictures.png_uri(pictures.without(made.image_u8, made.hidden, side_px))


def _removed(labels: Sequence[str]) -> str:
    if not labels:
        return "nothing removed"
    return "without " + (", ".join(labels) if len(labels) <= text.MOST_NAMED else f"{len(labels)} confounders")


def _millilitres(mask: VolumeMask, scan: Scan) -> float | None:
    spacing_mm = scan.volume.spacing_mm if scan.volume and scan.axis == "slice" else (None,)
    if None in spacing_mm:
        return None
    return int(mask.masks[mask.is_done].sum()) * float(np.prod([abs(mm or 0.0) for mm in spacing_mm])) / 1000


def _shift(change: Effect, spacing_mm: Spacing) -> str | None:
    length = shift(change, spacing_mm)
    return None if length is None else f"{length:.1f} {'px' if spacing_mm is None else 'mm'}"


def _on_view(places: Sequence[Place], hw: tuple[int, int]) -> list[Place]:
    """The places in [0, 1] of the page's square."""
    points = np.array([(place.x, place.y) for place in places], dtype=np.float64).reshape(-1, 2)
    seen = pictures.on_view(points, hw)
    return [place._replace(x=float(x), y=float(y)) for place, (x, y) in zip(places, seen, strict=True)]


def _change(change: Effect, spacing_mm: Spacing) -> str:
    if change.change_px == 0:
        return "±0 px"
    square_mm = area_mm2(change.change_px, spacing_mm)
    amount = f"{change.change_px:+,} px" if square_mm is None else f"{square_mm:+,.1f} mm²"
    share = "" if change.change_share is None else f" ({change.change_share:+.1%})"
    return (amount + share).replace("-", "−")
