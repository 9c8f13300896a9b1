"""From a scan's own size to the network's square and back."""

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from PIL import Image
from torch import Tensor
from torch.nn import functional

_UNSEEN, _SEEN = 0.02, 0.08
"""Change of a pixel, in [-1, 1], that is not shown, and that is shown in full."""


def squash(image_u8: UInt8[np.ndarray, "..."], side_px: int) -> UInt8[np.ndarray, "..."]:
    """Resize a picture or a 0..255 mask to a square, aspect given up, area-averaged where it shrinks."""
    return np.asarray(Image.fromarray(image_u8).resize((side_px, side_px), Image.Resampling.BILINEAR))


def to_network(images_u8: UInt8[Tensor, "batch height width 3"]) -> Float[Tensor, "batch 3 height width"]:
    """Bytes to the network's range [-1, 1], channels last in memory."""
    scaled = images_u8.permute(0, 3, 1, 2).float() / 127.5 - 1
    return scaled.contiguous(memory_format=torch.channels_last)


def to_scan_probability(
    mask_logits: Float[Tensor, "1 1 height_l width_l"], hw: tuple[int, int], temperature: float
) -> Float32[np.ndarray, "height width"]:
    """Calibrated probabilities at a scan's own size: logits are interpolated, then divided by `temperature`."""
    logits = functional.interpolate(mask_logits.float(), size=hw, mode="bilinear")
    return (logits / temperature).sigmoid()[0, 0].cpu().numpy()


def map_at_scan_size(
    values: Float[Tensor, "map_height map_width"], hw: tuple[int, int]
) -> Float32[np.ndarray, "height width"]:
    """A coarse map of the network's square, interpolated to a scan's own size."""
    return functional.interpolate(values[None, None].float(), size=hw, mode="bilinear")[0, 0].cpu().numpy()


def at_scan_size(
    scan_u8: UInt8[np.ndarray, "height width 3"],
    picture: Float[Tensor, "1 3 side side"],
    changed: Float[Tensor, "1 3 side side"],
) -> UInt8[np.ndarray, "height width 3"]:
    """A change of the network's square laid on the scan: pixels far from any change stay the scan's own."""
    hw = scan_u8.shape[:2]
    moved = functional.max_pool2d((changed - picture).abs().amax(1, keepdim=True), 3, stride=1, padding=1)
    share = ((moved - _UNSEEN) / (_SEEN - _UNSEEN)).clamp(0, 1)
    alpha, colour = (functional.interpolate(one, size=hw, mode="bilinear") for one in (share, (changed + 1) * 127.5))
    weight = alpha[0, 0, :, :, None].numpy()
    laid = scan_u8 * (1 - weight) + colour[0].permute(1, 2, 0).numpy() * weight
    return np.rint(laid).clip(0, 255).astype(np.uint8)
