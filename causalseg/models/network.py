"""The network with its causal core left open, and the core `causalseg`: presence, intervention, decoder.

All cores (`causalseg`, `causalclipseg`, `mcdrl`) share the towers and three steps, so that one program can train,
evaluate and ask them all:

    image --observe--> stages --observed_pyramid--> features no question changes --decode, text--> mask, presence

Data flow of core `causalseg`, for S = 256 px:

    image (3, S, S) --tower--> stages (32,S/2) (24,S/4) (48,S/8) (120,S/16) (352,S/32)
    stages --presence, dictionary codes--> z_k, a_k(h, w)
    image --[do, in the picture]--> image --tower--> stages --neck [do]--> pyramid (C at S/4, S/8, S/16, S/32)
    pyramid, text code --decoder--> mask logits (1, S/4), presence logit

Without a removal the pyramid is the observed one. With one, the same tower reads the restored picture; the blocks on
the pyramid do nothing at their start, and learn from corrections where the picture alone does not do.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from causalseg.causal.intervention import InterventionNetwork, Removal
from causalseg.causal.presence import ConfounderPresence, Presence
from causalseg.causal.restorer import PictureRestorer
from causalseg.errors import UnknownConfounder
from causalseg.models.text_to_pixel import Decoded, TextToPixel
from causalseg.models.towers import ImageTower, TextCode, TextTower


class NothingNamed(nn.Module):
    """Presence of a core without named confounders: every strength is 0."""

    def forward(self, features: list[Tensor], codes: Float[Tensor, "confounder code"]) -> Presence:
        """Strength and map 0 of every entry."""
        absent = torch.full((len(features[0]), len(codes), 1, 1), float("-inf"), device=codes.device)
        return Presence(absent[:, :, 0, 0], absent)


class SegmentationNetwork(nn.Module, ABC):
    """Text-prompted segmentation: what all causal cores share.

    A core without a do-operator on named confounders finds none in any scan, so its adjusted mask is its observed one.
    """

    presence: nn.Module

    def __init__(self, image_tower: ImageTower, text_tower: TextTower) -> None:
        super().__init__()
        self.image_tower = image_tower
        self.text_tower = text_tower

    def observe(self, image: Float[Tensor, "batch 3 height width"]) -> list[Tensor]:
        """All stages of the tower for `image` in [-1, 1], nothing removed."""
        return self.image_tower(image)

    @abstractmethod
    def observed_pyramid(self, stages: list[Tensor]) -> list[Tensor]:
        """The decoder's input, computed from observed stages; it does not depend on the question."""

    @abstractmethod
    def decode(self, pyramid: list[Tensor], text: TextCode) -> Decoded:
        """Answer one description for each pyramid of the batch."""

    def presence_logits(self, pyramid: list[Tensor], text: TextCode) -> Float[Tensor, " batch"]:
        """Whether each description's thing is in its pyramid at all."""
        return self.decode(pyramid, text).presence_logits

    def presences(self, pyramid: Sequence[Tensor], texts: TextCode) -> Float[Tensor, " description"]:
        """Whether each of several descriptions' things is in one scan at all; `pyramid` is of a batch of one."""
        count = len(texts.sentence)
        return self.presence_logits([level.expand(count, -1, -1, -1) for level in pyramid], texts)

    def answer(self, image: Float[Tensor, "batch 3 height width"], text: TextCode) -> Decoded:
        """The observed mask: one description for each image."""
        return self.decode(self.observed_pyramid(self.observe(image)), text)

    @property
    def removes_named(self) -> bool:
        """Whether confounders of the dictionary can be removed."""
        return False

    def intervened_pyramid(self, image: Tensor, stages: list[Tensor], removal: Removal) -> list[Tensor]:
        """The pyramid under do(removal) of `image`, whose observed stages are `stages`.

        Raises:
            UnknownConfounder: this core removes no named confounder.
        """
        del image, stages, removal
        raise UnknownConfounder("This checkpoint cannot remove a confounder by name; ask for its observed mask.")

    @torch.no_grad()
    def dictionary_codes(self, prompts: list[list[str]]) -> Float[Tensor, "confounder code"]:
        """d_k: the mean text code of each entry's prompts, unit length."""
        means = [self.text_tower(list(entry)).sentence.mean(0) for entry in prompts]
        return functional.normalize(torch.stack(means), dim=-1)


class CausalSegNetwork(SegmentationNetwork):
    """Text-prompted segmentation with a do-operator on named confounders."""

    presence: ConfounderPresence

    def __init__(
        self,
        image_tower: ImageTower,
        text_tower: TextTower,
        decoder: TextToPixel,
        presence: ConfounderPresence,
        restorer: PictureRestorer,
        intervention: InterventionNetwork,
        channels: int,
    ) -> None:
        super().__init__(image_tower, text_tower)
        self.restorer = restorer
        self.neck = nn.ModuleList([nn.Conv2d(width, channels, 1) for width in image_tower.channels[1:]])
        self.decoder = decoder
        self.presence = presence
        self.intervention = intervention

    @property
    def removes_named(self) -> bool:
        """This core has the do-operator."""
        return True

    def observed_pyramid(self, stages: list[Tensor]) -> list[Tensor]:
        """The pyramid of observed stages."""
        return [lateral(stage) for lateral, stage in zip(self.neck, stages[1:], strict=True)]

    def restored(
        self, image: Float[Tensor, "batch 3 height width"], removal: Removal
    ) -> Float[Tensor, "batch 3 height width"]:
        """do(removal) in the picture, in [-1, 1]; a row that nothing is removed from comes back as it is."""
        rows, restored = self._restored_rows(image, removal)
        return image.index_copy(0, rows, restored.to(image.dtype)) if len(rows) else image

    def _restored_rows(self, image: Tensor, removal: Removal) -> tuple[Tensor, Tensor]:
        """The rows that something is removed from, and their restored pictures."""
        rows, place = removal.row.unique(return_inverse=True)
        if not len(rows):
            return rows, image[rows]
        restored = self.restorer(image[rows], self.restorer.set_codes(removal.code, place, len(rows)))
        return rows, restored.clamp(-1, 1)

    def intervened_stages(self, image: Tensor, stages: list[Tensor], removal: Removal) -> list[Tensor]:
        """The stages of the restored picture; a row that nothing is removed from keeps its observed `stages`."""
        rows, restored = self._restored_rows(image, removal)
        if not len(rows):
            return stages
        read = self.image_tower(restored)
        return [old.index_copy(0, rows, new.to(old.dtype)) for old, new in zip(stages, read, strict=True)]

    def levels_under_do(self, reached: list[Tensor], removal: Removal) -> list[Tensor]:
        """The pyramid under do(removal), from the `intervened_stages` of strides 4 to 32."""
        levels = [lateral(stage) for lateral, stage in zip(self.neck, reached, strict=True)]
        return [self.intervention.on_level(index, level, removal) for index, level in enumerate(levels)]

    def intervened_pyramid(self, image: Tensor, stages: list[Tensor], removal: Removal) -> list[Tensor]:
        """The pyramid under do(removal) of `image`, whose observed stages are `stages`."""
        return self.levels_under_do(self.intervened_stages(image, stages, removal)[1:], removal)

    def decode(self, pyramid: list[Tensor], text: TextCode) -> Decoded:
        """Answer one description for each pyramid of the batch."""
        return self.decoder(pyramid, text)

    def presence_logits(self, pyramid: list[Tensor], text: TextCode) -> Float[Tensor, " batch"]:
        """Whether each description's thing is in its pyramid at all; no mask is made."""
        return self.decoder.presence_logits(pyramid, text)


def with_removal(network: SegmentationNetwork) -> CausalSegNetwork:
    """`network`, if it is of core `causalseg`.

    Raises:
        UnknownConfounder: it is of another core.
    """
    if not isinstance(network, CausalSegNetwork):
        raise UnknownConfounder("Only core causalseg removes confounders by name; choose such a checkpoint or run.")
    return network
