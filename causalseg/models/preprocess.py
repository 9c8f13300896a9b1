"""From a scan's own size to the network's square and back."""

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from PIL import Image
from torch import Tensor
from torch.nn import functional


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
