"""bfloat16 training on a CPU that computes in it, with the two kinds of convolution that are slow in it in float32.

Measured on a two-core AVX512-BF16 machine, forward and backward of the lite tower at 256 px, medians side by side:
float32 1.00, plain bfloat16 autocast 0.75, with this 0.57, and with the stem and first stage frozen 0.38. On a
machine without AVX512-BF16 bfloat16 is emulated and takes twice as long as float32, so autocast stays off there.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def computes_in_bf16() -> bool:
    """Whether bfloat16 is faster than float32 here."""
    return torch.cuda.is_bf16_supported() if torch.cuda.is_available() else torch.cpu._is_avx512_bf16_supported()


def mixed_precision() -> torch.autocast:
    """bfloat16 autocast where this CPU computes in bfloat16, no autocast elsewhere."""
    return torch.autocast("cpu", torch.bfloat16, enabled=torch.cpu._is_avx512_bf16_supported())


def keep_slow_convolutions_in_float32(module: nn.Module) -> None:
    """Switch 5x5 and strided depthwise convolutions of `module` to float32, in place; weights are untouched."""
    for child in module.modules():
        if isinstance(child, nn.Conv2d) and child.groups > 1 and (child.kernel_size[0] == 5 or child.stride[0] == 2):
            child.forward = _leaving_autocast(child)  # pyright: ignore[reportAttributeAccessIssue]


def _leaving_autocast(convolution: nn.Conv2d) -> Callable[[Tensor], Tensor]:
    forward = convolution.forward

    def call(features: Tensor) -> Tensor:
        if features.device.type != "cpu":
            return forward(features)
        with torch.autocast("cpu", enabled=False):
            return forward(features.float())

    return call
