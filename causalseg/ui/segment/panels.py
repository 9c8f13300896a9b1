"""The small HTML panels around the picture. Whatever came from a file or a person is escaped here."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from causalseg.annotations.exports import Exported
from causalseg.scan import Scan
from causalseg.ui import pictures, shared_text
from causalseg.ui.segment import text
from causalseg.ui.segment.mask_change import Effect, area_mm2, effect, shift
from causalseg.ui.segment.session import SessionState, VolumeMask, shown_mask
from causalseg.ui.segment.switch_reliability import Reliability
from causalseg.ui.segment.uncertain_places import Place

_MOST_NAMED = 3
"""Confounders named in the status line; more are counted, and the ticks say which."""


def picture(picture_u8: UInt8[np.ndarray, "side side channels"], *, alt: str) -> str:
    """An image element."""
    return f'<img src="{pictures.png_uri(picture_u8)}" alt="{escape(alt)}">'


def facts(scan: Scan, simulated: str) -> str:
    """Format, size, modality and spacing, then warnings, then the header folded away."""
    parts = [f'<p class="facts">{escape(text.scan_facts(scan))}</p>']
    if simulated:
        parts.append(f'<p class="simulated">{escape(simulated)}</p>')
    parts += [f'<p class="warning">{escape(sentence)}</p>' for sentence in scan.warnings]
    if scan.header:
        rows = "".join(f"<tr><td>{escape(key)}</td><td>{escape(value)}</td></tr>" for key, value in scan.header.items())
        parts.append(f"<details><summary>header</summary><table>{rows}</table></details>")
    return "".join(parts)


def answer(state: SessionState) -> str:
    """Whether what is described is in the scan."""
    if state.current is None:
        return f'<p class="quiet">{text.NO_DESCRIPTION if state.encoded else text.NO_SCAN}</p>'
    found = state.current.found
    sentence = text.presence(state.current.presence, found=found, anyway=state.anyway)
    return f'<p class="{"found" if found else "absent"}">{sentence}</p>'


def status(state: SessionState, removed_labels: Sequence[str]) -> str:
    """Which mask is on screen, how large it is, how long it took."""
    if state.encoded is None or state.current is None or state.observed is None:
        return ""
    mask = shown_mask(state.current, anyway=state.anyway)
    area = _area(int(mask.sum()), state.encoded.scan.spacing_mm)
    parts = [f"<b>{state.mask_word} mask</b>", _removed(removed_labels), area]
    if not state.removed and not state.detected:
        parts.append("nothing detected, so the adjusted mask is the same")
    parts.append(f"{1000 * state.current.seconds:.0f} ms")
    return " · ".join(parts)


def effect_line(state: SessionState) -> str:
    """How far the mask on screen is from the observed one, and what the switch that was clicked last did to it."""
    if state.encoded is None or state.current is None or state.observed is None:
        return ""
    spacing_mm, parts = state.encoded.scan.spacing_mm, []
    if state.removed:
        observed, mask = (shown_mask(one, anyway=state.anyway) for one in (state.observed, state.current))
        parts.append(f"{_effect(effect(observed, mask), spacing_mm)} to observed")
    if state.switched is not None:
        last = state.switched
        words = text.switched(last.label, is_removed=last.is_removed)
        parts.append(f"{escape(words)}: {_change(last.effect, spacing_mm)}, Dice {last.effect.dice:.2f}")
    return " · ".join(parts)


def checks(places: Sequence[Place], hw: tuple[int, int]) -> str:
    """A button for each uncertain place; app.js looks closer at `data-x` and `data-y`, in [0, 1] of the square."""
    if not places:
        return ""
    buttons = "".join(
        f'<button type="button" class="check" data-x="{x:.4f}" data-y="{y:.4f}" aria-pressed="false" '
        f'aria-label="{text.check_place(number, place.doubt)}">{number}</button>'
        for number, (place, (x, y)) in enumerate(zip(places, _on_view(places, hw), strict=True), start=1)
    )
    return f'<span title="{text.CHECK_WHY}">{text.CHECK_HERE}</span> {buttons}'


def rings(places: Sequence[Place], hw: tuple[int, int]) -> str:
    """A numbered ring around each uncertain place, over the mask."""
    drawn = "".join(
        f'<circle cx="{100 * x:.2f}" cy="{100 * y:.2f}" r="4"/>'
        f'<text x="{100 * x + 5:.2f}" y="{100 * y - 3:.2f}">{number}</text>'
        for number, (x, y) in enumerate(_on_view(places, hw), start=1)
    )
    return f'<svg viewBox="0 0 100 100" aria-hidden="true">{drawn}</svg>' if drawn else ""


def where(caption: str, layer: UInt8[np.ndarray, "side side 4"] | None) -> str:
    """A confounder's map over the scan, and what it is, with a button to hide it."""
    tint = "" if layer is None else picture(layer, alt=caption)
    button = f'<button type="button" data-id="">{text.WHERE_HIDE}</button>'
    return f"{tint}<p>{escape(caption)} {button}</p>"


def masthead(model: str) -> str:
    """The page's name, what answers, and the button for the keys."""
    return (
        f"<h1>{shared_text.TITLE}</h1><span>{escape(model)} · {text.PLACE}</span>"
        f'<button type="button" id="help" aria-haspopup="dialog">{text.HELP}</button>'
    )


def sheet() -> str:
    """The keys, in a dialog that app.js opens."""
    rows = "".join(f"<tr><th scope='row'>{key}</th><td>{escape(what)}</td></tr>" for key, what in text.KEY_SHEET)
    return (
        f'<dialog id="keys" aria-labelledby="keys-title"><h2 id="keys-title">{text.KEYS_TITLE}</h2>'
        f"<table>{rows}</table>"
        f'<button type="button" id="keys-close" autofocus>{text.CLOSE}</button></dialog>'
    )


def tour() -> str:
    """The first steps, one at a time; app.js shows them to whoever has not seen them in this browser."""
    steps = "".join(
        f'<div class="step" data-shows="{shows}" hidden><h2>{number}. {title}</h2><p>{words}</p></div>'
        for number, (shows, title, words) in enumerate(text.TOUR, start=1)
    )
    return (
        f'<section id="tour" aria-label="{text.TOUR_LABEL}" hidden>{steps}'
        f'<button type="button" id="tour-next">{text.TOUR_NEXT}</button>'
        f'<button type="button" id="tour-close">{text.TOUR_CLOSE}</button></section>'
    )


def volume_progress(mask: VolumeMask, seconds: float) -> str:
    """How far a long task is, and how long it will take, after `seconds` of it."""
    done, total = int(mask.is_done.sum()), len(mask.is_done)
    left_seconds = None if done == total else seconds / done * (total - done)
    return f'<p class="quiet" role="status">{escape(text.volume_progress(done, total, left_seconds))}</p>'


def volume(mask: VolumeMask | None, scan: Scan) -> str:
    """How many slices have a mask, and how much they hold where the voxels' size is known."""
    if mask is None:
        return ""
    words = text.volume_done(int(mask.is_done.sum()), scan.count, scan.axis, _millilitres(mask, scan))
    return f'<p class="quiet" title="{escape(mask.description)}, {mask.mask_word}">{escape(words)}</p>'


class Bar(NamedTuple):
    """What stands beside a switch."""

    id: str
    label: str
    strength: float
    """In [0, 1]."""
    reliability: Reliability


class Says(NamedTuple):
    """What a person says of a confounder in the picture on screen."""

    id: str
    label: str | None
    """None where it is not of the dictionary: nothing is said of what was typed in."""
    present: bool | None
    """None where nothing is said."""


def says(rows: Iterable[Says], scan_sha256: str, index: int) -> str:
    """Two buttons a row, there or not there; a click carries `act`, `confounder`, `scan` and `index`."""
    place = f'data-scan="{scan_sha256}" data-index="{index}"'
    return "".join(f'<div class="says">{_says(row, place) if row.label else ""}</div>' for row in rows)


def _says(row: Says, place: str) -> str:
    return "".join(
        f'<button type="button" data-act="{word}" data-confounder="{row.id}" {place} '
        f'aria-pressed="{str(row.present is is_there).lower()}" '
        f'aria-label="{word}, {escape(row.label or "")} {text.IS_THERE[is_there]}">{word}</button>'
        for word, is_there in (("yes", True), ("no", False))
    )


def bars(rows: Iterable[Bar], picture_name: str, shown: str | None = None) -> str:
    """A row beside each switch: its strength as bar and number, how far it can be believed, a button for its map.

    `shown` is the id of the confounder whose map is on screen. `picture_name` makes the panel of another picture
    another value, whatever its strengths are, so that its change can be listened to.
    """
    return f'<div data-picture="{escape(picture_name)}"></div>' + "".join(
        f'<div class="bar"><span><i style="width:{100 * bar.strength:.0f}%"></i></span><b>{bar.strength:.2f}</b>'
        f'<em title="{escape(bar.reliability.reason)}">{escape(bar.reliability.word)}</em>'
        f'<button type="button" data-id="{escape(bar.id)}" aria-pressed="{str(bar.id == shown).lower()}" '
        f'aria-label="{escape(bar.label)}: {text.WHERE}">{text.WHERE}</button></div>'
        for bar in rows
    )


def ranking(effects: Sequence[tuple[str, Effect]], spacing_mm: tuple[float, float] | None) -> str:
    """Label and effect of each single removal, as given."""
    rows = "".join(
        f"<tr><td>{escape(label)}</td><td>{_change(change, spacing_mm)}</td>"
        f"<td>{_shift(change, spacing_mm) or '–'}</td><td>{change.dice:.2f}</td></tr>"
        for label, change in effects
    )
    return (
        f"<table class='ranking'><tr><th>removed alone</th><th>area</th><th>centre</th><th>Dice</th></tr>{rows}</table>"
    )


def problems(exports: Iterable[Exported]) -> str:
    """Why a format is missing, a line each."""
    return "".join(
        f'<p class="warning"><b>{text.EXPORT_FORMATS[one.format]}</b>: {escape(one.problem)}</p>'
        for one in exports
        if one.problem is not None
    )


def message(sentence: str) -> str:
    """A sentence for the person, or nothing."""
    return f'<p role="alert">{escape(sentence)}</p>' if sentence else ""


def warning(sentence: str) -> str:
    """A sentence that stays, or nothing."""
    return f'<p class="warning">{escape(sentence)}</p>' if sentence else ""


def note(sentence: str) -> str:
    """A quiet sentence."""
    return f'<p class="quiet">{escape(sentence)}</p>'


def _removed(labels: Sequence[str]) -> str:
    if not labels:
        return "nothing removed"
    return escape("without " + (", ".join(labels) if len(labels) <= _MOST_NAMED else f"{len(labels)} confounders"))


def _millilitres(mask: VolumeMask, scan: Scan) -> float | None:
    spacing_mm = scan.volume.spacing_mm if scan.volume and scan.axis == "slice" else (None,)
    if None in spacing_mm:
        return None
    return int(mask.masks[mask.is_done].sum()) * float(np.prod([abs(mm or 0.0) for mm in spacing_mm])) / 1000


def _area(area_px: int, spacing_mm: tuple[float, float] | None) -> str:
    square_mm = area_mm2(area_px, spacing_mm)
    return f"{area_px:,} px" if square_mm is None else f"{area_px:,} px, {square_mm:,.0f} mm²"


def _effect(change: Effect, spacing_mm: tuple[float, float] | None) -> str:
    """Area, Dice, and where the centre went: all in one line."""
    moved = _shift(change, spacing_mm)
    centre = "" if moved is None else f", centre {moved}"
    return f"{_change(change, spacing_mm)}{centre}, Dice {change.dice:.2f}"


def _shift(change: Effect, spacing_mm: tuple[float, float] | None) -> str | None:
    length = shift(change, spacing_mm)
    return None if length is None else f"{length:.1f} {'px' if spacing_mm is None else 'mm'}"


def _on_view(places: Sequence[Place], hw: tuple[int, int]) -> list[tuple[float, float]]:
    points = np.array([(place.x, place.y) for place in places], dtype=np.float64).reshape(-1, 2)
    return [(float(x), float(y)) for x, y in pictures.on_view(points, hw)]


def _change(change: Effect, spacing_mm: tuple[float, float] | None) -> str:
    if change.change_px == 0:
        return "±0 px"
    square_mm = area_mm2(change.change_px, spacing_mm)
    amount = f"{change.change_px:+,} px" if square_mm is None else f"{square_mm:+,.1f} mm²"
    share = "" if change.change_share is None else f" ({change.change_share:+.1%})"
    return (amount + share).replace("-", "−")
