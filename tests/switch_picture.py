"""The README's picture of a switch: `python -m tests.switch_picture assets` draws it by day and by night.

A phantom, whose true outline is known, gets a confounder; the embedded checkpoint answers with it and without it.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
from jaxtyping import Bool, UInt8
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from PIL import Image

from causalseg.annotations import dice
from causalseg.causal.dictionary import load_dictionary
from causalseg.engine import Engine
from causalseg.phantoms import make_phantom
from causalseg.scan import read_scan

PHANTOM, SEED = "endoscopy", 0
CONFOUNDER, STRENGTH, CONFOUNDER_SEED = "sensor_noise", 0.9, 1
INK: Mapping[str, str] = {"switch.png": "#1f2328", "switch-dark.png": "#e6edf3"}
"""File -> colour of its words; the ground is transparent."""
MASK, BACK, GONE = "#56B4E9", "#0072B2", "#E69F00"
"""Okabe and Ito's colours, told apart by colour-blind people."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What is drawn."""

    image_u8: UInt8[np.ndarray, "height width 3"]
    truth: Bool[np.ndarray, "height width"]
    observed: Bool[np.ndarray, "height width"]
    switched_off: Bool[np.ndarray, "height width"]


def ask(engine: Engine) -> Answer:
    """The masks of the phantom with the confounder in it."""
    phantom = make_phantom(PHANTOM, SEED)
    scan = engine.add(read_scan(_png(phantom.image_u8)), CONFOUNDER, STRENGTH, CONFOUNDER_SEED)
    encoded = engine.encode(scan)
    masks = [engine.segment(encoded, phantom.description, remove).mask for remove in (None, [CONFOUNDER])]
    return Answer(scan.image_u8, phantom.mask, *masks)


def draw(answer: Answer, ink: str) -> Figure:
    """Four panels: the scan, the mask as it is, the mask with the confounder off, and what the switch changed."""
    label = next(entry.label for entry in load_dictionary() if entry.id == CONFOUNDER).lower()
    with mpl.rc_context({"text.color": ink, "font.size": 11, "font.family": "sans-serif"}):
        figure = Figure(figsize=(12, 3.5), layout="constrained")
        panels = figure.subplots(1, 4)
        for panel, title in zip(
            panels,
            (
                f"scan with {label} put in",
                f"observed mask\nDice {dice(answer.observed, answer.truth):.2f}",
                f"“{label}” switched off\nDice {dice(answer.switched_off, answer.truth):.2f}",
                "what the switch changed",
            ),
            strict=True,
        ):
            panel.imshow(answer.image_u8 if panel is not panels[3] else _faded(answer.image_u8))
            panel.set_title(title, color=ink)
            panel.axis("off")
        _tint(panels[1], answer.observed, MASK)
        _tint(panels[2], answer.switched_off, MASK)
        _tint(panels[3], answer.switched_off & ~answer.observed, BACK)
        _tint(panels[3], answer.observed & ~answer.switched_off, GONE)
        for panel, colour in zip(panels[1:], ("white", "white", "black"), strict=True):
            panel.contour(answer.truth, levels=[0.5], colors=colour, linewidths=1.2, linestyles="dashed")
        figure.legend(
            handles=[
                Patch(color=MASK, label="mask"),
                Patch(color=BACK, label="added by the switch"),
                Patch(color=GONE, label="taken away by the switch"),
                Line2D([], [], color="grey", linestyle="dashed", label="true outline"),
            ],
            loc="outside lower center",
            ncols=4,
            frameon=False,
        )
    return figure


def _faded(image_u8: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "height width 3"]:
    """Grey and light, so that colours laid over it stand out."""
    grey = 128 + image_u8.mean(axis=2) / 2
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)


def _tint(panel: Axes, mask: Bool[np.ndarray, "height width"], colour: str) -> None:
    layer = np.zeros((*mask.shape, 4))
    layer[mask] = to_rgba(colour, 0.65)
    panel.imshow(layer)


def _png(image_u8: UInt8[np.ndarray, "height width 3"]) -> bytes:
    buffer = BytesIO()
    Image.fromarray(image_u8).save(buffer, format="PNG")
    return buffer.getvalue()


def main(folder: Path) -> int:
    """Ask once, draw both pictures."""
    answer = ask(Engine.load())
    for name, ink in INK.items():
        draw(answer, ink).savefig(folder / name, dpi=100, transparent=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
