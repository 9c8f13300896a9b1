"""NIfTI 1 and 2 -> `Scan`: turned for the eye, with the way back to the file's own voxels.

Slices are axial unless the voxels are clearly coarser along another axis, which is then the one they were taken along:

    plane      slices     rows        columns
    axial      feet up    front down  right to left      the patient's right is on the left of the picture,
    coronal    front on   head down   right to left      as radiologists look at it
    sagittal   right on   head down   front to back

Volumes in time (4D) and all further axes follow one another: `Volume.repeats` of them, each with all its slices.
"""

import math

import numpy as np
from jaxtyping import Float64, Real, Shaped
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.orientations import aff2axcodes, io_orientation

from causalseg.errors import UnreadableScan
from causalseg.scan.display import Display
from causalseg.scan.original import SourceNifti
from causalseg.scan.refusals import refuse_malformed
from causalseg.scan.request import Progress, Request
from causalseg.scan.scan import Scan, Volume
from causalseg.scan.window import HIGH_PERCENT, LOW_PERCENT, NamedWindow, Window, percentile_window, preset_windows

_DAMAGED = "This NIfTI file is damaged or cut off. Export it again from where it came, then open it again."
_PAIR = (
    "This is one half of a NIfTI pair (.hdr and .img). Convert the pair to a single .nii file, for example with "
    "nibabel, then open that."
)
_NOT_REAL = "The values of this NIfTI file are complex numbers. Export their magnitude, then open that."
_NO_PLACE = (
    "The file does not say how it lies in the patient. Left and right are shown as if its voxels ran to the left, "
    "the front and the head; do not rely on them."
)
_NO_WINDOW = f"NIfTI names no window; the {LOW_PERCENT}-{HIGH_PERCENT} % range of its values is shown."
_MAGIC_1, _MAGIC_1_PAIR = b"n+1\0", b"ni1\0"
_MAGIC_2, _MAGIC_2_PAIR = b"n+2\0\r\n\x1a\n", b"ni2\0\r\n\x1a\n"
_MAGIC_1_AT, _MAGIC_2_AT = 344, 4
_TEXT_FIELDS = {"descrip", "aux_file", "db_name", "intent_name"}
_COARSER = 1.5
"""Times the next voxel size: then slices were taken along that axis."""
_PLANES: dict[int, tuple[str, tuple[tuple[int, int], ...]]] = {
    2: ("axial", ((2, 1), (1, -1), (0, -1))),
    1: ("coronal", ((1, -1), (2, -1), (0, -1))),
    0: ("sagittal", ((0, -1), (2, -1), (1, -1))),
}
"""World axis (R, A, S) across the slices -> name, and where slices, rows and columns run: world axis and sign."""


def looks_like_nifti(content: bytes) -> bool:
    """Whether the content is a NIfTI file, or a half of a pair."""
    return content[_MAGIC_1_AT : _MAGIC_1_AT + 4] in (_MAGIC_1, _MAGIC_1_PAIR) or content[
        _MAGIC_2_AT : _MAGIC_2_AT + 8
    ] in (_MAGIC_2, _MAGIC_2_PAIR)


def read_nifti(content: bytes, request: Request) -> Scan:
    """Read every slice of a NIfTI file that is already inflated.

    Raises:
        UnreadableScan: damaged, cut off, a half of a pair, or of complex numbers.
        ScanTooLarge: the header announces more than the settings allow.
    """
    with refuse_malformed(_DAMAGED):
        header = _header_of(content)
        affine, warnings = _affine_of(header)
        plane, source = _turn(header, affine, _shape_of(header))
        count, height_px, width_px = source.volume_shape
        request.raise_if_too_large(height_px, width_px, frames=count)
        shown = source.to_volume(_stored(content, header, source.shape))
        values = _measure(shown, header, request.on_progress)
        return _scan_of(values, header, source, plane, request.sha256, warnings)


def _header_of(content: bytes) -> Nifti1Header:
    if content[_MAGIC_1_AT : _MAGIC_1_AT + 4] == _MAGIC_1_PAIR or content[_MAGIC_2_AT:12] == _MAGIC_2_PAIR:
        raise UnreadableScan(_PAIR)
    kind = Nifti2Header if content[_MAGIC_2_AT:12] == _MAGIC_2 else Nifti1Header
    return kind(content[: kind.template_dtype.itemsize], check=False)


def _shape_of(header: Nifti1Header) -> tuple[int, ...]:
    shape = tuple(int(length) for length in header.get_data_shape())
    if not shape or min(shape) < 1:
        raise UnreadableScan(_DAMAGED)
    return shape


def _stored(content: bytes, header: Nifti1Header, shape: tuple[int, ...]) -> Shaped[np.ndarray, "*shape"]:
    """The file's own array, as it lies in `content`."""
    dtype, offset, count = header.get_data_dtype(), int(header.get_data_offset()), math.prod(shape)
    if dtype.kind == "c":
        raise UnreadableScan(_NOT_REAL)
    if offset < 0 or count * dtype.itemsize + offset > len(content):
        raise UnreadableScan(_DAMAGED)
    return np.frombuffer(content, dtype, count, offset).reshape(shape, order="F")


def _affine_of(header: Nifti1Header) -> tuple[Float64[np.ndarray, "4 4"], list[str]]:
    """Voxel -> RAS+ in mm, and what is to be said about it."""
    affine = np.asarray(header.get_best_affine(), dtype=np.float64)
    has_place = bool(header["sform_code"] or header["qform_code"])
    if has_place and np.isfinite(affine).all() and abs(np.linalg.det(affine[:3, :3])) > np.finfo(np.float32).tiny:
        return affine, []
    return _base_affine(header), [_NO_PLACE]


def _base_affine(header: Nifti1Header) -> Float64[np.ndarray, "4 4"]:
    """Voxels that run to the left, the front and the head, of the size in the header, else 1 mm."""
    sizes = [float(size) if np.isfinite(size) and size > 0 else 1.0 for size in (*header.get_zooms()[:3], 1, 1)[:3]]
    shape = (*header.get_data_shape(), 1, 1)[:3]
    affine = np.diag([-sizes[0], sizes[1], sizes[2], 1.0])
    affine[:3, 3] = -affine[:3, :3] @ ((np.asarray(shape, dtype=float) - 1) / 2)
    return affine


def _turn(header: Nifti1Header, affine: Float64[np.ndarray, "4 4"], shape: tuple[int, ...]) -> tuple[str, SourceNifti]:
    """The plane in which the volume is shown, and how the file's axes turn into it."""
    orientation = io_orientation(affine)
    name, directions = _PLANES[int(orientation[_slice_axis(affine, shape, orientation), 0])]
    axes, flips = [], []
    for world_axis, sign in directions:
        axis = int(np.flatnonzero(orientation[:, 0] == world_axis)[0])
        axes.append(axis)
        flips.append(bool(orientation[axis, 1] != sign))
    kept = header.copy()
    for field in _TEXT_FIELDS & set(header.keys()):
        kept[field] = b""
    source = SourceNifti(kept.binaryblock, affine, shape, (axes[0], axes[1], axes[2]), (flips[0], flips[1], flips[2]))
    return name, source


def _slice_axis(
    affine: Float64[np.ndarray, "4 4"], shape: tuple[int, ...], orientation: Float64[np.ndarray, "3 2"]
) -> int:
    """The file's axis along which slices follow each other."""
    spatial = np.asarray((*shape, 1, 1)[:3])
    flat = np.flatnonzero(spatial == 1)
    if len(flat) == 1:
        return int(flat[0])
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    order = np.argsort(sizes)
    if sizes[order[2]] >= _COARSER * sizes[order[1]]:
        return int(order[2])
    return int(np.flatnonzero(orientation[:, 0] == 2)[0])


def _measure(
    shown: Shaped[np.ndarray, "count height width"], header: Nifti1Header, on_progress: Progress
) -> Real[np.ndarray, "count height width *rgb"]:
    """Stored -> real values: rescaled, or RGB of 8 bits; whole numbers stay whole numbers."""
    if shown.dtype.names:
        return np.stack([shown[name] for name in shown.dtype.names[:3]], axis=-1).astype(np.uint8)
    slope, intercept = header.get_slope_inter()
    slope, intercept = (1.0 if slope is None else float(slope)), float(intercept or 0)
    is_rescaled = (slope, intercept) != (1.0, 0.0)
    values = np.empty(shown.shape, np.dtype(np.float32) if is_rescaled else _dtype_for(shown))
    for place, stored in enumerate(shown):
        values[place] = stored * slope + intercept if is_rescaled else stored
        on_progress(place + 1, len(shown))
    return values


def _dtype_for(shown: Shaped[np.ndarray, "count height width"]) -> np.dtype:
    dtype = shown.dtype.newbyteorder("=")
    if dtype.kind in "iu" and dtype.itemsize > 4:
        return np.dtype(np.int32 if np.abs(shown).max() <= np.iinfo(np.int32).max else np.float32)
    return np.dtype(np.float32) if dtype.kind == "f" else dtype


def _scan_of(
    values: Real[np.ndarray, "count height width *rgb"],
    header: Nifti1Header,
    source: SourceNifti,
    plane: str,
    sha256: str,
    warnings: list[str],
) -> Scan:
    is_grey = values.ndim == 3
    own = _own_window(header) if is_grey else ()
    display = Display(own[0].window if own else percentile_window(values)) if is_grey else Display()
    affine = source.volume_affine()
    columns_mm, rows_mm, slices_mm = (float(size) for size in np.linalg.norm(affine[:3, :3], axis=0))
    repeats = int(np.prod(source.shape[3:], dtype=int))
    index = len(values) // repeats // 2
    return Scan(
        image_u8=display.render(values[index]),
        sha256=sha256,
        format="NIfTI",
        spacing_mm=(rows_mm, columns_mm),
        header=_technical(header, source, plane),
        warnings=(*warnings, *([_NO_WINDOW] if is_grey and not own else [])),
        index=index,
        axis="slice",
        window=display.window_of(values[index]),
        windows=(*own, *preset_windows(values, None)) if is_grey else (),
        volume=Volume(values, affine, (slices_mm, rows_mm, columns_mm), repeats, (display,), source),
    )


def _own_window(header: Nifti1Header) -> tuple[NamedWindow, ...]:
    """The display range that some programs write."""
    low, high = float(header["cal_min"]), float(header["cal_max"])
    is_range = bool(np.isfinite(low) and np.isfinite(high) and low < high)
    return (NamedWindow("file: display range", Window.between(low, high)),) if is_range else ()


def _technical(header: Nifti1Header, source: SourceNifti, plane: str) -> dict[str, str]:
    sizes = np.linalg.norm(source.affine[:3, :3], axis=0)
    return {
        "Shape": " x ".join(map(str, source.shape)),
        "VoxelSize": " x ".join(f"{size:.6g}" for size in sizes),
        "Orientation": "".join(map(str, aff2axcodes(source.affine))),
        "DataType": str(header.get_data_dtype().name),
        "Shown": plane,
    }
