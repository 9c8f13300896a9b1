"""A scan and its masks -> every format: the thin layer between `Scan` and the functions of plain values.

scan.volume.source ──┬── SourceNifti ── nifti (the file's own voxels)
                     └── SourceDicom ── dicom_seg (in space where all frames have a place, else one a picture)
scan.volume.affine ───── nifti
scan.spacing_mm ──────── nifti (pixel sizes alone)
masks by index ───────── png, coco; all of it ── bundle
"""

import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from pydicom import Dataset

from causalseg.annotations.exports.bundle import Exported, Format, Provenance, bundle, provenance_to_json
from causalseg.annotations.exports.coco import Label, masks_to_coco, picture_name
from causalseg.annotations.exports.dicom_seg import Segment, mask_to_dicom_seg, picture_to_dicom_seg
from causalseg.annotations.exports.dicom_seg_header import frame_count, have_positions, is_enhanced
from causalseg.annotations.exports.nifti import mask_to_nifti, mask_to_nifti_like, pictures_to_nifti
from causalseg.annotations.exports.png import mask_to_png, masks_to_png_zip
from causalseg.annotations.exports.zip_file import is_zip, zip_files
from causalseg.errors import ExportRefused, InputError
from causalseg.scan import Scan, SourceDicom, SourceNifti
from causalseg.scan.dicom.parse import quiet_pydicom
from causalseg.scan.refusals import refuse_malformed

logger = logging.getLogger(__name__)

Masks = Mapping[int, Bool[np.ndarray, "height width"]]
"""Index of the slice, frame or page -> its mask. What was never segmented is not in it."""

_SHORT_SHA256_CHARS = 12
_NO_SIZE = (
    "This scan does not say how large its pixels are, and a NIfTI file of it would claim a size that nobody measured. "
    "Export as PNG or COCO."
)
_NO_DICOM = (
    "A DICOM segmentation refers to the DICOM images that it was drawn on, and this scan is not a DICOM file. "
    "Export as NIfTI or PNG."
)
_NO_HEADER = "The header of this DICOM file is too damaged to be referred to. Export as NIfTI or PNG."
_FAULT = (
    "This format could not be written ({}): a fault of causalseg, not of your scan. The other formats are not touched "
    "by it; please report it."
)
_NO_MASK = "There is no mask to export. Segment the scan first."


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """What is to be exported."""

    scan: Scan
    masks: Masks
    provenance: Provenance
    with_identity: bool

    @property
    def stem(self) -> str:
        """Name of all files of one export, of the scan's sha256 and, where it is of one slice of many, the index."""
        short = self.scan.sha256[:_SHORT_SHA256_CHARS]
        is_lone = len(self.masks) == 1 < self.scan.count
        return f"{short}_{next(iter(self.masks)):04d}_mask" if is_lone else f"{short}_mask"

    @property
    def segment(self) -> Segment:
        """As DICOM describes it."""
        return Segment(self.provenance.description, self.provenance.model, is_corrected=self.provenance.is_corrected)


_WRITERS: Mapping[Format, tuple[str, Callable[[_Job], bytes]]] = {
    "png": (".png", lambda job: to_png(job.masks)),
    "nifti": (".nii.gz", lambda job: to_nifti(job.scan, job.masks)),
    "dicom_seg": (
        "_seg.dcm",
        lambda job: to_dicom_seg(job.scan, job.masks, job.segment, with_identity=job.with_identity),
    ),
    "coco": ("_coco.json", lambda job: to_coco(job.scan, job.masks, job.provenance.description)),
}
"""Format -> how its file's name ends, and what writes it."""
FORMATS: tuple[Format, ...] = tuple(_WRITERS)


def export_all(
    scan: Scan, masks: Masks, provenance: Provenance, *, with_identity: bool = False
) -> tuple[Exported, ...]:
    """Every format of the masks of one description, then the bundle of them; what fails says why and blocks nothing.

    Args:
        scan: as it was opened, whichever slice it shows.
        masks: in the scan's own size, by index; for slices without one, formats of volumes say 0.
        provenance: of the masks.
        with_identity: whether DICOM segmentations carry the patient's name and the study's date, which an archive
            needs to file them; everything else never carries them.

    Raises:
        ExportRefused: there are no masks, or they are not of this scan.
    """
    _raise_if_not_of(scan, masks)
    job = _Job(scan, masks, provenance, with_identity)
    exports = tuple(_attempt(kind, job) for kind in FORMATS)
    written = provenance_to_json(provenance, scan_sha256=scan.sha256, indices=masks, exports=exports)
    return *exports, Exported("bundle", f"{job.stem}_all.zip", bundle(exports, written))


def export_as(
    kind: Format, scan: Scan, masks: Masks, provenance: Provenance, *, with_identity: bool = False
) -> Exported:
    """One format; arguments and errors are those of `export_all`."""
    _raise_if_not_of(scan, masks)
    return _attempt(kind, _Job(scan, masks, provenance, with_identity))


def to_png(masks: Masks) -> bytes:
    """One PNG, or a zip of several."""
    return mask_to_png(next(iter(masks.values()))) if len(masks) == 1 else masks_to_png_zip(masks)


def to_nifti(scan: Scan, masks: Masks) -> bytes:
    """On the voxels of the scan; of a film or a picture, which have no place, with the size of a pixel alone.

    Raises:
        ExportRefused: nothing is known of the size of a pixel.
    """
    stack = _stack(scan, masks)
    volume = scan.volume
    if volume is not None and isinstance(volume.source, SourceNifti):
        return mask_to_nifti_like(volume.source.to_file(stack), volume.source.nifti_header())
    if volume is not None and volume.affine is not None and (scan.axis == "slice" or scan.count == 1):
        in_time = stack.reshape(volume.repeats, -1, *scan.hw).transpose(3, 2, 1, 0)
        return mask_to_nifti(in_time[..., 0] if volume.repeats == 1 else in_time, volume.affine)
    if scan.spacing_mm is None:
        raise ExportRefused(_NO_SIZE)
    return pictures_to_nifti(stack, scan.spacing_mm)


def to_dicom_seg(scan: Scan, masks: Masks, segment: Segment, *, with_identity: bool = False) -> bytes:
    """One DICOM file where the frames of the source have places in space or one picture is meant, else a zip.

    Raises:
        ExportRefused: the scan is not a DICOM file, or its header lacks what a segmentation cannot do without.
    """
    source = _source_of(scan)
    with quiet_pydicom(), refuse_malformed(_NO_HEADER, refusal=ExportRefused):
        headers = source.datasets(with_identity=True)
        if have_positions(headers):
            in_order, stack = _by_file(headers, source, _stack(scan, masks))
            return mask_to_dicom_seg(stack, in_order, segment, with_identity=with_identity)
        files = {}
        for index, mask in sorted(masks.items()):
            file, frame = source.places[index]
            files[f"{index:04d}_seg.dcm"] = picture_to_dicom_seg(
                mask, headers[file], segment, frame=frame, with_identity=with_identity
            )
        return next(iter(files.values())) if len(files) == 1 else zip_files(files)


def to_coco(scan: Scan, masks: Masks, description: str) -> bytes:
    """One COCO file, a picture a mask."""
    return masks_to_coco(
        Label(picture_name(scan.sha256, index), description, mask) for index, mask in sorted(masks.items())
    )


def _attempt(kind: Format, job: _Job) -> Exported:
    """One format; whatever goes wrong in it is its own affair.

    This is one of the two places that catch everything (the other is the edge of the page): an export that stops half
    the way loses the person's work in the formats that were fine. Only the kind of an unforeseen error and the lines it
    passed go to the log, as its message may quote a header.
    """
    ending, write = _WRITERS[kind]
    try:
        content = write(job)
        return Exported(kind, f"{job.stem}{_zip_ending(ending) if is_zip(content) else ending}", content)
    except InputError as error:
        return Exported(kind, f"{job.stem}{ending}", problem=str(error))
    except Exception as error:
        lines = "".join(traceback.format_tb(error.__traceback__))
        logger.error("export=%s error=%s\n%s", kind, type(error).__name__, lines)
        return Exported(kind, f"{job.stem}{ending}", problem=_FAULT.format(type(error).__name__))


def _zip_ending(ending: str) -> str:
    """ ".png" -> "_png.zip", "_seg.dcm" -> "_seg.zip"."""
    return f"_{ending[1:]}.zip" if ending.startswith(".") else f"{ending.split('.')[0]}.zip"


def _stack(scan: Scan, masks: Masks) -> Bool[np.ndarray, "count height width"]:
    stack = np.zeros((scan.count, *scan.hw), dtype=bool)
    for index, mask in masks.items():
        stack[index] = mask
    return stack


def _source_of(scan: Scan) -> SourceDicom:
    source = scan.volume and scan.volume.source
    if isinstance(source, SourceDicom):
        return source
    raise ExportRefused(_NO_HEADER if scan.format == "DICOM" else _NO_DICOM)


def _by_file(
    headers: Sequence[Dataset], source: SourceDicom, stack: Bool[np.ndarray, "count height width"]
) -> tuple[list[Dataset], Bool[np.ndarray, "count height width"]]:
    """Headers and masks side by side: a series in the order of the slices, an enhanced file in that of its frames."""
    if len(headers) > 1 or not is_enhanced(headers[0]):
        return [headers[file] for file, _ in source.places], stack
    by_frame = np.zeros((frame_count(headers[0]), *stack.shape[1:]), dtype=bool)
    for mask, (_, frame) in zip(stack, source.places, strict=True):
        by_frame[frame - 1] = mask
    return list(headers), by_frame


def _raise_if_not_of(scan: Scan, masks: Masks) -> None:
    if not masks:
        raise ExportRefused(_NO_MASK)
    for index, mask in masks.items():
        if not 0 <= index < scan.count or mask.shape != scan.hw:
            raise ExportRefused(
                f"A mask of {mask.shape[1]} x {mask.shape[0]} px of {scan.axis} {index + 1} is not one of this scan, "
                f"which has {scan.count} of {scan.hw[1]} x {scan.hw[0]} px. Segment the scan again."
            )
