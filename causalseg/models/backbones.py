"""Weights of whole CLIPs from the Hugging Face Hub: pinned, verified, put into towers that open_clip has built."""

from dataclasses import dataclass
from pathlib import Path

import open_clip
import yaml
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from torch import nn

from causalseg.errors import CheckpointError, ChecksumMismatch
from causalseg.files import file_sha256

BACKBONES_PATH = Path(__file__).with_name("backbones.yaml")


@dataclass(frozen=True, slots=True)
class Backbone:
    """Where the weights of a CLIP are, and what they must be."""

    repo_id: str
    revision: str
    file: str
    sha256: str
    licence: str


def read_backbones(path: Path = BACKBONES_PATH) -> dict[str, Backbone]:
    """All entries by the name of their towers."""
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: Backbone(**entry) for name, entry in values.items()}


def fetch(backbone: Backbone) -> Path:
    """The weights file, from the Hub or from its cache on this machine.

    Raises:
        CheckpointError: it is not in the cache and the Hub cannot be reached.
        ChecksumMismatch: it is another file.
    """
    try:
        path = Path(hf_hub_download(backbone.repo_id, backbone.file, revision=backbone.revision))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise CheckpointError(
            f"{backbone.file} of {backbone.repo_id} at {backbone.revision[:8]} cannot be fetched from the Hub. Connect "
            "to it once, or start at random (`--random-start`)."
        ) from error
    return verified(path, backbone)


def verified(path: Path, backbone: Backbone) -> Path:
    """`path`, if it is the file that `backbone` names.

    Raises:
        ChecksumMismatch: it is another file.
    """
    if file_sha256(path) != backbone.sha256:
        raise ChecksumMismatch(f"{path.name} is not the file that the manifest names for {backbone.repo_id}.")
    return path


def put_clip_weights(clip: nn.Module, path: Path) -> None:
    """Put a CLIP's weights into both towers of `clip`, in place; position codes are resized to its image size."""
    open_clip.load_checkpoint(clip, str(path), strict=True)  # pyright: ignore[reportArgumentType]
