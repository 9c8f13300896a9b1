"""Masks of a checkpoint, through the same door as the app: `Engine`, with the neutral description.

Every number is a mean over scans, each at its own size, and none is pooled over pixels. Dice is ours; beside it stand
MONAI's Dice (the same number), its normalized surface distance and its 95 % Hausdorff distance, of the adjusted mask.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool
from monai.metrics.hausdorff_distance import compute_hausdorff_distance
from monai.metrics.meandice import compute_dice
from monai.metrics.surface_dice import compute_surface_dice

from causalseg.annotations import dice
from causalseg.engine import Engine
from training.data import Row, load_mask
from training.data.descriptions import neutral
from training.evaluate.measures import CalibrationCounter, bootstrap_mean, expected_dice, risk_coverage_area
from training.evaluate.scans import ID_SETS, OOD_SETS, Groups, OnProgress, as_scan, no_progress, reported

TOLERANCE_PX = 2.0
"""How far a boundary may be off and still count as right, in pixels of the scan's own size (as MedCLIPSeg counts)."""
SIZES = {"small": 0.0, "medium": 0.03, "large": 0.15}
"""From which share of the picture on a thing is called so, as in the descriptions."""
SITE_SCANS = 15
"""Fewest scans of a site that is named."""
MONAI_DICE, SURFACE, HAUSDORFF = "Dice by MONAI", f"NSD at {TOLERANCE_PX:.0f} px", "HD95, px"


def segmentation_table(engine: Engine, groups: Groups, on_progress: OnProgress = no_progress) -> dict[str, Any]:
    """Observed and adjusted Dice of every set, surfaces, Dice by size and at the worst site.

    Beside them: how often a true description was refused, and how well a scan's confidence (the Dice that its
    probabilities promise) sorts its risk.
    """
    calibration = CalibrationCounter()
    each = [(name, row) for name, rows in groups.items() for row in rows]
    scans = pd.DataFrame(
        [{"set": name, **_scan_scores(engine, row, calibration)} for name, row in reported(each, on_progress)]
    )
    table: dict[str, Any] = {str(name): _set_summary(mine) for name, mine in scans.groupby("set", sort=False)}
    return table | {"pixel_calibration_error": calibration.error, "means": _means(table)}


def _scan_scores(engine: Engine, row: Row, calibration: CalibrationCounter) -> dict[str, Any]:
    encoded, mask = engine.encode(as_scan(row)), load_mask(row.mask)
    answer = engine.segment(encoded, neutral(row.target))
    scores = {"role": row.role, "site": row.site, "patient": row.patient, "share": float(mask.mean())}
    if not mask.any():
        return scores | {"empty": float(not answer.mask.any())}
    calibration.add(answer.probability, mask)
    return scores | {
        "observed": dice(engine.segment(encoded, neutral(row.target), remove=None).mask, mask),
        "adjusted": dice(answer.mask, mask),
        "found": float(answer.found),
        "confidence": expected_dice(answer.probability, answer.probability > 0.5),
        **monai_scores(answer.mask, mask),
    }


def monai_scores(answer: Bool[np.ndarray, "height width"], mask: Bool[np.ndarray, "height width"]) -> dict[str, float]:
    """Dice, normalized surface distance at `TOLERANCE_PX`, and 95 % Hausdorff distance in pixels.

    Two empty masks agree: 1, 1 and 0. Where one alone is empty there is no distance: 0, 0 and the scan's diagonal.
    """
    got, true = (torch.from_numpy(one)[None, None].float() for one in (answer, mask))
    overlap = float(compute_dice(got, true, ignore_empty=False))
    if not (answer.any() and mask.any()):
        agree = float(answer.any() == mask.any())
        return {MONAI_DICE: overlap, SURFACE: agree, HAUSDORFF: (1 - agree) * float(np.hypot(*mask.shape))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # MONAI 1.6 calls itself with an argument that it deprecates
        surface = compute_surface_dice(got, true, class_thresholds=[TOLERANCE_PX], include_background=True)
        distance = compute_hausdorff_distance(got, true, include_background=True, percentile=95)
    return {MONAI_DICE: overlap, SURFACE: float(surface), HAUSDORFF: float(distance)}


def _set_summary(scans: pd.DataFrame) -> dict[str, Any]:
    normal = scans["empty"].dropna() if "empty" in scans else []
    shown = scans.query("share > 0")
    risks = 1 - shown["adjusted"]
    summary: dict[str, Any] = {
        "role": scans["role"].iloc[0],
        "scans": len(shown),
        **{name: bootstrap_mean(shown[name], shown["patient"]) for name in ("observed", "adjusted")},
        **{name: bootstrap_mean(shown[name], shown["patient"]) for name in (MONAI_DICE, SURFACE, HAUSDORFF)},
        "refused": 1 - float(np.mean(shown["found"])),
        "mean risk": float(np.mean(risks)),
        "area under risk-coverage": risk_coverage_area(risks, shown["confidence"]),
        "by size": _by_size(shown),
        "worst site": _worst_site(shown),
    }
    return summary | ({"normal_scans_empty": bootstrap_mean(normal)} if len(normal) else {})


def _by_size(shown: pd.DataFrame) -> dict[str, Any]:
    sizes = pd.cut(shown["share"], [*SIZES.values(), np.inf], right=False, labels=[*SIZES])
    return {str(size): bootstrap_mean(mine) for size, mine in shown.groupby(sizes, observed=True)["adjusted"]}


def _worst_site(shown: pd.DataFrame) -> str:
    """The site (of at least `SITE_SCANS` scans) with the lowest adjusted Dice; empty where there are not two."""
    sites = shown.groupby("site")["adjusted"].agg(["mean", "size"])
    means = sites.loc[sites["size"] >= SITE_SCANS, "mean"]
    return f"{means.idxmin()}: {means.min():.3f}" if len(means) > 1 else ""


def _means(table: Mapping[str, Any]) -> dict[str, float]:
    """Mean over the five source sets and over the three unseen sites that are reported together, and their harmonic."""
    means: dict[str, float] = {}
    for kind, names in (("ID", ID_SETS), ("OOD", OOD_SETS)):
        if all(name in table for name in names):
            for which in ("observed", "adjusted"):
                means[f"{kind} {which}"] = float(np.mean([table[name][which].mean for name in names]))
    if len(means) == 4:
        inside, outside = means["ID adjusted"], means["OOD adjusted"]
        means["HM adjusted"] = 2 * inside * outside / (inside + outside)
    return means
