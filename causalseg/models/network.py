"""The whole network: towers, neck, presence, intervention, decoder.

Data flow, for S = 256 px:

    image (3, S, S) --tower--> stages (32,S/2) (24,S/4) (48,S/8) (120,S/16) (352,S/32)
    stages --presence, dictionary codes--> z_k, a_k(h, w)
    stem (32,S/2) --[do] stage [do] stage ...--neck [do]--> pyramid (C at S/4, S/8, S/16, S/32)
    pyramid, text code --decoder--> mask logits (1, S/4), presence logit

Without a removal the pyramid is the observed one; with one, only what follows the stem runs again.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from causalseg.causal.intervention import InterventionNetwork, Removal
from causalseg.causal.presence import ConfounderPresence
from causalseg.models.text_to_pixel import Decoded, TextToPixel
from causalseg.models.towers import ImageTower, TextCode, TextTower


class CausalSegNetwork(nn.Module):
    """Text-prompted segmentation with a do-operator on named confounders."""

    def __init__(
        self,
        image_tower: ImageTower,
        text_tower: TextTower,
        decoder: TextToPixel,
        presence: ConfounderPresence,
        intervention: InterventionNetwork,
        channels: int,
    ) -> None:
        super().__init__()
        self.image_tower = image_tower
        self.text_tower = text_tower
        self.neck = nn.ModuleList([nn.Conv2d(width, channels, 1) for width in image_tower.channels[1:]])
        self.decoder = decoder
        self.presence = presence
        self.intervention = intervention

    def observe(self, image: Float[Tensor, "batch 3 height width"]) -> list[Tensor]:
        """All stages of the tower for `image` in [-1, 1], nothing removed."""
        return self.image_tower(image)

    def observed_pyramid(self, stages: list[Tensor]) -> list[Tensor]:
        """The pyramid of observed stages."""
        return [lateral(stage) for lateral, stage in zip(self.neck, stages[1:], strict=True)]

    def intervened_stages(self, stem: Tensor, removal: Removal) -> list[Tensor]:
        """The stages under do(removal), from the observed output of the first stage on."""
        stages = [self.intervention.on_stage(0, stem, removal)]
        for index, stage in enumerate(list(self.image_tower.stages)[1:], start=1):
            stages.append(self.intervention.on_stage(index, stage(stages[-1]), removal))
        return stages

    def intervened_pyramid(self, stem: Tensor, removal: Removal) -> list[Tensor]:
        """The pyramid under do(removal)."""
        levels = self.observed_pyramid(self.intervened_stages(stem, removal))
        return [self.intervention.on_level(index, level, removal) for index, level in enumerate(levels)]

    def decode(self, pyramid: list[Tensor], text: TextCode) -> Decoded:
        """Answer one description for each pyramid of the batch."""
        return self.decoder(pyramid, text)

    @torch.no_grad()
    def dictionary_codes(self, prompts: list[list[str]]) -> Float[Tensor, "confounder code"]:
        """d_k: the mean text code of each entry's prompts, unit length."""
        means = [self.text_tower(list(entry)).sentence.mean(0) for entry in prompts]
        return nn.functional.normalize(torch.stack(means), dim=-1)
