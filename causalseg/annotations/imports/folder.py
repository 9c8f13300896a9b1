"""A folder of scans, and of masks where there are any, into the store: file by file, whatever is wrong with some.

With an `index.csv` in the folder, its rows say what is there. Columns: `image` (needed), `mask`, `patient`, `modality`,
`split`, and `description` or `text` or `target` (the first that is filled); others are ignored. Without one, every file
is tried, and masks find their scans by name: `images/a.jpg` and `masks/a.png`, `a.png` and `a_mask.png`,
`imagesTr/a_0000.nii.gz` and `labelsTr/a.nii.gz`. Several masks of one scan are united.

A mask of a volume gives a label to each slice that it touches. The same folder again adds only what is new.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from jaxtyping import Bool, Real

from causalseg.annotations import review
from causalseg.annotations.label_records import SPLITS, Revision, Split
from causalseg.annotations.store import LabelStore
from causalseg.annotations.store.scans import NO_FACTS, Facts, signed
from causalseg.errors import BadCorrection, InputError
from causalseg.scan import MODALITIES, Scan, read_scan
from causalseg.settings import Settings

OnProgress = Callable[[int, int], object]

INDEX = "index.csv"
MODEL = "import"
"""What stands in a label in place of the checkpoint that proposed it."""
_DESCRIPTIONS = ("description", "text", "target")
_ALSO_CALLED = {
    **dict.fromkeys(["radiography", "x-ray", "xray", "cr", "dx"], "radiograph"),
    "mr": "mri",
    "us": "ultrasound",
}
"""Other words for `MODALITIES`, DICOM's own among them."""
_NOT_TRIED = {".csv", ".tsv", ".txt", ".md", ".json", ".yaml", ".yml"}
_MASK_FOLDERS = {"mask", "masks", "label", "labels", "labelstr", "labelsts", "annotation", "annotations", "seg", "gt"}
_SCAN_FOLDERS = {"image", "images", "imagestr", "imagests", "img", "imgs", "scan", "scans"}
_MASK_NAME = re.compile(r"[ _.-](mask|masks|label|labels|seg|segmentation|gt|annotation)([ _.-]?\d+)?$")
_NNUNET_FOLDERS = {"imagestr", "imagests"}
_CHANNEL = re.compile(r"_\d{4}$")
_MASK_NEEDS_TWO_VALUES = (
    "This mask has {levels} different values; a mask has two, outside and inside. Save each structure as a mask of its "
    "own, without soft edges."
)
_SMEARED = 40
"""Grey levels that lossy compression moves black and white by."""
_SAME_PLACE_MM = 0.01
_MAX_SMEARED_SHARE = 0.02
"""Pixels that may lie between: the edges of a mask that was saved as JPEG."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that was not taken, and why."""

    file: str
    """Path inside the folder."""
    reason: str
    """Sentences for the person who imports it."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a folder."""

    scans: int
    """New to the store."""
    labels: int
    """New to the store; a mask of a volume makes several."""
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A scan of the folder, and what is known of it."""

    scan: Path
    masks: tuple[Path, ...] = ()
    description: str = ""
    facts: Facts = NO_FACTS


def import_folder(
    store: LabelStore,
    folder: Path,
    *,
    person: str,
    description: str = "",
    approved_by: str | None = None,
    keep_paths: bool = False,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> Imported:
    """Add every scan of a folder, and every mask as a label of `person`.

    Args:
        store: where they go.
        folder: where they are; nothing in it is changed.
        person: who adds the scans and signs the masks.
        description: of masks that no row of an index describes.
        approved_by: who answers for the masks, so that they may be learnt from; None leaves them to be reviewed.
        keep_paths: write down where each file is. A path may name a patient.
        settings: limits for reading; None: the usual ones.
        on_progress: told (done, total) before every scan and at the end; may raise `Cancelled`, which leaves whole
            what was added until then.

    Raises:
        InputError: there is no such folder, or its index has no column `image`.
    """
    name, tell, limits = signed(person), on_progress or (lambda done, total: None), settings or Settings()
    refused: list[Refused] = []
    entries = list(_entries(folder, refused, leave_out=store.folder))
    scans = labels = 0
    for done, entry in enumerate(entries):
        tell(done, len(entries))
        try:
            scan = read_scan(entry.scan, settings=limits, on_progress=partial(_still_at, tell, done, len(entries)))
            is_new = store.scan(scan.sha256) is None
            source = str(entry.scan.resolve()) if keep_paths else None
            store.add(scan, person=name, facts=replace(entry.facts, source=source))
        except InputError as error:
            refused.append(Refused(_inside(folder, entry.scan), str(error)))
            continue
        scans += is_new
        masks = _read_masks(folder, entry, scan, limits, refused)
        if masks:
            labels += _label(store, scan, masks, name, entry.description or description, approved_by)
    tell(len(entries), len(entries))
    return Imported(scans, labels, tuple(refused))


def binary_mask(values: Real[np.ndarray, "count height width"]) -> Bool[np.ndarray, "count height width"]:
    """What is inside: the larger of two values, or everything that is not 0 where there is only one.

    Raises:
        BadCorrection: there are more values than two, also when the smearing of JPEG is forgiven.
    """
    levels = np.unique(values)
    if len(levels) == 1:
        return values > 0
    if len(levels) == 2:
        return values == levels[1]
    between = (values > levels[0] + _SMEARED) & (values < levels[-1] - _SMEARED)
    if levels[-1] - levels[0] <= 2 * _SMEARED or between.mean() > _MAX_SMEARED_SHARE:
        raise BadCorrection(_MASK_NEEDS_TWO_VALUES.format(levels=len(levels)))
    return values > (levels[0].astype(np.float64) + levels[-1]) / 2


def _still_at(tell: OnProgress, done: int, total: int, *_slices: int) -> None:
    """Told after every slice of a scan, so that a long one can be stopped."""
    tell(done, total)


def _label(
    store: LabelStore,
    scan: Scan,
    masks: list[Bool[np.ndarray, "count height width"]],
    person: str,
    description: str,
    approved_by: str | None,
) -> int:
    """A label for each slice that the masks touch, or for the one shown where they touch none; how many are new."""
    mask = np.logical_or.reduce(masks)
    touched = np.flatnonzero(mask.any(axis=(1, 2))).tolist() if scan.count > 1 else []
    labels = 0
    for index in touched or [scan.index]:
        drawn = mask[index if len(mask) > 1 else 0]
        if _is_there(store, store.latest(scan.sha256, person, index), drawn, description):
            continue
        revision = store.save(scan.view(index), drawn, person=person, description=description, removed=(), model=MODEL)
        if approved_by is not None:
            review.approve(store, revision, reviewer=approved_by)
        labels += 1
    return labels


def _is_there(
    store: LabelStore, latest: Revision | None, mask: Bool[np.ndarray, "height width"], description: str
) -> bool:
    return latest is not None and latest.description == description and np.array_equal(store.mask(latest), mask)


def _read_masks(
    folder: Path, entry: Entry, scan: Scan, limits: Settings, refused: list[Refused]
) -> list[Bool[np.ndarray, "count height width"]]:
    """All masks of a scan; none where one of them is refused, for half of them is another mask."""
    masks, wrong = [], []
    for file in entry.masks:
        try:
            masks.append(_read_mask(file, scan, limits))
        except InputError as error:
            wrong.append(Refused(_inside(folder, file), str(error)))
    refused.extend(wrong)
    return [] if wrong else masks


def _read_mask(file: Path, scan: Scan, limits: Settings) -> Bool[np.ndarray, "count height width"]:
    """A mask as the file says it: a slice for each slice of the scan, or one.

    Raises:
        UnreadableScan: not a picture or a volume.
        BadCorrection: of another size than the scan, elsewhere in space, or with more values than two.
    """
    read = read_scan(file, settings=limits)
    volume = read.volume
    values = read.image_u8[None] if volume is None else volume.values
    grey = values.max(axis=-1) if values.ndim == 4 else values
    if grey.shape[1:] != scan.hw or len(grey) not in (1, scan.count):
        size = " x ".join(map(str, grey.shape if len(grey) > 1 else grey.shape[1:]))
        raise BadCorrection(
            f"This mask has {size} px, its scan {scan.count} x {scan.hw[0]} x {scan.hw[1]}. Export both at one size."
        )
    placed = [one.affine for one in (volume, scan.volume) if one is not None and one.affine is not None]
    if len(placed) == 2 and len(grey) > 1 and not np.allclose(*placed, atol=_SAME_PLACE_MM):
        raise BadCorrection(
            "This mask lies elsewhere in space than its scan (their affines differ). Resample it to the scan first."
        )
    return binary_mask(grey)


def _entries(folder: Path, refused: list[Refused], *, leave_out: Path) -> Iterator[Entry]:
    if not folder.is_dir():
        raise InputError("There is no such folder. Choose it again.")
    return _from_index(folder, refused) if (folder / INDEX).is_file() else _by_name(folder, refused, leave_out)


def _from_index(folder: Path, refused: list[Refused]) -> Iterator[Entry]:
    """A row an entry; a row that says something impossible is refused."""
    try:
        text = (folder / INDEX).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{INDEX} cannot be read. Save it as a CSV file in UTF-8.") from None
    first_line = text.partition("\n")[0]
    rows = csv.DictReader(text.splitlines(), delimiter=";" if first_line.count(";") > first_line.count(",") else ",")
    if "image" not in (rows.fieldnames or ()):
        raise InputError(f"{INDEX} needs a column “image” with the path of each scan inside the folder.")
    for number, row in enumerate(rows, start=2):
        try:
            yield _entry(folder, {key: (value or "").strip() for key, value in row.items() if isinstance(key, str)})
        except InputError as error:
            refused.append(Refused(f"{INDEX}, line {number}", str(error)))


def _entry(folder: Path, row: Mapping[str, str]) -> Entry:
    modality, split = row.get("modality", "").lower() or None, row.get("split", "").lower() or None
    modality = _ALSO_CALLED.get(modality or "", modality)
    if modality not in (None, *MODALITIES):
        raise InputError(f"A modality is one of {', '.join(MODALITIES)}, or left empty.")
    if split not in (None, *SPLITS):
        raise InputError(f"A split is one of {', '.join(SPLITS)}, or left empty: then it is drawn by patient.")
    mask = row.get("mask")
    return Entry(
        _path_in(folder, row["image"]),
        (_path_in(folder, mask),) if mask else (),
        next((row[column] for column in _DESCRIPTIONS if row.get(column)), ""),
        Facts(row.get("patient") or None, modality, cast(Split | None, split)),
    )


def _path_in(folder: Path, name: str) -> Path:
    if not name:
        raise InputError("The column “image” is empty.")
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError("This path leads out of the folder. Copy the file into it.")
    return path


def _by_name(folder: Path, refused: list[Refused], leave_out: Path) -> Iterator[Entry]:
    """Every file, masks with their scans; but for those of the store itself, which may lie in the folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and _is_tried(path.relative_to(folder))]
    files = [path for path in files if not path.resolve().is_relative_to(leave_out.resolve())]
    masks: dict[tuple[str, ...], list[Path]] = defaultdict(list)
    scans: list[Path] = []
    for path in files:
        if _is_mask(path.relative_to(folder)):
            masks[_pair_key(path.relative_to(folder))].append(path)
        else:
            scans.append(path)
    for path in scans:
        yield Entry(path, tuple(masks.pop(_pair_key(path.relative_to(folder)), ())))
    for lonely in masks.values():
        reason = "This looks like a mask, but no scan of that name is in the folder."
        refused.extend(Refused(_inside(folder, path), reason) for path in lonely)


def _is_tried(path: Path) -> bool:
    return path.suffix.lower() not in _NOT_TRIED and not any(part.startswith(".") for part in path.parts)


def _is_mask(path: Path) -> bool:
    return any(part.lower() in _MASK_FOLDERS for part in path.parts[:-1]) or bool(_MASK_NAME.search(_stem(path)))


def _pair_key(path: Path) -> tuple[str, ...]:
    """What a scan and its masks have in common: folders and name, without the words that tell them apart."""
    folders = [part.lower() for part in path.parts[:-1] if part.lower() not in _MASK_FOLDERS | _SCAN_FOLDERS]
    name = _MASK_NAME.sub("", _stem(path))
    has_channel = any(part.lower() in _NNUNET_FOLDERS for part in path.parts[:-1])
    return *folders, _CHANNEL.sub("", name) if has_channel else name


def _stem(path: Path) -> str:
    return path.name.lower().removesuffix(".gz").rsplit(".", 1)[0] if "." in path.name else path.name.lower()


def _inside(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()
