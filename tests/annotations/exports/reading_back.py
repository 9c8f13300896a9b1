"""Exports of a scan read back by readers that are not ours: Pillow, nibabel, pydicom, highdicom, pycocotools."""

import gzip
import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
from nibabel.nifti1 import Nifti1Image
from nibabel.nifti2 import Nifti2Image
from PIL import Image
from pycocotools.coco import COCO

from causalseg.annotations.exports import Exported
from causalseg.scan import Scan, SourceDicom, SourceNifti

Masks = dict[int, np.ndarray]


def read_back(export: Exported, scan: Scan) -> Masks:
    """Index -> mask, as the file has it; slices that the file does not have are not in it."""
    assert export.content is not None, export.problem
    readers = {"png": _png, "nifti": _nifti, "dicom_seg": _dicom_seg, "coco": _coco}
    return readers[export.format](export.content, scan)


def load_nifti(content: bytes) -> Any:
    """Read by nibabel; a file begins with the length of its header, which tells its version."""
    plain = gzip.decompress(content)
    kind = Nifti2Image if int.from_bytes(plain[:4], "little") == 540 else Nifti1Image
    return kind.from_bytes(plain)


def load_coco(content: bytes) -> COCO:
    """Read by pycocotools, which does nothing but read the JSON and index it."""
    coco = COCO()
    coco.dataset = json.loads(content)
    coco.createIndex()
    return coco


def files_of(content: bytes) -> dict[str, bytes]:
    """Name -> content of a zip."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def _png(content: bytes, scan: Scan) -> Masks:
    if content.startswith(b"PK"):
        return {int(name.split(".")[0]): _picture(file) for name, file in files_of(content).items()}
    return {scan.index: _picture(content)}


def _picture(content: bytes) -> np.ndarray:
    picture = np.asarray(Image.open(BytesIO(content)))
    assert set(np.unique(picture)) <= {0, 255}
    return picture == 255


def _nifti(content: bytes, scan: Scan) -> Masks:
    image = load_nifti(content)
    voxels = np.asarray(image.dataobj)
    assert set(np.unique(voxels)) <= {0, 1}
    if scan.volume is not None and isinstance(scan.volume.source, SourceNifti):
        np.testing.assert_array_equal(image.affine, scan.volume.source.affine)
        stack = scan.volume.source.to_volume(voxels)
    else:
        stack = voxels.reshape(*voxels.shape[:2], -1, order="F").transpose(2, 1, 0)
    return dict(enumerate(stack.astype(bool)))


def _dicom_seg(content: bytes, scan: Scan) -> Masks:
    assert scan.volume is not None
    assert isinstance(scan.volume.source, SourceDicom)
    uids = [header.SOPInstanceUID for header in scan.volume.source.datasets()]
    index_of = {(uids[file], frame): index for index, (file, frame) in enumerate(scan.volume.source.places)}
    files = files_of(content).values() if content.startswith(b"PK") else [content]
    found: Masks = {}
    for file in files:
        hd.seg.segread(BytesIO(file))
        for key, pixels in _frames(pydicom.dcmread(BytesIO(file))):
            found[index_of[key]] = pixels
    return found


def _frames(seg: pydicom.Dataset) -> Iterator[tuple[tuple[str, int], np.ndarray]]:
    """((SOP instance, frame number), pixels), by the references of each frame, with nothing but pydicom."""
    frames = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    for group, pixels in zip(seg.PerFrameFunctionalGroupsSequence, frames, strict=True):
        (source,) = group.DerivationImageSequence[0].SourceImageSequence
        yield (source.ReferencedSOPInstanceUID, int(source.get("ReferencedFrameNumber", 1))), pixels.astype(bool)


def _coco(content: bytes, scan: Scan) -> Masks:
    coco = load_coco(content)
    found: Masks = {}
    for image in coco.dataset["images"]:
        annotations = coco.imgToAnns[image["id"]]
        mask = np.zeros((image["height"], image["width"]), dtype=bool)
        found[int(image["file_name"].split("_")[1].split(".")[0])] = mask
        for annotation in annotations:
            mask |= coco.annToMask(annotation).astype(bool)
    return found


def points_ras_mm(image: Any) -> np.ndarray:
    """Sorted centres of a NIfTI mask's voxels, RAS+ in mm."""
    points = np.argwhere(np.asarray(image.dataobj)) @ image.affine[:3, :3].T + image.affine[:3, 3]
    return _sorted(points)


def seg_points_ras_mm(content: bytes) -> np.ndarray:
    """Sorted centres of a DICOM segmentation's pixels, RAS+ in mm, by the equation of PS3.3 C.7.6.2.1.1."""
    seg = pydicom.dcmread(BytesIO(content))
    shared = seg.SharedFunctionalGroupsSequence[0]
    cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=float).reshape(2, 3)
    row_mm, column_mm = (float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing)
    frames = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    points = [
        np.array(group.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        + np.argwhere(pixels) @ np.array([row_mm * cosines[1], column_mm * cosines[0]])
        for group, pixels in zip(seg.PerFrameFunctionalGroupsSequence, frames, strict=True)
    ]
    return _sorted(np.concatenate(points) * [-1, -1, 1])


def _sorted(points: np.ndarray) -> np.ndarray:
    rounded = np.round(points, 2) + 0.0
    return points[np.lexsort(rounded.T)]
