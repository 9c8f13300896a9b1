"""How long a person waits: opening, first mask, a switch, all switches; side by side in one process, medians.

Machines differ and are noisy, so ratios are what counts; the seconds are of the machine that ran it.
"""

import io
import statistics
import time
from collections.abc import Callable

from PIL import Image

from causalseg.engine import Engine
from causalseg.phantoms import make_phantom
from causalseg.scan import read_scan

SIDE_PX = 1024


def speed_table(engine: Engine, repeats: int = 9) -> dict[str, float]:
    """Median seconds of each step of the loop on a made-up scan of 1024 x 1024 px, and the ratios between them."""
    made = make_phantom("endoscopy", 1, side_px=SIDE_PX)
    file = io.BytesIO()
    Image.fromarray(made.image_u8).save(file, "PNG")
    data, text = file.getvalue(), made.description
    encoded = engine.encode(engine.add(read_scan(data), "specular_highlight", 0.9, 1))
    present = list(engine.detected(encoded)) or ["specular_highlight"]

    def open_to_first_mask() -> object:
        return engine.segment(engine.encode(read_scan(data)), text)

    steps: dict[str, Callable[[], object]] = {
        "open a scan -> first mask": open_to_first_mask,
        "one switch -> mask": lambda: engine.segment(encoded, text, remove=present[:1]),
        "observed mask": lambda: engine.segment(encoded, text, remove=None),
        "encode again and answer": lambda: engine.segment(engine.encode(encoded.scan), text),
        "all single counterfactuals": lambda: engine.counterfactuals(encoded, text),
    }
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - started)
    medians = {f"{name}, s": statistics.median(values) for name, values in seconds.items()}
    switch = medians["one switch -> mask, s"]
    medians["a switch over encoding again"] = switch / medians["encode again and answer, s"]
    medians["a switch over opening the scan"] = switch / medians["open a scan -> first mask, s"]
    return medians
