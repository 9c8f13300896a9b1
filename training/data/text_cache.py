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
        """Codes of `descriptions`, padded to the longest, where the tower is; never in half precision."""
        device = next(self._tower.parameters()).device
        if new := sorted(set(descriptions) - self._codes.keys()):
            with torch.autocast(device.type, enabled=False):
                code = self._tower(new)
            for i, text in enumerate(new):
                self._codes[text] = (code.words[i, code.is_word[i]], code.sentence[i])
        codes = [self._codes[text] for text in descriptions]
        words = nn.utils.rnn.pad_sequence([words for words, _ in codes], batch_first=True)
        lengths = torch.tensor([len(words) for words, _ in codes], device=device)
        is_word = torch.arange(words.shape[1], device=device)[None] < lengths[:, None]
        return TextCode(words, is_word, torch.stack([sentence for _, sentence in codes]))
