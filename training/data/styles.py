"""Site statistics for the scanner-style simulator: `python -m training styles --data FOLDER`.

Keeps the mean and spread of the log amplitude of the lowest spatial frequencies over the train scans of each
source site: some hundred numbers a site, no pixel of any scan.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from jaxtyping import Float32

from causalseg.causal.simulate.scanner_style import SMALLEST_AMPLITUDE, low_spectrum
from causalseg.causal.simulate.simulator import is_grey
from training.data import Row, load_image, read_index, train_rows

STYLES_PATH = Path(__file__).parents[2] / "causalseg" / "causal" / "simulate" / "styles.npz"
SCANS_A_SITE = 300
"""Enough for means of log amplitudes; a site's first ones in a fixed shuffle."""


def site_log_amplitudes(rows: list[Row]) -> tuple[Float32[np.ndarray, "scan frequency frequency 3"], bool]:
    """Log amplitudes of up to `SCANS_A_SITE` scans, and whether most of them are grey."""
    chosen = np.random.default_rng(0).permutation(len(rows))[:SCANS_A_SITE]
    images = [load_image(rows[index].image).astype(np.float32) / np.float32(255) for index in chosen]
    grey = float(np.mean([is_grey(image) for image in images])) > 0.5
    if grey:
        images = [np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2) for image in images]
    amplitudes = np.stack([np.maximum(np.abs(low_spectrum(image)), SMALLEST_AMPLITUDE) for image in images])
    return np.log(amplitudes).astype(np.float32), grey


def write_styles(data_dir: Path, path: Path = STYLES_PATH) -> list[str]:
    """Compute and write the statistics; returns the sites in their order."""
    rows = train_rows(read_index(data_dir))
    sites = sorted({f"{row.modality}: {row.site}" for row in rows})
    found = [site_log_amplitudes([row for row in rows if f"{row.modality}: {row.site}" == site]) for site in sites]
    np.savez_compressed(
        path,
        site=np.array(sites),
        mean=np.stack([logs.mean(axis=0) for logs, _ in found]),
        std=np.stack([logs.std(axis=0) for logs, _ in found]),
        grey=np.array([grey for _, grey in found]),
    )
    return sites


def styles(data: Annotated[Path, typer.Option(help="Folder of scans with index.csv.")]) -> None:
    """Write the site statistics of the scanner-style simulator."""
    write_styles(data)
