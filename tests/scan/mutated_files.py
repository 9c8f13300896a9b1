"""Mutated files, seeded: `python -m tests.scan.mutated_files 1000` opens as many, prints what became of them as JSON.

A process of its own, so that the memory it reports is that of reading and of nothing else.
"""

import gzip
import json
import random
import re
import resource
import struct
import sys
import time
import zipfile
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
from PIL import Image

from causalseg.errors import InputError
from causalseg.scan import read_scan
from causalseg.scan.worker.pool import close_workers
from tests.scan.sample_files import WHEEL_DIR, encode, item, make_dicom

_FROM_WHEEL = (
    *(
        "SC_rgb_small_odd_jpeg.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
    ),
    *("MR_small_RLE.dcm", "MR_small.dcm", "SC_rgb_rle_2frame.dcm", "image_dfl.dcm", "JPEG-lossy.dcm", "rtdose.dcm"),
    *("JPEGLSNearLossless_16.dcm", "examples_palette.dcm", "CT_small.dcm", "liver_1frame.dcm"),
)
_EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_NUMBERS = ("<B", "<H", ">H", "<I", ">I")


def seeds() -> dict[str, bytes]:
    """Small whole files of every kind that is read."""
    ramp = (np.indices((24, 32)).sum(axis=0) * 4).astype(np.uint8)
    rgb = np.stack([ramp, ramp[::-1], ramp[:, ::-1]], axis=2)
    pages = [Image.fromarray(rgb), Image.fromarray(255 - rgb)]
    nifti = nibabel.Nifti1Image(np.arange(4 * 5 * 6 * 2, dtype=np.int16).reshape(4, 5, 6, 2), np.diag([-2.0, 2, 2, 1]))
    second = nibabel.Nifti2Image(np.arange(120, dtype=np.float32).reshape(4, 5, 6), np.eye(4))
    made = {
        "PNG": encode(rgb, "PNG"),
        "PNG 16": encode(ramp.astype(np.uint16) * 99, "PNG"),
        "JPEG": encode(rgb, "JPEG"),
        "JPEG progressive": encode(rgb, "JPEG", progressive=True),
        "BMP": encode(rgb, "BMP"),
        "WebP": encode(rgb, "WebP"),
        **{
            f"TIFF {name}": encode(pages[0], "TIFF", save_all=True, append_images=pages[1:], compression=name)
            for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
        },
        "NIfTI": nifti.to_bytes(),
        "NIfTI 2": second.to_bytes(),
        "NIfTI gz": gzip.compress(nifti.to_bytes()),
        "enhanced": _enhanced(ramp),
        "zip": _zip([_slice(ramp, height) for height in range(4)]),
    }
    return made | {name: (WHEEL_DIR / name).read_bytes() for name in _FROM_WHEEL}


def mutate(content: bytes, rng: random.Random) -> bytes:
    """A few bytes flipped, cut, repeated, or made to lie about a number; mostly where headers are."""
    mutated = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(min(len(mutated), 2000) if rng.random() < 0.6 else len(mutated))
        kind = rng.random()
        if kind < 0.4:
            mutated[at] = rng.randrange(256)
        elif kind < 0.75:
            form = rng.choice(_NUMBERS)
            number = struct.pack(form, rng.choice(_EXTREMES) & (256 ** struct.calcsize(form) - 1))
            mutated[at : at + len(number)] = number
        elif kind < 0.85:
            del mutated[at : at + rng.randint(1, 64)]
        elif kind < 0.95:
            mutated[at:at] = mutated[at : at + rng.randint(1, 64)]
        else:
            del mutated[at:]
        if not mutated:
            return b""
    return bytes(mutated)


def run(count: int, seed: int = 0) -> dict[str, object]:
    """Open `count` mutated files."""
    rng, kinds = random.Random(seed), seeds()
    outcomes: Counter[str] = Counter()
    slowest_seconds, faults = 0.0, []
    for number in range(count):
        name = rng.choice(sorted(kinds))
        content = _mutated_inside(kinds, rng) if name == "zip" and rng.random() < 0.7 else mutate(kinds[name], rng)
        began = time.monotonic()
        try:
            read_scan(content)
            outcomes["read"] += 1
        except InputError as refusal:
            outcomes["refused"] += 1
            if not (str(refusal).endswith(".") and str(refusal)[0].isupper()):
                faults.append(f"{number} {name}: no sentence")
            if "given up" in str(refusal) or "made to break" in str(refusal):
                outcomes["worker ended"] += 1
        except Exception as error:
            faults.append(f"{number} {name}: {type(error).__name__} {error}")
        slowest_seconds = max(slowest_seconds, time.monotonic() - began)
    close_workers()
    return {
        **outcomes,
        "slowest_seconds": round(slowest_seconds, 2),
        "largest_mb": round(_peak_kb() / 1024),
        "largest_worker_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        "faults": faults,
    }


def _slice(ramp: np.ndarray, height_mm: int) -> bytes:
    place: dict[str, Any] = {"ImagePositionPatient": [0, 0, height_mm], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
    return make_dicom(ramp.astype(np.int16), SOPInstanceUID=f"1.2.{height_mm + 1}", PixelSpacing=[1, 1], **place)


def _enhanced(ramp: np.ndarray) -> bytes:
    def groups(height_mm: float) -> pydicom.Dataset:
        return item(
            PlanePositionSequence=[item(ImagePositionPatient=[0, 0, height_mm])],
            FrameVOILUTSequence=[item(WindowCenter=40, WindowWidth=400)],
            PixelValueTransformationSequence=[item(RescaleSlope=2, RescaleIntercept=-100)],
        )

    shared = item(PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])])
    return make_dicom(
        np.stack([ramp] * 3),
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=[groups(height) for height in (2, 0, 1)],
    )


def _zip(files: list[bytes]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(files):
            archive.writestr(str(number), content)
    return buffer.getvalue()


def _mutated_inside(kinds: dict[str, bytes], rng: random.Random) -> bytes:
    ramp = (np.indices((24, 32)).sum(axis=0) * 4).astype(np.uint8)
    files = [_slice(ramp, height) for height in range(4)]
    place = rng.randrange(4)
    files[place] = mutate(files[place], rng)
    return _zip([*files, mutate(kinds[rng.choice(sorted(kinds))], rng)])


def _peak_kb() -> int:
    """Most memory of this process; `ru_maxrss` would count what the process that started it held, on Linux."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.findall(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="ascii"))[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)) + "\n")
