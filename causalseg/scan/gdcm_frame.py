"""GDCM in a process of its own: DICOM file on standard input -> its first frame as .npy on standard output.

GDCM aborts the whole process on some damaged codestreams (one flipped bit of a JPEG table is enough), which no
`except` can catch; it is the only decoder here for JPEG Lossless, though. Run as a script by `decode_with_gdcm`.
"""

import subprocess
import sys
from io import BytesIO

import numpy as np
from jaxtyping import Real
from pydicom import dcmread
from pydicom.pixels.utils import pixel_array

TIME_LIMIT_SECONDS = 30.0
"""A mammogram of 3,000 x 2,400 px takes two to three seconds, one of them to start the process."""


def decode_with_gdcm(content: bytes) -> Real[np.ndarray, "height width *rgb"]:
    """The stored values of the first frame of a compressed DICOM file.

    Raises:
        ValueError: GDCM could not decode it, took too long, or died of it.
    """
    # not `python gdcm_frame.py`: this folder, which has a types.py, would come before the standard library
    command = [sys.executable, "-c", f"import runpy; runpy.run_path({__file__!r}, run_name='__main__')"]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=TIME_LIMIT_SECONDS, check=True)
    except subprocess.SubprocessError:
        raise ValueError("GDCM could not decode the frame") from None
    return np.load(BytesIO(done.stdout), allow_pickle=False)


def main() -> None:
    """Decode standard input to standard output."""
    frame = pixel_array(dcmread(BytesIO(sys.stdin.buffer.read()), force=True), index=0, decoding_plugin="gdcm")
    np.save(sys.stdout.buffer, frame, allow_pickle=False)


if __name__ == "__main__":
    main()
