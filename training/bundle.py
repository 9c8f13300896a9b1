"""`python -m training bundle`: a checkpoint as a MONAI bundle.

    OUT/configs/metadata.json    what goes in and out, in MONAI's words
    OUT/configs/inference.json   image and description -> probability map, for `monai.bundle`
    OUT/models/model.pt          the weights, without the frozen text tower, which its own package brings
    OUT/docs/README.md           how to run it

The bundle answers with the observed mask: MONAI's one image in, one map out has no place for a removal. It needs this
package beside it, which holds the modules.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import monai
import numpy as np
import torch
import typer
from jaxtyping import Float
from monai.transforms.transform import Transform
from torch import Tensor, nn
from torch.nn import functional

from causalseg.checkpoints import CheckpointEntry, find_entry, kept_state, load_network
from causalseg.errors import CannotLearn
from causalseg.models.build import Architecture, build_network
from causalseg.models.preprocess import squash, to_network
from causalseg.version import VERSION
from training.data.reading import load_image

_HERE = "training.bundle"


class PromptedSegmenter(nn.Module):
    """A network with its question: pictures in, the probability of each pixel out."""

    def __init__(self, architecture: dict[str, Any], description: str, temperature: float) -> None:
        super().__init__()
        self.network = build_network(Architecture(**architecture)).eval()
        self.description, self.temperature = description, temperature

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 1 height width"]:
        """Calibrated probabilities, whether or not the described thing is there at all."""
        text = self.network.text_tower([self.description] * len(image))
        logits = self.network.answer(image, text).mask_logits / self.temperature
        return functional.interpolate(logits, size=image.shape[-2:], mode="bilinear").sigmoid()


class ReadSquare(Transform):
    """A picture's file as the square that the network sees: the checkpoint's own preprocessing."""

    def __init__(self, side_px: int) -> None:
        self.side_px = side_px

    def __call__(self, data: str | Path) -> Float[Tensor, "1 3 side side"]:
        """RGB in [-1, 1]."""
        return to_network(torch.from_numpy(np.array(squash(load_image(Path(data)), self.side_px))[None]))


def bundle(
    out: Annotated[Path, typer.Option(help="A new folder.")],
    checkpoint: Annotated[str, typer.Option(help="Name in checkpoints_manifest.yaml.")] = "causalseg-lite",
) -> None:
    """Write a checkpoint as a MONAI bundle."""
    write_bundle(find_entry(checkpoint), out)


def write_bundle(entry: CheckpointEntry, out: Path) -> None:
    """Write the bundle of a checkpoint into a new folder.

    Raises:
        CannotLearn: there is something in the folder already.
        CheckpointError: the weights cannot be used.
    """
    if out.exists() and any(out.iterdir()):
        raise CannotLearn(f"There is something in {out} already. Choose a new or an empty folder.")
    weights = {f"network.{name}": value for name, value in kept_state(load_network(entry)).items()}
    for folder in ("configs", "models", "docs"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    torch.save(weights, out / "models" / "model.pt")
    for name, content in (("metadata", _metadata(entry)), ("inference", _inference(entry))):
        (out / "configs" / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (out / "docs" / "README.md").write_text(_readme(entry), encoding="utf-8")


def _metadata(entry: CheckpointEntry) -> dict[str, Any]:
    side = entry.architecture.input_side_px
    picture = {"type": "image", "num_channels": 3, "spatial_shape": [side, side], "dtype": "float32"}
    return {
        "schema": "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/"
        "meta_schema_20240725.json",
        "name": entry.name,
        "version": entry.version,
        "changelog": {entry.version: f"Written from {entry.name} {entry.version}, SHA-256 {entry.sha256}"},
        "monai_version": monai.__version__,
        "pytorch_version": torch.__version__.partition("+")[0],
        "numpy_version": np.__version__,
        "required_packages_version": {"causalseg": VERSION},
        "task": "Segmentation of medical pictures by a description in words",
        "description": "The observed mask of a text-prompted segmentation network. Not a medical device.",
        "authors": "causalseg",
        "copyright": entry.licence,
        "data_source": "; ".join(entry.data),
        "network_data_format": {
            "inputs": {
                "image": picture
                | {
                    "format": "magnitude",
                    "value_range": [-1, 1],
                    "is_patch_data": False,
                    "channel_def": {"0": "red", "1": "green", "2": "blue"},
                }
            },
            "outputs": {
                "pred": picture
                | {
                    "format": "probability",
                    "num_channels": 1,
                    "value_range": [0, 1],
                    "is_patch_data": False,
                    "channel_def": {"0": "what is described"},
                }
            },
        },
    }


def _inference(entry: CheckpointEntry) -> dict[str, Any]:
    return {
        "imports": ["$import torch", "$import numpy"],
        "bundle_root": ".",
        "image": "$@bundle_root + '/image.png'",
        "output": "$@bundle_root + '/probability.npy'",
        "description": "polyp",
        "device": "$torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        "network_def": {
            "_target_": f"{_HERE}.PromptedSegmenter",
            "architecture": asdict(entry.architecture),
            "description": "@description",
            "temperature": entry.temperature,
        },
        "weights": "$torch.load(@bundle_root + '/models/model.pt', map_location='cpu', weights_only=True)",
        "network": "$(@network_def.load_state_dict(@weights, strict=False), @network_def.to(@device).eval())[1]",
        "preprocessing": {"_target_": f"{_HERE}.ReadSquare", "side_px": entry.architecture.input_side_px},
        "inferer": {"_target_": "SimpleInferer"},
        "probability": "$@inferer(@preprocessing(@image).to(@device), @network).detach().cpu().numpy()[0, 0]",
        "run": ["$numpy.save(@output, @probability)"],
    }


def _readme(entry: CheckpointEntry) -> str:
    return f"""# {entry.name} {entry.version} as a MONAI bundle

Research use only; not a medical device. {entry.licence}

    pip install monai        # and the causalseg project itself, which holds the modules
    python -m monai.bundle run --config_file configs/inference.json --bundle_root . --image scan.png --description polyp

writes `probability.npy`, a square map of {entry.architecture.input_side_px} px. It is the observed mask: removing
confounders, refusing absent things and masks at the scan's own size are the project's own commands.
"""
