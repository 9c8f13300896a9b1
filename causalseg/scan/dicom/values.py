"""Stored values of a DICOM frame -> the modality's unit, and how the file wants them to be seen.

stored ──┬── MONOCHROME   modality LUT or rescale -> values; VOI LUT, else window, else what the values suggest
         ├── PALETTE      look-up tables ──────────────┬── RGB u8
         └── RGB, YBR     YBR -> RGB -> 8 bits ────────┘
"""

import math

import numpy as np
from jaxtyping import Bool, Integer, Real
from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_color_lut

from causalseg.errors import UnreadableScan
from causalseg.scan.dicom.header import numbers_of
from causalseg.scan.display import Display, GreyTable
from causalseg.scan.window import NamedWindow, Picture, Pixels, Window, WindowShape, look_up

Indices = Integer[np.ndarray, "height width"]
_UNKNOWN_COLOURS = (
    "The colours of this DICOM file are stored in a way that is not known here. Export it as RGB or PNG, "
    "then open it again."
)
_GREY = {"MONOCHROME1", "MONOCHROME2"}
_COLOURS = {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"}
_WINDOW_SHAPES: dict[str, WindowShape] = {"LINEAR_EXACT": "LINEAR_EXACT", "SIGMOID": "SIGMOID"}
_SCREEN_BITS = 8
_EXPLANATIONS = {
    *("NORMAL", "HARDER", "SOFTER", "BRAIN", "BONE", "LUNG", "LUNGS", "SOFT TISSUE", "MEDIASTINUM", "ABDOMEN", "LIVER"),
    *("SUBDURAL", "STROKE", "SPINE", "HEAD", "NECK", "CHEST", "PELVIS", "DEFAULT", "AUTO", "USER", "ALGO1", "ALGO2"),
}
"""What makers call their windows; other words might be somebody's name and are left out."""


def measure(stored: Pixels, dataset: Dataset, facts: Dataset) -> Real[np.ndarray, "height width *colours"]:
    """Stored values -> the unit of the modality (CT: HU), or RGB of 8 bits.

    Whole numbers stay whole numbers (at most 32 bits); fractions are float32.

    Raises:
        UnreadableScan: the file names colours that are not known.
    """
    photometric = dataset.PhotometricInterpretation
    if stored.ndim == 3 and photometric in _COLOURS:
        return _to_8_bits(stored, int(dataset.BitsStored))
    if stored.ndim == 2 and photometric == "PALETTE COLOR":
        return _apply_palette(stored, dataset)
    if stored.ndim == 3 or photometric not in _GREY:
        raise UnreadableScan(_UNKNOWN_COLOURS)
    return _apply_modality(stored, facts)


def display_of(stored: Pixels, dataset: Dataset, facts: Dataset) -> Display:
    """VOI LUT, else the first window, else the stored values where they fit a screen (PS3.4 N.2)."""
    if stored.ndim == 3 or dataset.PhotometricInterpretation not in _GREY:
        return Display()
    is_inverted = dataset.PhotometricInterpretation == "MONOCHROME1"
    if facts.get("VOILUTSequence"):
        return Display(table=_grey_table(facts.VOILUTSequence[0]), is_inverted=is_inverted)
    windows = file_windows(facts, is_float=stored.dtype.kind == "f")
    window = windows[0].window if windows else None
    if window is None and _fits_the_screen(stored, facts):
        intercept = rescale_of(facts)[1]
        window = Window.between(intercept, intercept + 2.0 ** int(facts.BitsStored) - 1)
    return Display(window, is_inverted=is_inverted)


def file_windows(facts: Dataset, *, is_float: bool) -> tuple[NamedWindow, ...]:
    """The windows that a file names and that make sense.

    LINEAR counts in whole values (its width 1 is a threshold), so for stored fractions it is taken as LINEAR_EXACT.
    """
    linear = "LINEAR_EXACT" if is_float else "LINEAR"
    shape = _WINDOW_SHAPES.get(str(facts.get("VOILUTFunction")).upper(), linear)
    names = _several(facts.get("WindowCenterWidthExplanation"))
    pairs = zip(_several(facts.get("WindowCenter")), _several(facts.get("WindowWidth")), strict=False)
    windows = []
    for place, pair in enumerate(pairs):
        center, width = (float(number) if isinstance(number, int | float) else math.nan for number in pair)
        if not (math.isfinite(center) and width > 0) or math.isinf(width) or (shape == "LINEAR" and width < 1):
            continue
        name = str(names[place]).strip() if place < len(names) else ""
        label = f"file: {name.lower()}" if name.upper() in _EXPLANATIONS else f"file: window {place + 1}"
        windows.append(NamedWindow(label, Window(center, width, shape)))
    return tuple(windows)


def rescale_of(facts: Dataset) -> tuple[float, float]:
    """Slope and intercept; 1 and 0 where the file does not name both."""
    slope, intercept = numbers_of(facts.get("RescaleSlope")), numbers_of(facts.get("RescaleIntercept"))
    return (slope[0], intercept[0]) if slope and intercept else (1.0, 0.0)


def padding_of(values: Real[np.ndarray, "*shape"], facts: Dataset) -> Bool[np.ndarray, "*shape"] | None:
    """Pixels outside the field of view (PS3.3 C.7.5.1.1.2)."""
    value = facts.get("PixelPaddingValue")
    if not isinstance(value, int) or facts.get("ModalityLUTSequence"):
        return None
    limit = facts.get("PixelPaddingRangeLimit")
    slope, intercept = rescale_of(facts)
    low, high = sorted(slope * end + intercept for end in (value, limit if isinstance(limit, int) else value))
    return (values >= low) & (values <= high)


def _apply_modality(stored: Real[np.ndarray, "height width"], facts: Dataset) -> Real[np.ndarray, "height width"]:
    if facts.get("ModalityLUTSequence"):
        entries, first_value, _ = _table(facts.ModalityLUTSequence[0])
        return look_up(stored, entries.astype(np.int32), first_value=first_value)
    slope, intercept = rescale_of(facts)
    if (slope, intercept) == (1.0, 0.0):
        return stored
    largest = max(abs(float(stored.min())), abs(float(stored.max())))
    is_whole = stored.dtype.kind in "iu" and slope.is_integer() and intercept.is_integer()
    if is_whole and largest * max(abs(slope), 1) + abs(intercept) <= np.iinfo(np.int32).max:
        values = stored.astype(np.int32)
        values *= int(slope)
        values += int(intercept)
        return values
    return (stored * slope + intercept).astype(np.float32)


def _grey_table(table: Dataset) -> GreyTable:
    entries, first_value, bits = _table(table)
    return GreyTable(np.rint(255 * np.clip(entries / (2.0**bits - 1), 0, 1)).astype(np.uint8), first_value)


def _table(table: Dataset) -> tuple[Integer[np.ndarray, " entries"], int, int]:
    """Entries, first value and bits of a modality or VOI LUT.

    Not pydicom's `apply_voi`: it counts entries in the type of their values, so 8-bit tables of 4,096 entries wrap.
    """
    length, first_value, bits = table.LUTDescriptor
    return _entries(table, "LUTData", length), first_value, bits


def _entries(table: Dataset, keyword: str, announced: int) -> Integer[np.ndarray, " entries"]:
    """Of a field with `announced` entries (0: 65,536) of 8 or 16 bits."""
    data, length = table[keyword].value, announced or 2**16
    if not isinstance(data, bytes):
        return np.atleast_1d(np.asarray(data, dtype=np.int64))
    is_big_endian = table.original_encoding[1] is False
    width_bytes = 2 if len(data) >= 2 * length else 1
    return np.frombuffer(data, dtype=f"{'<>'[is_big_endian]}u{width_bytes}", count=length).astype(np.int64)


def _several(value: object) -> list[object]:
    return [] if value is None else list(value) if isinstance(value, MultiValue) else [value]


def _fits_the_screen(stored: Real[np.ndarray, "height width"], facts: Dataset) -> bool:
    """Whether the stored values are meant to be seen as they are: unsigned, at most 8 bits, in no other unit."""
    is_rescaled = "ModalityLUTSequence" in facts or rescale_of(facts)[0] != 1.0
    return stored.dtype.kind == "u" and facts.get("BitsStored", 0) <= _SCREEN_BITS and not is_rescaled


def _apply_palette(stored: Indices, dataset: Dataset) -> Picture:
    if "SegmentedRedPaletteColorLookupTableData" in dataset:
        rgb = apply_color_lut(stored, dataset)[..., :3]
    else:
        rgb = np.stack([_palette_channel(stored, dataset, colour) for colour in ("Red", "Green", "Blue")], axis=2)
    return _to_8_bits(rgb, 16 if rgb.max() > np.iinfo(np.uint8).max else _SCREEN_BITS)


def _palette_channel(stored: Indices, dataset: Dataset, colour: str) -> Indices:
    length, first_value, _ = dataset[f"{colour}PaletteColorLookupTableDescriptor"].value
    return look_up(stored, _entries(dataset, f"{colour}PaletteColorLookupTableData", length), first_value=first_value)


def _to_8_bits(rgb: Integer[np.ndarray, "height width 3"], bits: int) -> Picture:
    """The highest 8 of `bits` bits."""
    return (rgb >> max(0, bits - _SCREEN_BITS)).astype(np.uint8)
