"""What the stages that learn from twins of labelled scans share: restore and detect."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np

from causalseg.causal.dictionary import Confounder, load_dictionary
from causalseg.models.network import CausalSegNetwork
from training.data.carried import Carried
from training.data.squares import Squares
from training.data.transplants import TransplantBank
from training.data.twins import Twin, TwinShares, draw_twin
from training.data.unmoved import UnmovedViews
from training.loop import LoopSettings, Trainer
from training.prompts import PromptCodes


class TwinSettings(LoopSettings):
    """Settings of such a stage."""

    shares: TwinShares = TwinShares()


SettingsT = TypeVar("SettingsT", bound=TwinSettings)


class TwinTrainer(Trainer[SettingsT], Generic[SettingsT]):
    """A stage that draws twins only where a scan may be given a confounder; some of them from a bank of real ones."""

    network: CausalSegNetwork

    def __init__(
        self,
        network: CausalSegNetwork,
        data: Squares,
        settings: SettingsT,
        carried: Carried,
        bank: TransplantBank | None = None,
        dictionary: Sequence[Confounder] | None = None,
    ) -> None:
        super().__init__(network, data, settings)
        self.carried, self.bank = carried, bank
        self.dictionary = load_dictionary() if dictionary is None else dictionary
        self.prompts = PromptCodes(network.text_tower, self.dictionary)

    def twins_of(self, views: UnmovedViews, chosen: np.ndarray, rng: np.random.Generator) -> list[Twin]:
        """A pair from each view of the `chosen` rows."""
        return [
            draw_twin(
                image,
                self.data.rows[i].modality,
                self.dictionary,
                rng,
                self.settings.shares,
                self.carried.known(int(i)),
                self.bank,
            )
            for image, i in zip(views.images_u8, chosen, strict=True)
        ]
