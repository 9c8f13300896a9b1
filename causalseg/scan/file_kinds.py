"""Contents -> `Scan`, here and now: the content says what it is, never a file's name. A new format is added here."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from causalseg.errors import ScanTooLarge, UnreadableScan
from causalseg.scan.dicom.parse import looks_like_dicom
from causalseg.scan.dicom.reader import DicomFile, open_dicom, read_dicom
from causalseg.scan.dicom.series import read_series
from causalseg.scan.nifti import looks_like_nifti, read_nifti
from causalseg.scan.packed import GZIP_MAGIC, ZIP_MAGIC, inflate, open_zip
from causalseg.scan.raster import RASTER_MAGIC, read_raster
from causalseg.scan.request import Request
from causalseg.scan.scan import Scan

_CAN_OPEN = "DICOM, NIfTI, PNG, JPEG, TIFF, BMP or WebP file, or a folder or zip of DICOM slices"
_NESTED = "There is a packed file inside this packed file. Unpack it, then open the file or folder inside."


def decode(contents: Sequence[bytes], request: Request, *, is_folder: bool = False) -> Scan:
    """The scan in a file (the one of `contents`), or in the files of a folder.

    Raises:
        UnreadableScan: of an unknown format, damaged, or without pixels.
        ScanTooLarge: more pixels than the settings allow, or more bytes once unpacked.
    """
    if is_folder:
        return _read_several([lambda content=content: content for content in contents], "folder", request)
    return _read_one(contents[0], request)


def kind_of(content: bytes) -> str:
    """ "DICOM", "PNG", "zip"...

    Raises:
        UnreadableScan: none that can be opened.
    """
    if looks_like_dicom(content):
        return "DICOM"
    if looks_like_nifti(content):
        return "NIfTI"
    if content.startswith(GZIP_MAGIC):
        return "gz"
    if content.startswith(ZIP_MAGIC):
        return "zip"
    for kind, magics in RASTER_MAGIC.items():
        if content.startswith(magics) and (kind != "WebP" or content[8:12] == b"WEBP"):
            return kind
    raise UnreadableScan(f"This is not a scan that can be opened, whatever its name says. Open a {_CAN_OPEN}.")


def _read_one(content: bytes, request: Request, *, is_inside: bool = False) -> Scan:
    """A file; `is_inside`: of a gz or zip, where another one is refused."""
    kind = kind_of(content)
    if is_inside and kind == "zip":
        raise UnreadableScan(_NESTED)
    if kind == "gz":
        inflated = inflate(content, request.settings, request.on_progress)
        if inflated.startswith((GZIP_MAGIC, *ZIP_MAGIC)):
            raise UnreadableScan(_NESTED)
        return _read_one(inflated, request, is_inside=True)
    if kind == "zip":
        return _read_several(open_zip(content, request.settings), "zip", request)
    if kind == "DICOM":
        return read_dicom(content, request)
    return read_nifti(content, request) if kind == "NIfTI" else read_raster(content, kind, request)


def _read_several(loads: Sequence[Callable[[], bytes]], whole: str, request: Request) -> Scan:
    """The series among several files, or the one other scan."""
    slices, others, refused = _sort(loads, request)
    if slices:
        later = replace(request, on_progress=lambda done, total: request.on_progress(total + done, 2 * total))
        scan = read_series(slices, whole, later)
    elif len(others) == 1:
        scan = _read_one(others[0](), request, is_inside=True)
    elif others:
        raise UnreadableScan(f"This {whole} has {len(others)} scans that are no DICOM slices. Open one of them.")
    else:
        raise UnreadableScan(f"Nothing in this {whole} is a scan that can be opened. Open a {_CAN_OPEN}.")
    if not refused:
        return scan
    left_out = f"{refused} DICOM file(s) of this {whole} cannot be read and were left out: slices may be missing."
    return replace(scan, warnings=(left_out, *scan.warnings))


def _sort(
    loads: Sequence[Callable[[], bytes]], request: Request
) -> tuple[list[DicomFile], list[Callable[[], bytes]], int]:
    """DICOM files with pixels, other scans, and the number of DICOM files that are damaged."""
    slices: list[DicomFile] = []
    others, refused = [], 0
    for place, load in enumerate(loads):
        content, kind = load(), None
        with suppress(UnreadableScan):
            kind = kind_of(content)
        if kind == "DICOM":
            try:
                file = open_dicom(content, load, request)
            except ScanTooLarge:
                raise
            except UnreadableScan:
                refused += 1
            else:
                slices += [file] if file is not None else []
        elif kind is not None:
            others.append(load)
        request.on_progress(place + 1, 2 * len(loads))
    return slices, others, refused
