"""The small HTML panels around the picture. Whatever came from a file or a person is escaped here."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from jaxtyping import UInt8

from causalseg.annotations.export import Exported
from causalseg.scan.types import Scan
from causalseg.ui import copy, render
from causalseg.ui.measure import Effect, area_mm2, effect
from causalseg.ui.reliability import Reliability
from causalseg.ui.state import SessionState, VolumeMask, shown_mask

_MOST_NAMED = 3
"""Confounders named in the status line; more are counted, and the ticks say which."""


def picture(picture_u8: UInt8[np.ndarray, "side side channels"], *, alt: str) -> str:
    """An image element."""
    return f'<img src="{render.png_uri(picture_u8)}" alt="{escape(alt)}">'


def facts(scan: Scan, simulated: str) -> str:
    """Format, size, modality and spacing, then warnings, then the header folded away."""
    parts = [f'<p class="facts">{escape(copy.scan_facts(scan))}</p>']
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
        return f'<p class="quiet">{copy.NO_DESCRIPTION if state.encoded else copy.NO_SCAN}</p>'
    found = state.current.found
    sentence = copy.presence(state.current.presence, found=found, anyway=state.anyway)
    return f'<p class="{"found" if found else "absent"}">{sentence}</p>'


def status(state: SessionState, removed_labels: Sequence[str]) -> str:
    """Which mask is on screen, how large it is, how far it is from the observed one, how long it took."""
    if state.encoded is None or state.current is None or state.observed is None:
        return ""
    mask = shown_mask(state.current, anyway=state.anyway)
    change = effect(shown_mask(state.observed, anyway=state.anyway), mask)
    spacing_mm = state.encoded.scan.spacing_mm
    parts = [f"<b>{state.mask_word} mask</b>", _removed(removed_labels), _area(change.area_px, spacing_mm)]
    if state.removed:
        parts.append(f"{_change(change, spacing_mm)}, Dice {change.dice:.2f} to observed")
    elif not state.detected:
        parts.append("nothing detected, so the adjusted mask is the same")
    parts.append(f"{1000 * state.current.seconds:.0f} ms")
    return " · ".join(parts)


def volume_progress(mask: VolumeMask, seconds: float) -> str:
    """How far a long task is, and how long it will take, after `seconds` of it."""
    done, total = int(mask.is_done.sum()), len(mask.is_done)
    left_seconds = None if done == total else seconds / done * (total - done)
    return f'<p class="quiet" role="status">{escape(copy.volume_progress(done, total, left_seconds))}</p>'


def volume(mask: VolumeMask | None, scan: Scan) -> str:
    """How many slices have a mask, and how much they hold where the voxels' size is known."""
    if mask is None:
        return ""
    words = copy.volume_done(int(mask.is_done.sum()), scan.count, scan.axis, _millilitres(mask, scan))
    return f'<p class="quiet" title="{escape(mask.description)}, {mask.mask_word}">{escape(words)}</p>'


def bars(rows: Iterable[tuple[float, Reliability]]) -> str:
    """A row beside each switch: its strength in [0, 1] as bar and number, and how far the switch can be believed."""
    return "".join(
        f'<div class="bar"><span><i style="width:{100 * strength:.0f}%"></i></span><b>{strength:.2f}</b>'
        f'<em title="{escape(switch.reason)}">{escape(switch.word)}</em></div>'
        for strength, switch in rows
    )


def ranking(effects: Sequence[tuple[str, Effect]], spacing_mm: tuple[float, float] | None) -> str:
    """Label and effect of each single removal, as given."""
    rows = "".join(
        f"<tr><td>{escape(label)}</td><td>{_change(change, spacing_mm)}</td><td>{change.dice:.2f}</td></tr>"
        for label, change in effects
    )
    return f"<table class='ranking'><tr><th>removed alone</th><th>area</th><th>Dice</th></tr>{rows}</table>"


def problems(exports: Iterable[Exported]) -> str:
    """Why a format is missing, a line each."""
    return "".join(
        f'<p class="warning"><b>{copy.EXPORT_FORMATS[one.format]}</b>: {escape(one.problem)}</p>'
        for one in exports
        if one.problem is not None
    )


def message(sentence: str) -> str:
    """A sentence for the person, or nothing."""
    return f'<p role="alert">{escape(sentence)}</p>' if sentence else ""


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


def _change(change: Effect, spacing_mm: tuple[float, float] | None) -> str:
    if change.change_px == 0:
        return "±0 px"
    square_mm = area_mm2(change.change_px, spacing_mm)
    amount = f"{change.change_px:+,} px" if square_mm is None else f"{square_mm:+,.1f} mm²"
    share = "" if change.change_share is None else f" ({change.change_share:+.1%})"
    return (amount + share).replace("-", "−")
