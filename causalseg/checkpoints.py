"""Manifest entry -> verified file -> weights in a network.

`checkpoints_manifest.yaml` names every checkpoint: where its file is (in this project, or on the Hugging Face Hub at
a pinned revision), its SHA-256, licence, architecture, preprocessing, thresholds, data and metrics. Weights are
safetensors, half precision, without the frozen text tower (which its own package brings).
"""

import copy
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
import torch
import yaml
from huggingface_hub import hf_hub_download
from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from causalseg.errors import CheckpointError, ChecksumMismatch, UnknownCheckpoint
from causalseg.files import file_sha256
from causalseg.models.build import Architecture, build_network
from causalseg.models.network import SegmentationNetwork
from causalseg.records import said_of

PROJECT_DIR = Path(__file__).parents[1]
MANIFEST_PATH = PROJECT_DIR / "checkpoints_manifest.yaml"
_NOT_KEPT = "text_tower."
_SHARED = ("text_tower.", "image_tower.", "restorer.")
"""What all versions of a checkpoint have in common."""


Network = TypeVar("Network", bound=SegmentationNetwork)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class CheckpointEntry:
    """One entry of the manifest."""

    name: str
    file: str
    """Relative to the project, or inside `repo_id` where that is given."""
    sha256: str
    licence: str
    architecture: Architecture
    presence_threshold: float
    """Raw presence from which the described thing counts as present in every scan."""
    temperature: float
    """Divides the mask logits, so that probabilities are calibrated."""
    detection_threshold: float
    """Strength from which a confounder counts as detected."""
    repo_id: str | None = None
    revision: str | None = None
    changes_to: str | None = None
    """Name of the entry whose weights this file changes, for a fine-tuned version; None for complete weights."""
    changes_to_sha256: str | None = None
    """Of that entry's file."""
    detection_thresholds: Mapping[str, float] = field(default_factory=dict)
    """By the id of a confounder, where its threshold is another one than `detection_threshold`."""
    targets: tuple[str, ...] = ()
    """What the checkpoint learnt to find, a description each. Where none of them reaches `presence_threshold` in a
    scan, the lower `least_presence` is enough for any description. Without targets `presence_threshold` counts."""
    version: str = ""
    sources: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def detected_from(self, confounder: str) -> float:
        """Strength from which the confounder of this id counts as detected."""
        return self.detection_thresholds.get(confounder, self.detection_threshold)

    @property
    def least_presence(self) -> float:
        """Raw presence below which the described thing counts as absent in every scan."""
        return 1 - self.presence_threshold if self.targets else self.presence_threshold

    def found_from(self, surest: float) -> float:
        """Raw presence from which a thing counts as found in a scan whose `surest` target has that raw presence."""
        return self.presence_threshold if surest >= self.presence_threshold else self.least_presence


def read_manifest(path: Path = MANIFEST_PATH) -> dict[str, CheckpointEntry]:
    """All entries by name.

    Raises:
        CheckpointError: a key of an entry is unknown or missing, or its value cannot be used.
    """
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: _parsed(name, entry) for name, entry in values.items()}


def _parsed(name: str, values: Mapping[str, Any]) -> CheckpointEntry:
    try:
        return CheckpointEntry(name=name, **values)
    except ValidationError as error:
        raise CheckpointError(f"{name}: the manifest entry cannot be used: {said_of(error)}") from error


def find_entry(name: str, path: Path = MANIFEST_PATH) -> CheckpointEntry:
    """The entry called `name`.

    Raises:
        UnknownCheckpoint: there is none.
    """
    manifest = read_manifest(path)
    if name not in manifest:
        raise UnknownCheckpoint(f"There is no checkpoint {name!r}; the manifest has {', '.join(sorted(manifest))}.")
    return manifest[name]


def verified_path(entry: CheckpointEntry, project_dir: Path = PROJECT_DIR) -> Path:
    """The entry's file, fetched from the Hub where it lives there, its SHA-256 compared with the manifest's.

    Raises:
        CheckpointError: the file is not there.
        ChecksumMismatch: it is another file.
    """
    if entry.repo_id is None:
        path = project_dir / entry.file
    else:
        path = Path(hf_hub_download(entry.repo_id, entry.file, revision=entry.revision))
    if not path.is_file():
        raise CheckpointError(
            f"The weights of {entry.name} are missing: {entry.file}. Restore the file or clone again."
        )
    if file_sha256(path) != entry.sha256:
        raise ChecksumMismatch(
            f"{entry.file} is not the file that the manifest names for {entry.name}: its SHA-256 differs. "
            "Restore it from the repository."
        )
    return path


def kept_state(network: nn.Module) -> dict[str, Tensor]:
    """The network's state without the frozen text tower, whose weights come from its own package."""
    return {name: value for name, value in network.state_dict().items() if not name.startswith(_NOT_KEPT)}


def load_network(entry: CheckpointEntry, project_dir: Path = PROJECT_DIR) -> SegmentationNetwork:
    """The entry's network with its verified weights, in evaluation mode, in float32 on the CPU.

    Raises:
        CheckpointError: the file is missing, another one, or does not fit the architecture.
    """
    weights = safetensors.torch.load_file(verified_path(entry, project_dir))
    if entry.changes_to is not None:
        return changed_copy(load_network(_base_of(entry, project_dir), project_dir), weights, entry.name)
    network = build_network(entry.architecture)
    put_weights(network, weights, entry.name)
    return network.eval().requires_grad_(requires_grad=False)


def _base_of(entry: CheckpointEntry, project_dir: Path) -> CheckpointEntry:
    """The entry that a fine-tuned version changes, with the weights that it was made for."""
    base = find_entry(str(entry.changes_to), project_dir / MANIFEST_PATH.name)
    if base.sha256 != entry.changes_to_sha256:
        raise CheckpointError(f"{entry.name} changes other weights than {base.name} has now. Fine-tune it again.")
    return base


def put_weights(network: SegmentationNetwork, weights: Mapping[str, Tensor], name: str) -> None:
    """Put a complete set of `weights` into `network`, in place.

    Raises:
        CheckpointError: a tensor is missing, unknown or of another shape.
    """
    own = kept_state(network)
    wrong = sorted(own.keys() ^ weights.keys()) or [key for key in own if own[key].shape != weights[key].shape]
    if wrong:
        raise CheckpointError(f"The weights of {name} do not fit its architecture, first at {wrong[0]}.")
    network.load_state_dict({key: value.to(own[key].dtype) for key, value in weights.items()}, strict=False)


def changed_copy(network: Network, changes: Mapping[str, Tensor], name: str) -> Network:
    """A copy of `network` with some of its tensors replaced; both share towers and restorer, which never change.

    Raises:
        CheckpointError: a tensor is unknown, of another shape, or of a shared part.
    """
    own = kept_state(network)
    wrong = sorted(
        key
        for key, value in changes.items()
        if key not in own or own[key].shape != value.shape or key.startswith(_SHARED)
    )
    if wrong:
        raise CheckpointError(f"The changes of {name} do not fit the checkpoint they were made for, first {wrong[0]}.")
    shared = {id(part): part for name, part in network.named_children() if f"{name}." in _SHARED}
    changed = copy.deepcopy(network, shared)
    changed.load_state_dict({key: value.to(own[key].dtype) for key, value in changes.items()}, strict=False)
    return changed


def save_weights(network: nn.Module, path: Path) -> None:
    """Write a network's state as half-precision safetensors."""
    half = {
        name: (value.to(torch.float16) if value.is_floating_point() else value).contiguous().clone()
        for name, value in kept_state(network).items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    safetensors.torch.save_file(half, path)
