"""Headers that lie: what a format cannot do is said in a sentence; the others are written and read back as ever."""

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydicom.uid import EnhancedCTImageStorage, UltrasoundMultiFrameImageStorage

from causalseg.annotations.exports import export_all
from causalseg.annotations.exports.zip_file import zip_files
from causalseg.errors import InputError
from causalseg.scan import Scan, SourceDicom, read_scan
from tests.annotations.exports import sources
from tests.annotations.exports.garble import garble
from tests.annotations.exports.test_formats import POLYP, assert_reads_back, by_format, random_masks
from tests.scan.mutated_files import mutate
from tests.scan.sample_files import make_dicom

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""pycocotools 2.0.11 decodes in the words of numpy 1."""

COUNT = 3
KINDS = ("slice", "series", "enhanced", "film")
ROUNDS = 25
"""Of each of the twelve kinds and ways."""


def fields_of(header: Any) -> dict[str, Any]:
    return {element.keyword: element.value for element in header if element.keyword not in ("Rows", "Columns")}


def files_of_kind(kind: str) -> list[bytes]:
    """The DICOM files of a scan whose values count its slices."""
    stored = np.broadcast_to(np.arange(COUNT, dtype=np.uint16)[:, None, None], (COUNT, *sources.HW))
    if kind == "slice":
        return [make_dicom(stored[0], **fields_of(sources.series(1)[0]))]
    if kind == "series":
        return [make_dicom(one, **fields_of(header)) for one, header in zip(stored, sources.series(COUNT), strict=True)]
    if kind == "enhanced":
        fields = fields_of(sources.enhanced((2, 0, 1))) | {"SOPClassUID": EnhancedCTImageStorage}
        return [make_dicom(stored, **fields)]
    return [make_dicom(stored, **fields_of(sources.cine(COUNT)) | {"SOPClassUID": UltrasoundMultiFrameImageStorage})]


def open_files(files: list[bytes]) -> Scan:
    return read_scan(files[0] if len(files) == 1 else zip_files({f"{k}.dcm": file for k, file in enumerate(files)}))


def assert_every_format_is_right_or_says_why(scan: Scan) -> int:
    """How many formats were written."""
    masks = random_masks(scan)
    *exports, _ = export_all(scan, masks, POLYP, with_identity=True)
    for export in exports:
        if export.problem is None:
            assert_reads_back(export, scan, masks)
        else:
            assert export.problem.endswith(".") and "fault of causalseg" not in export.problem, export
    assert all(by_format(tuple(exports))[kind].content for kind in ("png", "coco"))
    return sum(export.problem is None for export in exports)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_whose_header_lies_blocks_no_format_that_can_be_written(kind: str) -> None:
    rng, files = random.Random(kind), files_of_kind(kind)
    written: list[int] = []
    for _ in range(ROUNDS):
        place = rng.randrange(len(files))
        changed = [garble(file, rng) if k == place else file for k, file in enumerate(files)]
        try:
            scan = open_files(changed)
        except InputError:
            continue
        written.append(assert_every_format_is_right_or_says_why(scan))

    assert len(written) > ROUNDS / 3 and max(written) > min(written)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spoil", [garble, mutate], ids=["elements", "bytes"])
def test_headers_that_were_damaged_in_memory_block_no_format_that_can_be_written(kind: str, spoil: Any) -> None:
    rng, scan = random.Random(kind), open_files(files_of_kind(kind))
    assert scan.volume is not None and isinstance(scan.volume.source, SourceDicom)
    for _ in range(ROUNDS):
        headers = list(scan.volume.source.headers)
        place = rng.randrange(len(headers))
        headers[place] = spoil(headers[place], rng)
        source = replace(scan.volume.source, headers=tuple(headers))
        assert_every_format_is_right_or_says_why(replace(scan, volume=replace(scan.volume, source=source)))
