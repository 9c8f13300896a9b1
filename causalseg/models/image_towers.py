"""Image towers that return every stage, and the projection from their stages into the text's space.

A convolutional tower gives its own stages, each made from the one before. A ViT gives its tokens (stride 16) as the
first stage and a simple feature pyramid after ViTDet (arXiv 2203.16527) as the others, each made from the first.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of OpenAI's CLIPs, for pixels in [0, 1]."""
_SIXTEENTH, _THIRTYSECOND = 3, 4
"""Indices of the stages at strides 16 and 32."""
_LAST_BLOCKS = 4


class ImageTower(nn.Module):
    """An image tower as five stages; all but the first have strides 4, 8, 16 and 32."""

    def __init__(self, stages: list[nn.Module], channels: list[int], *, from_first: bool = False) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.channels = tuple(channels)
        self.from_first = from_first
        """Whether every later stage is made from the first one, and not from the one before it."""

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> list[Tensor]:
        """The output of every stage; `image` is in [-1, 1]."""
        features = [self.stages[0](image)]
        for stage in self.stages[1:]:
            features.append(stage(features[0 if self.from_first else -1]))
        return features


class PatchCodes(nn.Module):
    """The dense CLIP map: the image in the text tower's space, patch by patch, at stride 16."""

    def __init__(self, sixteenth: nn.Module | None, thirtysecond: nn.Module | None) -> None:
        super().__init__()
        self.sixteenth = sixteenth
        self.thirtysecond = thirtysecond

    @classmethod
    def fresh(cls, stage_channels: tuple[int, ...], code_width: int) -> "PatchCodes":
        """For towers that have no common space yet: to be learnt by alignment."""
        return cls(
            nn.Conv2d(stage_channels[_SIXTEENTH], code_width, 1),
            nn.Conv2d(stage_channels[_THIRTYSECOND], code_width, 1),
        )

    def forward(self, stages: list[Tensor]) -> Float[Tensor, "batch code patch_h patch_w"]:
        """Unit-length codes of the patches."""
        codes: list[Tensor] = []
        if self.sixteenth is not None:
            codes.append(self.sixteenth(stages[_SIXTEENTH]))
        if self.thirtysecond is not None:
            coarse, size = self.thirtysecond(stages[_THIRTYSECOND]), stages[_SIXTEENTH].shape[-2:]
            codes.append(functional.interpolate(coarse, size=size, mode="bilinear"))
        return functional.normalize(torch.stack(codes).sum(0).float(), dim=1)


class ClipPixels(nn.Module):
    """Pixels in [-1, 1] to the range that OpenAI's CLIPs were trained on."""

    def __init__(self) -> None:
        super().__init__()
        mean, std = torch.tensor(CLIP_MEAN)[:, None, None], torch.tensor(CLIP_STD)[:, None, None]
        self.scale: Tensor
        self.shift: Tensor
        self.register_buffer("scale", 0.5 / std, persistent=False)
        self.register_buffer("shift", (0.5 - mean) / std, persistent=False)

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 3 height width"]:
        """`image` scaled and shifted, channel by channel."""
        return image * self.scale + self.shift


def cut_efficientnet(trunk: Any) -> ImageTower:
    """Cut a timm EfficientNet where its resolution halves; the classifier's last convolution is left out."""
    blocks = trunk.blocks
    stages: list[nn.Module] = [
        nn.Sequential(trunk.conv_stem, trunk.bn1),
        nn.Sequential(blocks[0], blocks[1]),
        nn.Sequential(blocks[2]),
        nn.Sequential(blocks[3], blocks[4]),
        nn.Sequential(blocks[5], blocks[6]),
    ]
    channels = [trunk.conv_stem.out_channels, *(info["num_chs"] for info in trunk.feature_info[1:])]
    return ImageTower(stages, channels)


def cut_resnet(visual: Any) -> tuple[ImageTower, PatchCodes]:
    """Cut open_clip's ResNet into stem and layers; its attention pool, without its queries, makes the patch codes.

    Value and output projection applied to every position are what MaskCLIP (arXiv 2112.01071) takes as the dense map.
    """
    stem = (visual.conv1, visual.bn1, visual.act1, visual.conv2, visual.bn2, visual.act2)
    stages: list[nn.Module] = [
        nn.Sequential(ClipPixels(), *stem, visual.conv3, visual.bn3, visual.act3),
        nn.Sequential(visual.avgpool, visual.layer1),
        visual.layer2,
        visual.layer3,
        visual.layer4,
    ]
    channels = [visual.conv3.out_channels, *(stage[-1].conv3.out_channels for stage in _layers(visual))]
    pool = visual.attnpool
    return ImageTower(stages, channels), PatchCodes(None, nn.Sequential(_as_conv(pool.v_proj), _as_conv(pool.c_proj)))


def cut_vit(visual: Any) -> tuple[ImageTower, PatchCodes]:
    """open_clip's ViT as tokens and a simple feature pyramid; its last norm and projection make the patch codes."""
    width = int(visual.conv1.out_channels)
    stages: list[nn.Module] = [
        LastBlocks(visual),
        nn.Sequential(
            OneBlock(0, width),
            nn.ConvTranspose2d(width, width // 2, 2, 2),
            nn.GroupNorm(1, width // 2),
            nn.GELU(),
            nn.ConvTranspose2d(width // 2, width // 4, 2, 2),
        ),
        nn.Sequential(OneBlock(1, width), nn.ConvTranspose2d(width, width // 2, 2, 2)),
        OneBlock(3, width),
        nn.Sequential(OneBlock(2, width), nn.MaxPool2d(2)),
    ]
    channels = [_LAST_BLOCKS * width, width // 4, width // 2, width, width]
    return ImageTower(stages, channels, from_first=True), PatchCodes(TokenProjection(visual), None)


class LastBlocks(nn.Module):
    """A ViT's tokens after each of its last four blocks, side by side in the channels; the class token is left out."""

    def __init__(self, visual: Any) -> None:
        super().__init__()
        self.pixels = ClipPixels()
        self.patches = visual.conv1
        self.class_code = visual.class_embedding
        self.position = visual.positional_embedding
        self.norm = visual.ln_pre
        self.blocks = visual.transformer.resblocks

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch channels patch_h patch_w"]:
        """At stride 16."""
        patches = self.patches(self.pixels(image))
        tokens = patches.flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_code.expand(len(tokens), 1, -1), tokens], dim=1)
        tokens = self.norm(tokens + self.position)
        kept: list[Tensor] = []
        for block in self.blocks:
            tokens = block(tokens)
            kept.append(tokens[:, 1:])
        last = torch.cat(kept[-_LAST_BLOCKS:], dim=2).transpose(1, 2)
        return last.reshape(len(tokens), -1, *patches.shape[-2:])


class OneBlock(nn.Module):
    """The tokens of one of the last blocks, 0 the earliest."""

    def __init__(self, index: int, width: int) -> None:
        super().__init__()
        self.index, self.width = index, width

    def forward(self, tokens: Float[Tensor, "batch blocks height width"]) -> Float[Tensor, "batch _ height width"]:
        """A slice of the channels."""
        return tokens[:, self.index * self.width : (self.index + 1) * self.width]


class TokenProjection(nn.Module):
    """A ViT's last norm and its projection into the text's space, for every token."""

    def __init__(self, visual: Any) -> None:
        super().__init__()
        self.norm = visual.ln_post
        self.projection = visual.proj

    def forward(self, tokens: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch code height width"]:
        """Codes, not yet of unit length."""
        return (self.norm(tokens.movedim(1, -1)) @ self.projection).movedim(-1, 1)


def _layers(visual: Any) -> tuple[Any, ...]:
    return visual.layer1, visual.layer2, visual.layer3, visual.layer4


def _as_conv(linear: nn.Linear) -> nn.Conv2d:
    """The same map for every position of a picture."""
    conv = nn.Conv2d(linear.in_features, linear.out_features, 1)
    conv.load_state_dict({"weight": linear.weight[:, :, None, None], "bias": linear.bias})
    return conv
