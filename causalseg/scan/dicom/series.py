"""The DICOM files of a folder or a zip -> one series: the longest, its slices by their place in space."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pydicom import Dataset

from causalseg.errors import UnreadableScan
from causalseg.scan.dicom.header import numbers_of
from causalseg.scan.dicom.parse import frames_of
from causalseg.scan.dicom.reader import DicomFile, read_slices
from causalseg.scan.refusals import refuse_malformed
from causalseg.scan.request import Request
from causalseg.scan.scan import Scan


def read_series(files: Sequence[DicomFile], whole: str, request: Request) -> Scan:
    """Read the longest series among `files`, which are in any order; the scan says so where there are others.

    Args:
        files: with pixels.
        whole: what they came in, in a word: "zip", "folder".
        request: whose sha256 is that of the whole.
    """
    series = _by_series(files)
    longest = max(series, key=lambda group: sum(frames_of(file.header) for file in group))
    scan = read_slices(longest, request)
    if len(series) == 1:
        return scan
    sentence = (
        f"This {whole} has {len(series)} series, or parts of series that differ in size or direction; the longest one, "
        f"of {scan.count} {scan.axis}s, is shown."
    )
    return replace(scan, warnings=(sentence, *scan.warnings))


def _by_series(files: Sequence[DicomFile]) -> list[list[DicomFile]]:
    """Files that can be one volume: of one series, size and direction; a multi-frame file is one by itself."""
    groups: dict[tuple, dict[str, DicomFile]] = defaultdict(dict)
    for place, file in enumerate(files):
        own = place if frames_of(file.header) > 1 else None
        name = str(_value_of(file.header, "SOPInstanceUID") or place)  # the same slice twice counts once
        groups[(*_kin_of(file.header), own)].setdefault(name, file)
    several = [list(group.values()) for group in groups.values()]
    return sorted(several, key=lambda group: numbers_of(_value_of(group[0].header, "SeriesNumber")))


def _kin_of(header: Dataset) -> tuple[str | int | float, ...]:
    """Series, size, colours and direction: what slices of one volume have in common."""
    direction = (round(cosine, 2) + 0.0 for cosine in numbers_of(_value_of(header, "ImageOrientationPatient")))
    texts = (str(_value_of(header, keyword)) for keyword in ("SeriesInstanceUID", "SamplesPerPixel"))
    return int(header.Rows), int(header.Columns), *texts, *direction


def _value_of(header: Dataset, keyword: str) -> Any:
    """None also where the value cannot be read: one such file must not lose the others."""
    with suppress(UnreadableScan), refuse_malformed("unreadable"):
        return header.get(keyword)
    return None
