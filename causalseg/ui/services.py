"""What all pages share: engine, label store, settings, versions and the fine-tuning process."""

from dataclasses import dataclass, field

from causalseg.annotations.store import LabelStore
from causalseg.checkpoints import CheckpointEntry
from causalseg.engine import Engine
from causalseg.settings import Settings
from causalseg.ui.train.process import Tuner
from causalseg.versions import VersionStore


@dataclass(frozen=True, slots=True)
class Services:
    """Shared by all tabs."""

    engine: Engine
    store: LabelStore
    settings: Settings
    entry: CheckpointEntry
    """Of the checkpoint that the engine serves in one version or another."""
    tuner: Tuner = field(default_factory=Tuner)

    @property
    def versions(self) -> VersionStore:
        """The fine-tuned versions."""
        return VersionStore(self.settings.versions_dir)
