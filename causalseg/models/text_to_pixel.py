"""The text-to-pixel decoder: a pyramid and a text code in, mask logits and a presence logit out.

After CausalCLIPSeg's projector (arXiv 2503.15949, itself after CRIS): the sentence makes a 3x3 kernel and a bias
for every description, applied as a grouped convolution. Added here: word tokens reach strides 16 and 32 by
cross-attention, place words bend the features and the logits along the coordinates, and the presence logit answers
"is it in this scan at all".
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from causalseg.models.towers import TextCode

PLACE_TERMS = 5
"""x, y, x^2, y^2 and xy."""


class Decoded(NamedTuple):
    """What the decoder says of a batch of pyramids and descriptions."""

    mask_logits: Float[Tensor, "batch 1 height width"]
    """At stride 4."""
    presence_logits: Float[Tensor, " batch"]
    patch_codes: Float[Tensor, "batch code patch_h patch_w"]
    """Unit-length codes of the patches at stride 16, in the text tower's space."""


class _Coarse(NamedTuple):
    """Computed from the words and the two coarse levels, before the fine levels."""

    found: Float[Tensor, "batch found"]
    """What the reader found in the words."""
    sentence: Float[Tensor, "batch text"]
    """The sentence code as the reader corrects it."""
    at_16: Float[Tensor, "batch channels height width"]
    at_32: Float[Tensor, "batch channels height width"]


class SeparableConv(nn.Sequential):
    """Depthwise then pointwise convolution, batch norm, ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )


class WordAttention(nn.Module):
    """Pixels ask the words of their description; the answer is added (pre-norm residual)."""

    def __init__(self, channels: int, text_width: int, heads: int = 4) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.words = nn.Linear(text_width, channels)
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)

    def forward(
        self, features: Float[Tensor, "batch channels height width"], text: TextCode
    ) -> Float[Tensor, "batch channels height width"]:
        """`features` with what their words say added."""
        batch, channels, height, width = features.shape
        pixels = features.flatten(2).transpose(1, 2)
        words = self.words(text.words)
        answer, _ = self.attention(self.norm(pixels), words, words, key_padding_mask=~text.is_word, need_weights=False)
        return features + answer.transpose(1, 2).reshape(batch, channels, height, width)


class WordReader(nn.Module):
    """Reads single words out of a description: the sentence code of a frozen tower hardly tells left from right.

    A few learned queries attend to the words; what they find corrects the sentence code and says how the answer
    depends on the place in the picture. At its start it changes nothing.
    """

    def __init__(self, text_width: int, channels: int, queries: int = 4, width: int = 96) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(queries, width) / width**0.5)
        self.key = nn.Linear(text_width, width)
        self.value = nn.Linear(text_width, width)
        self.correction = nn.Linear(queries * width, text_width)
        slopes = [nn.Linear(queries * width, 2 * channels) for _ in range(2)]
        self.slope = nn.ModuleList(slopes)
        self.prior = nn.Linear(queries * width, PLACE_TERMS)
        for layer in (self.correction, *slopes, self.prior):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, text: TextCode) -> Float[Tensor, "batch found"]:
        """What the queries find in the words."""
        words = functional.layer_norm(text.words, text.words.shape[-1:])
        score = torch.einsum("qc,bwc->bqw", self.query, self.key(words))
        share = score.masked_fill(~text.is_word[:, None], float("-inf")).softmax(-1)
        return torch.tanh(torch.einsum("bqw,bwc->bqc", share, self.value(words)).flatten(1))


class TextToPixel(nn.Module):
    """FPN over four levels (strides 4 to 32), conditioned on a description."""

    def __init__(self, channels: int, text_width: int, kernel_channels: int = 32) -> None:
        super().__init__()
        self.kernel_channels = kernel_channels
        self.place = nn.ModuleList([nn.Conv2d(2, channels, 1) for _ in range(2)])
        self.ask = nn.ModuleList([WordAttention(channels, text_width) for _ in range(2)])
        self.gate = nn.ModuleList([nn.Linear(text_width, 2 * channels) for _ in range(4)])
        self.merge = nn.ModuleList([nn.Sequential(SeparableConv(channels), SeparableConv(channels)) for _ in range(4)])
        self.narrow = nn.Conv2d(channels, kernel_channels, 1)
        self.sentence = nn.Sequential(nn.Linear(text_width, 128), nn.ReLU(inplace=True))
        self.kernel = nn.Linear(128, kernel_channels * 9 + 1)
        self.presence = nn.Sequential(nn.Linear(4 * channels + 128, 128), nn.ReLU(inplace=True), nn.Linear(128, 1))
        self.patch_code = nn.Conv2d(channels, text_width, 1)
        self.reader = WordReader(text_width, channels)

    def forward(self, pyramid: list[Tensor], text: TextCode) -> Decoded:
        """Decode `pyramid` (strides 4, 8, 16, 32, equal channels), one description per pyramid."""
        coarse = self._coarse(pyramid, text)
        merged = coarse.at_16
        for i in (1, 0):
            merged = self._merge(i, merged, self._modulate(pyramid[i], coarse.sentence, i))
        mask_logits = apply_kernel(self.narrow(merged), self.kernel(self.sentence(coarse.sentence)))
        prior = torch.einsum("bt,thw->bhw", self.reader.prior(coarse.found), _place_terms(merged))[:, None]
        patch_codes = functional.normalize(self.patch_code(coarse.at_16), dim=1)
        return Decoded(mask_logits + prior, self._presence_logits(coarse), patch_codes)

    def presence_logits(self, pyramid: list[Tensor], text: TextCode) -> Float[Tensor, " batch"]:
        """The presence answer alone: it asks the two coarse levels, so no mask has to be made."""
        return self._presence_logits(self._coarse(pyramid, text))

    def _coarse(self, pyramid: list[Tensor], text: TextCode) -> _Coarse:
        found = self.reader(text)
        sentence = text.sentence + self.reader.correction(found)
        asked = []
        for i in (2, 3):
            level = self._modulate(pyramid[i], sentence, i)
            placed = self.place[i - 2](_coordinates(level)) + self._slope(found, level, i - 2)
            asked.append(self.ask[i - 2](level + placed, text))
        at_32 = self.merge[3](asked[1])
        return _Coarse(found, sentence, self._merge(2, at_32, asked[0]), at_32)

    def _merge(self, i: int, coarser: Tensor, level: Tensor) -> Tensor:
        return self.merge[i](functional.interpolate(coarser, size=level.shape[-2:], mode="bilinear") + level)

    def _presence_logits(self, coarse: _Coarse) -> Float[Tensor, " batch"]:
        pooled = [pool(level) for level in (coarse.at_16, coarse.at_32) for pool in (_mean, _peak)]
        return self.presence(torch.cat([*pooled, self.sentence(coarse.sentence)], dim=1)).squeeze(1)

    def _modulate(self, level: Tensor, sentence: Tensor, i: int) -> Tensor:
        scale, shift = self.gate[i](sentence)[:, :, None, None].chunk(2, dim=1)
        return level * (1 + scale) + shift

    def _slope(self, found: Tensor, level: Tensor, i: int) -> Tensor:
        along = self.reader.slope[i](found).reshape(len(found), 2, -1)
        return torch.einsum("bac,ahw->bchw", along, _coordinates(level)[0])


def apply_kernel(
    features: Float[Tensor, "batch channels height width"], kernel: Float[Tensor, "batch weights"]
) -> Float[Tensor, "batch 1 height width"]:
    """Each picture under its own 3 x 3 kernel; `kernel` holds channels * 9 weights and one bias."""
    batch, channels, height, width = features.shape
    weight, bias = kernel[:, :-1].reshape(batch, channels, 3, 3), kernel[:, -1]
    grouped = features.reshape(1, batch * channels, height, width)
    logits = functional.conv2d(grouped, weight.to(features.dtype), bias.to(features.dtype), padding=1, groups=batch)
    return logits.reshape(batch, 1, height, width)


def _mean(features: Tensor) -> Tensor:
    return features.mean((2, 3))


def _peak(features: Tensor) -> Tensor:
    return features.amax((2, 3))


def _place_terms(features: Float[Tensor, "batch _ height width"]) -> Float[Tensor, "term height width"]:
    """x, y and their products: what a place prior is made of."""
    x, y = _coordinates(features)[0]
    return torch.stack([x, y, x * x, y * y, x * y])


def _coordinates(features: Float[Tensor, "batch _ height width"]) -> Float[Tensor, "1 2 height width"]:
    """x to the right and y downward, both from -1 to 1."""
    height, width = features.shape[-2:]
    y = torch.linspace(-1, 1, height, device=features.device, dtype=features.dtype)
    x = torch.linspace(-1, 1, width, device=features.device, dtype=features.dtype)
    return torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1])[None]
