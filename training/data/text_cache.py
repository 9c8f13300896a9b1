"""Text codes of descriptions, each made once: the text tower is frozen and descriptions repeat."""

import torch
from torch import Tensor, nn

from causalseg.models.towers import TextCode, TextTower


class TextCache:
    """A text tower that remembers what it has read."""

    def __init__(self, tower: TextTower) -> None:
        self._tower = tower
        self._codes: dict[str, tuple[Tensor, Tensor]] = {}

    def encode(self, descriptions: list[str]) -> TextCode:
        """Codes of `descriptions`, padded to the longest."""
        if new := sorted(set(descriptions) - self._codes.keys()):
            code = self._tower(new)
            for i, text in enumerate(new):
                self._codes[text] = (code.words[i, code.is_word[i]], code.sentence[i])
        words = nn.utils.rnn.pad_sequence([self._codes[text][0] for text in descriptions], batch_first=True)
        lengths = torch.tensor([len(self._codes[text][0]) for text in descriptions])
        is_word = torch.arange(words.shape[1])[None] < lengths[:, None]
        return TextCode(words, is_word, torch.stack([self._codes[text][1] for text in descriptions]))
