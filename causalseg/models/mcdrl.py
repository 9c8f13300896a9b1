"""Core `mcdrl`: MCDRL (CVPR 2026, arXiv 2508.05008) on the shared towers and the shared decoder.

    stages --dense CLIP map--> codes C (d, S/16) --step 1: cosine with class texts, max, top alpha--> F (N, d)
    F --step 2: three layers of attention to the dictionary Z--> F_ca (N, d) --put back--> level at stride 16
    pyramid (C at S/4 ... S/32), text code --decoder--> mask logits, presence logit

The paper's head, and how its N positions become a whole mask, are not known. *Reconstruction*: positions that are not
kept stay as they are, the map goes back into the pyramid by a 1x1 convolution at stride 16, and the decoder is that of
core `causalseg` (presence included), so that the two differ in their causal core alone. The adjustment is always on:
the observed mask of this core is the paper's P(Y | do(F)). No entry of the dictionary can be switched off by itself.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from causalseg.causal.dictionary_attention import (
    DictionaryAttention,
    gather_positions,
    keep_top,
    put_positions,
)
from causalseg.causal.mcdrl_dictionary import ScanDictionary
from causalseg.models.image_towers import ImageTower, PatchCodes
from causalseg.models.network import NothingNamed, SegmentationNetwork
from causalseg.models.text_to_pixel import Decoded, TextToPixel
from causalseg.models.towers import TextCode, TextTower


class Intervened(NamedTuple):
    """What the two steps make of a batch of stages."""

    pyramid: list[Tensor]
    dense: Float[Tensor, "batch code patch_h patch_w"]
    """C: unit-length codes of all patches."""
    kept: Int[Tensor, "batch kept"]
    attended: Float[Tensor, "batch kept code"]
    """F_ca."""


class McdrlNetwork(SegmentationNetwork):
    """Candidate regions ask a dictionary of confounders before the decoder sees them."""

    def __init__(
        self,
        image_tower: ImageTower,
        text_tower: TextTower,
        patch_codes: PatchCodes,
        decoder: TextToPixel,
        dictionaries: tuple[ScanDictionary, ...],
        channels: int,
        kept_share: float,
    ) -> None:
        super().__init__(image_tower, text_tower)
        self.kept_share = kept_share
        self.neck = nn.ModuleList([nn.Conv2d(width, channels, 1) for width in image_tower.channels[1:]])
        self.patch_codes = patch_codes
        self.attention = DictionaryAttention(text_tower.width)
        self.back = nn.Conv2d(text_tower.width, channels, 1)
        self.decoder = decoder
        self.presence = NothingNamed()
        self.classes = tuple((entry.modality, name) for entry in dictionaries for name in entry.classes)
        """(modality, class), one a row of the class codes."""
        texts = [text for entry in dictionaries for text in entry.class_texts()]
        domains = [text for entry in dictionaries for text in entry.confounder_texts()]
        crossed = [entry.class_texts_with_confounders(name) for entry in dictionaries for name in entry.classes]
        self.class_codes: Tensor
        """Of the class texts, unit length."""
        self.dictionary: Tensor
        """Z: of the confounder texts, unit length."""
        self.class_means: Tensor
        """Mean over m of t_{k,m}."""
        self.register_buffer("class_codes", text_tower(texts).sentence, persistent=False)
        self.register_buffer("dictionary", text_tower(domains).sentence, persistent=False)
        means = [text_tower(one_class).sentence.mean(0) for one_class in crossed]
        self.register_buffer("class_means", torch.stack(means), persistent=False)

    def intervene(self, stages: list[Tensor]) -> Intervened:
        """Both steps on observed stages."""
        dense = self.patch_codes(stages)
        kept = keep_top(torch.einsum("bchw,kc->bkhw", dense, self.class_codes), self.kept_share)
        attended = self.attention(gather_positions(dense, kept), self.dictionary)
        pyramid = [lateral(stage) for lateral, stage in zip(self.neck, stages[1:], strict=True)]
        pyramid[2] = pyramid[2] + self.back(put_positions(dense, kept, attended))
        return Intervened(pyramid, dense, kept, attended)

    def observed_pyramid(self, stages: list[Tensor]) -> list[Tensor]:
        """The pyramid with the adjustment in it."""
        return self.intervene(stages).pyramid

    def decode(self, pyramid: list[Tensor], text: TextCode) -> Decoded:
        """Answer one description for each pyramid of the batch."""
        return self.decoder(pyramid, text)
