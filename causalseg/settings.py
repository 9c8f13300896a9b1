"""Frozen settings of the app; an unknown key is an error.

Environment variables `CAUSALSEG_<FIELD>` override the defaults, for example `CAUSALSEG_STORE_DIR=/data/labels`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

_PREFIX = "CAUSALSEG_"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a deployment may change without touching code."""

    checkpoint: str = "causalseg-lite"
    """Name of an entry of checkpoints_manifest.yaml."""
    store_dir: Path = Path("store")
    """Folder of the label store; made when the first mask is saved."""
    versions_dir: Path = Path("versions")
    """Folder of fine-tuned versions; made by the first of them."""
    import_dir: Path = Path()
    """Folders in it may be imported by typing their path on the Work page; unset: any folder, while the server listens
    to this machine alone, else none."""
    device: str = "auto"
    """A torch device, or "auto": cuda where there is one, else cpu."""
    max_pixels: int = 64_000_000
    """Largest slice, frame or page, in pixels, told from the header before decoding."""
    max_voxels: int = 128_000_000
    """Largest volume, in pixels over all slices, frames or pages, told before decoding."""
    max_slices: int = 5_000
    """Most slices, frames, pages, or files of a folder or zip."""
    max_file_bytes: int = 256 * 1024 * 1024
    """Largest upload, in bytes."""
    max_unpacked_bytes: int = 512 * 1024 * 1024
    """Largest gz or zip once unpacked, and largest folder, in bytes."""
    max_still_seconds: int = 10
    """Longest time for one slice to decode, or for a file to begin."""
    max_open_seconds: int = 120
    """Longest time for all slices of a file."""
    max_decoder_bytes: int = 1536 * 1024 * 1024
    """Most memory of a process that decodes files, in bytes."""
    max_description_chars: int = 500
    """Longest description, in characters."""

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self) if field.name.startswith("max_")):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")

    @classmethod
    def from_mapping(cls, values: Mapping[str, str | int | Path]) -> "Settings":
        """Settings from plain values.

        Raises:
            ValueError: a key is unknown or a value has the wrong form.
        """
        known = {field.name: field.type for field in fields(cls)}
        if unknown := sorted(values.keys() - known.keys()):
            raise ValueError(f"unknown settings {unknown}; known settings are {sorted(known)}")
        return cls(**{name: _cast(known[name], value) for name, value in values.items()})  # pyright: ignore[reportArgumentType]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Settings from `CAUSALSEG_*` variables of `environment` (default: the process's own)."""
        source = os.environ if environment is None else environment
        return cls.from_mapping(
            {key.removeprefix(_PREFIX).lower(): value for key, value in source.items() if key.startswith(_PREFIX)}
        )


def _cast(kind: object, value: str | int | Path) -> str | int | Path:
    if kind is int:
        return int(str(value))
    return Path(str(value)) if kind is Path else str(value)
