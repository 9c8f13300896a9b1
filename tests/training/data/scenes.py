"""Pictures drawn here that carry one artefact each, as a lifter expects it, and the same pictures without it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageDraw, ImageFont

SIDE_PX = 256
SKIN, TISSUE, MUCOSA, CHEST = (205, 160, 140), (70, 70, 70), (190, 90, 80), (110, 110, 110)


class Scene(NamedTuple):
    """A picture with and without its artefact."""

    carrying_u8: UInt8[np.ndarray, "height width 3"]
    clean_u8: UInt8[np.ndarray, "height width 3"]

    @property
    def truth(self) -> Bool[np.ndarray, "height width"]:
        """Where the artefact is."""
        return np.abs(self.carrying_u8.astype(int) - self.clean_u8).max(2) > 20


def scene(artefact: str) -> Scene:
    """The scene of an artefact."""
    colour, draw = _SCENES[artefact]
    grain = np.random.default_rng(0).normal(0, 2, (SIDE_PX, SIDE_PX, 1))
    clean_u8 = (np.array(colour) + grain).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(clean_u8)
    draw(ImageDraw.Draw(picture))
    carrying_u8 = np.array(picture)
    if artefact == "dark_corner":
        rows, columns = np.indices((SIDE_PX, SIDE_PX)) - SIDE_PX / 2
        light = (1.7 - np.hypot(rows, columns) / 128)[..., None].clip(0.05, 1)
        carrying_u8 = (clean_u8 * light).astype(np.uint8)
    return Scene(carrying_u8, clean_u8)


def _hair(draw: ImageDraw.ImageDraw) -> None:
    for start in (20, 90, 170):
        draw.line([(start, 0), (start + 20, 90), (start + 60, 200)], fill=(50, 35, 30), width=2)


def _ruler(draw: ImageDraw.ImageDraw) -> None:
    draw.line([(40, 220), (210, 220)], fill=(60, 50, 50), width=1)
    for tick, x in enumerate(range(40, 211, 8)):
        draw.line([(x, 220), (x, 212 if tick % 5 else 206)], fill=(60, 50, 50), width=1)


def _ink(draw: ImageDraw.ImageDraw) -> None:
    draw.line([(20, 30), (60, 22), (110, 40)], fill=(90, 60, 150), width=9)


def _wires(draw: ImageDraw.ImageDraw) -> None:
    draw.line([(20, 40), (120, 150), (240, 170)], fill=(200, 200, 200), width=2)


def _text(draw: ImageDraw.ImageDraw) -> None:
    draw.text((40, 200), "RT AXILLA", fill=(250, 250, 250), font=ImageFont.load_default(14))


def _calipers(draw: ImageDraw.ImageDraw) -> None:
    for x, y in [(60, 90), (150, 120), (100, 60)]:
        draw.line([(x - 5, y), (x + 5, y)], fill=(250, 250, 250))
        draw.line([(x, y - 5), (x, y + 5)], fill=(250, 250, 250))


def _side_marker(draw: ImageDraw.ImageDraw) -> None:
    draw.text((30, 30), "R", fill=(245, 245, 245), font=ImageFont.load_default(22))


def _bubbles(draw: ImageDraw.ImageDraw) -> None:
    for x, y in [(40, 40), (200, 60), (60, 200), (210, 190)]:
        draw.ellipse([x - 3, y - 3, x + 3, y + 3], outline=(250, 245, 240))


def _patch(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse([210, 60, 300, 150], fill=(30, 120, 200))


def _nothing(draw: ImageDraw.ImageDraw) -> None:
    """A change of light, made in `scene`."""


def _highlights(draw: ImageDraw.ImageDraw) -> None:
    for x, y in [(120, 90), (180, 60), (150, 170)]:
        draw.ellipse([x - 6, y - 3, x + 6, y + 3], fill=(255, 255, 252))


def _burnt(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse([120, 60, 210, 120], fill=(255, 253, 250))


def _box(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle([0, 180, 80, 255], fill=(2, 2, 2))


_SCENES: dict[str, tuple[tuple[int, int, int], Callable[[ImageDraw.ImageDraw], None]]] = {
    "hair": (SKIN, _hair),
    "ruler": (SKIN, _ruler),
    "ink": (SKIN, _ink),
    "wires": (CHEST, _wires),
    "burned_in_text": (TISSUE, _text),
    "calipers": (TISSUE, _calipers),
    "side_marker": (CHEST, _side_marker),
    "gel_bubble": (SKIN, _bubbles),
    "patches": (SKIN, _patch),
    "dark_corner": (SKIN, _nothing),
    "specular_highlight": (MUCOSA, _highlights),
    "over_exposure": (MUCOSA, _burnt),
    "position_box": (MUCOSA, _box),
}
