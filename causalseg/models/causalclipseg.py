"""Core `causalclipseg`: CausalCLIPSeg (MICCAI 2024, arXiv 2503.15949) on the shared towers.

    stages at strides 8, 16, 32 --neck--> three features f at stride 16 --masker each--> f * M and f * (1 - M)
    three causal parts       --concat, one 1x1 convolution--> --projector of its own, sentence--> causal logits
    three confounding parts  --the same convolution--------> --projector of its own, sentence--> confounding logits

Layers and sizes follow the paper's public forward pass, where a full width is 512 (`Architecture.channels`). The answer
is the causal branch. *Reconstruction*: which branch answers, and a 1x1 convolution before the two ends of the neck,
because the towers here do not all give 512 channels there. Not in the paper: presence, which here is that of the
surest pixel. The confounding branch is the paper's other output; what it still finds is what the masker calls
confounded, and nothing of it has a name.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from causalseg.causal.masker import CausalMasker, Parts, conv_block, take_apart
from causalseg.models.image_towers import ImageTower
from causalseg.models.network import NothingNamed, SegmentationNetwork
from causalseg.models.text_to_pixel import Decoded, apply_kernel
from causalseg.models.towers import TextCode, TextTower

UP = 4
"""Each of the two steps from stride 16 to the picture's own resolution."""


class Branches(NamedTuple):
    """Mask logits of both branches, at the picture's own resolution."""

    causal: Float[Tensor, "batch 1 height width"]
    confounding: Float[Tensor, "batch 1 height width"]


class Carafe(nn.Module):
    """Content-aware reassembly to twice the size (CARAFE, arXiv 1905.02188): each pixel mixes a window its own way."""

    def __init__(self, channels: int, window_px: int = 3, compressed: int = 64) -> None:
        super().__init__()
        self.window_px = window_px
        self.compress = nn.Conv2d(channels, compressed, 1)
        self.kernels = nn.Conv2d(compressed, 4 * window_px**2, 3, padding=1)

    def forward(
        self, features: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels height2 width2"]:
        """Upsampled by two."""
        batch, channels, height, width = features.shape
        share = functional.pixel_shuffle(self.kernels(self.compress(features)), 2).softmax(1)
        windows = functional.unfold(features, self.window_px, padding=self.window_px // 2)
        windows = windows.reshape(batch, channels * self.window_px**2, height, width)
        windows = functional.interpolate(windows, scale_factor=2, mode="nearest")
        windows = windows.reshape(batch, channels, self.window_px**2, 2 * height, 2 * width)
        return (windows * share[:, None]).sum(2)


class StrideSixteenNeck(nn.Module):
    """Brings the stages at strides 8, 16 and 32 to stride 16 and one width."""

    def __init__(self, stage_channels: tuple[int, ...], channels: int) -> None:
        super().__init__()
        eighth, sixteenth, thirtysecond = stage_channels[-3:]
        self.down = nn.Sequential(nn.AvgPool2d(2), conv_block(eighth, channels, 1))
        self.keep = nn.Sequential(conv_block(sixteenth, channels), conv_block(channels, channels))
        self.up = nn.Sequential(conv_block(thirtysecond, channels, 1), Carafe(channels))

    def forward(self, stages: list[Tensor]) -> list[Tensor]:
        """Three features of the same shape."""
        return [part(stage) for part, stage in zip((self.down, self.keep, self.up), stages[-3:], strict=True)]


class TextToPixelProjector(nn.Module):
    """Features to the picture's own resolution, then a convolution whose kernel and bias the sentence makes."""

    def __init__(self, channels: int, text_width: int) -> None:
        super().__init__()
        half = channels // 2
        self.visual = nn.Sequential(
            nn.Upsample(scale_factor=UP, mode="bilinear"),
            conv_block(channels, channels),
            nn.Upsample(scale_factor=UP, mode="bilinear"),
            conv_block(channels, half),
            nn.Conv2d(half, half, 1),
        )
        self.kernel = nn.Linear(text_width, half * 9 + 1)

    def forward(
        self, features: Float[Tensor, "batch channels sixteenth_h sixteenth_w"], sentence: Float[Tensor, "batch code"]
    ) -> Float[Tensor, "batch 1 height width"]:
        """Mask logits, one description a picture."""
        return apply_kernel(self.visual(features), self.kernel(sentence))


class CausalClipSegNetwork(SegmentationNetwork):
    """Two branches, one on what the maskers call causal, one on the rest."""

    def __init__(self, image_tower: ImageTower, text_tower: TextTower, channels: int) -> None:
        super().__init__(image_tower, text_tower)
        self.neck = StrideSixteenNeck(image_tower.channels, channels)
        self.maskers = nn.ModuleList([CausalMasker(channels) for _ in range(3)])
        self.fusion = conv_block(3 * channels, channels, 1)
        self.causal_projector = TextToPixelProjector(channels, text_tower.width)
        self.confounding_projector = TextToPixelProjector(channels, text_tower.width)
        self.presence = NothingNamed()

    def observed_pyramid(self, stages: list[Tensor]) -> list[Tensor]:
        """The three features at stride 16."""
        return self.neck(stages)

    def masks(self, pyramid: list[Tensor]) -> list[Tensor]:
        """M of each feature: soft, one value a channel and pixel."""
        return [masker(level) for masker, level in zip(self.maskers, pyramid, strict=True)]

    def branches(self, pyramid: list[Tensor], text: TextCode, masks: list[Tensor] | None) -> Branches:
        """Both branches under `masks`; with None the masks are held at 1 and both branches see everything."""
        held: list[Tensor | None] = [None] * len(pyramid) if masks is None else [*masks]
        parts = [take_apart(level, mask) for level, mask in zip(pyramid, held, strict=True)]
        both = Parts(*(torch.cat([part[i] for part in parts], dim=1) for i in range(2)))
        causal, confounding = self.fusion(torch.cat(both)).chunk(2)
        return Branches(
            self.causal_projector(causal, text.sentence), self.confounding_projector(confounding, text.sentence)
        )

    def decode(self, pyramid: list[Tensor], text: TextCode) -> Decoded:
        """The causal branch; presence is the surest pixel's logit, and there are no patch codes."""
        masked = [level * mask for level, mask in zip(pyramid, self.masks(pyramid), strict=True)]
        logits = self.causal_projector(self.fusion(torch.cat(masked, dim=1)), text.sentence)
        nowhere = text.sentence.new_empty(len(logits), text.sentence.shape[1], 0, 0)
        return Decoded(logits, logits.float().amax((1, 2, 3)), nowhere)
