"""Contents -> `Scan`, here and now: the content says what it is, never a file's name."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from causalseg.errors import ScanTooLarge, UnreadableScan
from causalseg.scan.dicom.quiet import quiet_pydicom
from causalseg.scan.dicom.reader import DicomFile, looks_like_dicom, open_dicom, read_dicom
from causalseg.scan.dicom.series import read_series
from causalseg.scan.nifti import looks_like_nifti, read_nifti
from causalseg.scan.packed import GZIP_MAGIC, ZIP_MAGIC, inflate, open_zip
from causalseg.scan.raster import RASTER_MAGIC, read_raster
from causalseg.scan.scan import Scan
from causalseg.settings import Settings

_CAN_OPEN = "DICOM, NIfTI, PNG, JPEG, TIFF, BMP or WebP file, or a folder or zip of DICOM slices"
_NESTED = "There is a packed file inside this packed file. Unpack it, then open the file or folder inside."

Progress = Callable[[int, int], object]
"""`on_progress(done, total)`, called after every slice; may raise to stop."""


def decode(
    contents: Sequence[bytes], *, is_folder: bool, sha256: str, settings: Settings, on_progress: Progress
) -> Scan:
    """The scan in a file (the one of `contents`), or in the files of a folder.

    Raises:
        UnreadableScan: of an unknown format, damaged, or without pixels.
        ScanTooLarge: more pixels than `settings` allow, or more bytes once unpacked.
    """
    reader = _Reader(sha256, settings, on_progress)
    if is_folder:
        return reader.several([_loader(content) for content in contents], "folder")
    return reader.one(contents[0])


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


class _Reader:
    """One call of `decode`."""

    def __init__(self, sha256: str, settings: Settings, on_progress: Progress) -> None:
        self._sha256, self._settings, self._on_progress = sha256, settings, on_progress

    def one(self, content: bytes, *, is_inside: bool = False) -> Scan:
        """A file; `is_inside`: of a gz or zip, where another one is refused."""
        kind = kind_of(content)
        if is_inside and kind == "zip":
            raise UnreadableScan(_NESTED)
        if kind == "gz":
            inflated = inflate(content, self._settings, self._on_progress)
            if inflated.startswith((GZIP_MAGIC, *ZIP_MAGIC)):
                raise UnreadableScan(_NESTED)
            return self.one(inflated, is_inside=True)
        if kind == "zip":
            return self.several(open_zip(content, self._settings), "zip")
        if kind == "DICOM":
            return read_dicom(content, sha256=self._sha256, settings=self._settings, on_progress=self._on_progress)
        if kind == "NIfTI":
            return read_nifti(content, sha256=self._sha256, settings=self._settings, on_progress=self._on_progress)
        return read_raster(content, kind, sha256=self._sha256, settings=self._settings, on_progress=self._on_progress)

    def several(self, loads: Sequence[Callable[[], bytes]], whole: str) -> Scan:
        """The series among several files, or the one other scan."""
        slices, others, refused = self._sort(loads)
        if slices:
            scan = read_series(
                slices,
                whole=whole,
                sha256=self._sha256,
                settings=self._settings,
                on_progress=lambda done, total: self._on_progress(total + done, 2 * total),
            )
        elif len(others) == 1:
            scan = self.one(others[0](), is_inside=True)
        elif others:
            raise UnreadableScan(f"This {whole} has {len(others)} scans that are no DICOM slices. Open one of them.")
        else:
            raise UnreadableScan(f"Nothing in this {whole} is a scan that can be opened. Open a {_CAN_OPEN}.")
        if not refused:
            return scan
        left_out = f"{refused} DICOM file(s) of this {whole} cannot be read and were left out: slices may be missing."
        return replace(scan, warnings=(left_out, *scan.warnings))

    def _sort(self, loads: Sequence[Callable[[], bytes]]) -> tuple[list[DicomFile], list[Callable[[], bytes]], int]:
        """DICOM files with pixels, other scans, and the number of DICOM files that are damaged."""
        slices: list[DicomFile] = []
        others, refused = [], 0
        for place, load in enumerate(loads):
            content, kind = load(), None
            with suppress(UnreadableScan):
                kind = kind_of(content)
            if kind == "DICOM":
                try:
                    with quiet_pydicom():
                        file = open_dicom(content, load, self._settings)
                except ScanTooLarge:
                    raise
                except UnreadableScan:
                    refused += 1
                else:
                    slices += [file] if file is not None else []
            elif kind is not None:
                others.append(load)
            self._on_progress(place + 1, 2 * len(loads))
        return slices, others, refused


def _loader(content: bytes) -> Callable[[], bytes]:
    return lambda: content
