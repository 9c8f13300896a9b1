"""Fine-tuned versions of a checkpoint: small files beside it, one of which may be promoted.

    versions/promoted.json              which version each checkpoint is served with, and all that was promoted before
    versions/NAME/card.json             parent, data, settings, seed, scores before and after, verdict of the gate
    versions/NAME/changes.safetensors   the tensors that differ from the checkpoint's, half precision

A version holds everything that differs from the checkpoint, whatever its parent was, so it needs no other version.
A folder is written under another name and renamed when it is complete: a process that is killed leaves no version.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydantic
import pydantic.dataclasses
import safetensors.torch
import torch
from filelock import FileLock
from torch import Tensor

from causalseg.checkpoints import CheckpointEntry
from causalseg.errors import BadVersion, CheckpointError, ChecksumMismatch
from causalseg.files import file_sha256

CARD = "card.json"
CHANGES = "changes.safetensors"
_POINTER = "promoted.json"
_LOCK = ".promoted.lock"
_PARTIAL = ".partial-"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

Stamp = tuple[int, int] | None
"""Changes whenever something else is promoted."""


@dataclass(frozen=True, slots=True)
class Score:
    """A mean with its bootstrap interval."""

    mean: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure of the parent and of the version, and the change of each scan from one to the other."""

    before: Score
    after: Score
    change: Score


@pydantic.dataclasses.dataclass(frozen=True, slots=True, config=pydantic.ConfigDict(extra="forbid"))
class VersionCard:
    """What is known of a version."""

    name: str
    checkpoint: str
    """Name of the manifest's entry whose weights it changes."""
    checkpoint_sha256: str
    parent: str
    """What it was fine-tuned from: the checkpoint, or another version of it."""
    data_sha256: str
    """Of the corrections and statements that it learnt from."""
    corrections: int
    statements: int
    settings: Mapping[str, Any]
    seed: int
    made_at: str
    """ISO 8601, UTC."""
    seconds: float
    scores: Mapping[str, Comparison]
    passed: bool
    """Whether it may be promoted."""
    reasons: tuple[str, ...]
    """What its gate found, in sentences."""
    changes_sha256: str = ""
    """Of the file of tensors; filled in when the version is written."""


_CARD = pydantic.TypeAdapter(VersionCard)


@dataclass(frozen=True, slots=True)
class VersionStore:
    """The versions in `folder`, which is made by the first of them."""

    folder: Path

    def add(self, card: VersionCard, changes: Mapping[str, Tensor]) -> VersionCard:
        """Write a new version, whole or not at all; the card as it was written.

        Raises:
            BadVersion: the name is taken, or is none.
        """
        self.raise_if_unusable(card.name)
        self._sweep()
        partial = Path(tempfile.mkdtemp(dir=self.folder, prefix=_PARTIAL))
        half = {key: _half(value) for key, value in sorted(changes.items())}
        safetensors.torch.save_file(half, partial / CHANGES)
        values = {**asdict(card), "changes_sha256": file_sha256(partial / CHANGES)}
        _write_json(partial / CARD, values)
        partial.chmod(0o755)
        try:
            partial.rename(self.folder / card.name)
        except OSError:
            shutil.rmtree(partial)
            self.raise_if_unusable(card.name)  # another run has taken the name meanwhile
            raise
        return self.card(card.name)

    def raise_if_unusable(self, name: str) -> None:
        """Refuse a name before the work is done.

        Raises:
            BadVersion: the name is taken, or is none.
        """
        if not _NAME.fullmatch(name):
            raise BadVersion(f"{name!r} is no name for a version: use up to 64 of a-z, 0-9, dot, dash and underscore.")
        if (self.folder / name).exists():
            raise BadVersion(
                f"There is a version {name!r} already. Versions are never overwritten: choose another name."
            )

    def cards(self, checkpoint: str | None = None) -> list[VersionCard]:
        """All versions, or those of one checkpoint, oldest first."""
        found = [self._read_card(path) for path in self.folder.glob(f"[!.]*/{CARD}")]
        return sorted(
            (card for card in found if checkpoint in (None, card.checkpoint)),
            key=lambda card: (card.made_at, card.name),
        )

    def card(self, name: str) -> VersionCard:
        """The card of a version.

        Raises:
            BadVersion: there is no such version.
        """
        path = self.folder / name / CARD
        if not _NAME.fullmatch(name) or not path.is_file():
            others = ", ".join(card.name for card in self.cards()) or "none"
            raise BadVersion(f"There is no version {name!r}; there are: {others}.")
        return self._read_card(path)

    def changes(self, card: VersionCard) -> dict[str, Tensor]:
        """The tensors of a version, verified.

        Raises:
            CheckpointError: the file is gone.
            ChecksumMismatch: it is another one than the version was written with.
        """
        path = self.folder / card.name / CHANGES
        if not path.is_file():
            raise CheckpointError(f"The weights of version {card.name} are gone. Put another version back.")
        if file_sha256(path) != card.changes_sha256:
            raise ChecksumMismatch(f"The weights of version {card.name} are damaged. Put another version back.")
        return safetensors.torch.load_file(path)

    def promoted(self, entry: CheckpointEntry) -> VersionCard | None:
        """The version that `entry` is served with; None for the checkpoint itself.

        Raises:
            BadVersion: the promoted version is gone.
            CheckpointError: it was made for other weights than the manifest's.
        """
        name = self._pointer()["promoted"].get(entry.name)
        if name is None:
            return None
        card = self.card(name)
        raise_if_for_another(card, entry)
        return card

    def promote(self, name: str, entry: CheckpointEntry) -> None:
        """Serve `entry` with a version that passed its gate, from now on.

        Raises:
            BadVersion: there is none, or its gate stopped it.
            CheckpointError: its file is damaged, or it was made for other weights.
        """
        card = self.card(name)
        if not card.passed:
            raise BadVersion(f"Version {name} is not promoted: {' '.join(card.reasons)}")
        raise_if_for_another(card, entry)
        self.changes(card)
        self._point(entry.name, name, "promoted")

    def roll_back(self, name: str, entry: CheckpointEntry) -> None:
        """Serve `entry` again with a version that was promoted before, or as it came (the entry's own name).

        Raises:
            BadVersion: there is no such version, or it was never promoted.
            CheckpointError: its file is damaged, or it was made for other weights.
        """
        if name == entry.name:
            self._point(entry.name, None, "rolled back")
            return
        card = self.card(name)
        raise_if_for_another(card, entry)
        if name not in {line["version"] for line in self.history(entry.name)}:
            raise BadVersion(f"Version {name} was never promoted, so there is nothing to roll back to. Promote it.")
        self.changes(card)
        self._point(entry.name, name, "rolled back")

    def history(self, checkpoint: str) -> list[dict[str, Any]]:
        """What was promoted and rolled back, oldest first: at, checkpoint, version (None: the checkpoint), action."""
        return [line for line in self._pointer()["history"] if line["checkpoint"] == checkpoint]

    def stamp(self) -> Stamp:
        """Another value whenever something was promoted or rolled back; cheap enough to ask for every scan."""
        try:
            status = (self.folder / _POINTER).stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_ino

    def _read_card(self, path: Path) -> VersionCard:
        try:
            return _CARD.validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            raise CheckpointError(f"The card of version {path.parent.name} cannot be read: {error}") from error

    def _pointer(self) -> dict[str, Any]:
        path = self.folder / _POINTER
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"promoted": {}, "history": []}

    def _point(self, checkpoint: str, version: str | None, action: str) -> None:
        """Serve another version: one at a time, whichever thread or process asks."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / _LOCK):
            pointer = self._pointer()
            pointer["promoted"][checkpoint] = version
            at = datetime.now(UTC).isoformat(timespec="seconds")
            pointer["history"].append({"at": at, "checkpoint": checkpoint, "version": version, "action": action})
            descriptor, partial = tempfile.mkstemp(dir=self.folder, prefix=_PARTIAL)
            os.close(descriptor)
            _write_json(Path(partial), pointer)
            Path(partial).chmod(0o644)
            Path(partial).replace(self.folder / _POINTER)

    def _sweep(self) -> None:
        """Make the folder, and clear what killed runs left in it more than a day ago."""
        self.folder.mkdir(parents=True, exist_ok=True)
        yesterday = datetime.now(UTC).timestamp() - 24 * 3600
        for path in self.folder.glob(f"{_PARTIAL}*"):
            if path.stat().st_mtime < yesterday:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def raise_if_for_another(card: VersionCard, entry: CheckpointEntry) -> None:
    """A version fits the weights that it was made for, and no others.

    Raises:
        CheckpointError: `entry` is another checkpoint, or has other weights now.
    """
    if (card.checkpoint, card.checkpoint_sha256) != (entry.name, entry.sha256):
        raise CheckpointError(
            f"Version {card.name} was made for other weights ({card.checkpoint} {card.checkpoint_sha256[:12]}) than "
            f"{entry.name} has now. Fine-tune again."
        )


def _half(value: Tensor) -> Tensor:
    return (value.to(torch.float16) if value.is_floating_point() else value).contiguous().clone()


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(values, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
