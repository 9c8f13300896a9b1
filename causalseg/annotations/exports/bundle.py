"""What an export is, where its mask came from, and all formats in one zip with that written beside them.

Carries: every file that could be written, and `provenance.json`: the scan's sha256 and the indices of the masks, the
words, the confounders removed, the model, the person, the revisions, and why a format is missing. Does not carry: the
scan, its header, or the name of the file that was opened.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from causalseg.annotations.exports.zip_file import zip_files
from causalseg.version import VERSION

PROVENANCE_NAME = "provenance.json"
Format = Literal["png", "nifti", "dicom_seg", "coco", "bundle"]
_NOTE = "Research and education only; not a medical device."


@dataclass(frozen=True, slots=True)
class Exported:
    """One format of an export: its bytes, or a sentence that says why there are none."""

    format: Format
    name: str
    """Of the file, made from the scan's sha256."""
    content: bytes | None = field(default=None, repr=False)
    problem: str | None = None
    """For the person; None where `content` is there."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a mask came from, beside the scan itself."""

    description: str
    mask_word: str
    """"observed", "adjusted", "counterfactual" or "corrected"."""
    model: str | None = None
    """Name and version of the checkpoint; None where a person drew the mask from nothing."""
    removed: tuple[str, ...] = ()
    """Ids of the confounders that were switched off."""
    person: str | None = None
    revisions: Mapping[int, int] = field(default_factory=dict)
    """Index -> number of the person's revision, where the masks were saved."""
    saved_at: datetime | None = None
    """UTC; of the last revision."""
    corrected: tuple[int, ...] = ()
    """Indices whose mask a person drew, where the others are the model's."""

    @property
    def is_corrected(self) -> bool:
        """Whether a person changed what the model proposed, anywhere."""
        return self.mask_word == "corrected" or bool(self.corrected)


def provenance_to_json(
    provenance: Provenance, *, scan_sha256: str, indices: Iterable[int], exports: Iterable[Exported]
) -> bytes:
    """The provenance and what became of each format, in UTF-8."""
    exports = list(exports)
    return json.dumps(
        {
            "scan_sha256": scan_sha256,
            "indices": sorted(indices),
            "description": provenance.description,
            "mask": provenance.mask_word,
            "removed": list(provenance.removed),
            "model": provenance.model,
            "corrected": list(provenance.corrected),
            "person": provenance.person,
            "revisions": {str(index): number for index, number in sorted(provenance.revisions.items())},
            "saved_at": None if provenance.saved_at is None else provenance.saved_at.isoformat(),
            "causalseg": VERSION,
            "files": {one.name: hashlib.sha256(one.content).hexdigest() for one in exports if one.content is not None},
            "problems": {one.format: one.problem for one in exports if one.problem is not None},
            "note": _NOTE,
        },
        ensure_ascii=False,
        indent=2,
    ).encode()


def bundle(exports: Iterable[Exported], provenance_json: bytes) -> bytes:
    """A zip of the exports that there are, and the provenance."""
    files = {one.name: one.content for one in exports if one.content is not None}
    return zip_files({PROVENANCE_NAME: provenance_json, **files})
