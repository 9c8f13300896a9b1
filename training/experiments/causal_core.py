"""A causal core learnt briefly over an observed pass that stays as it is: stages restore, then detect."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from causalseg.causal.dictionary import Confounder
from causalseg.models.network import CausalSegNetwork
from training.data import Squares
from training.data.carried import Carried
from training.data.transplants import TransplantBank
from training.loop import learn
from training.stages.detect import DetectSettings, DetectTrainer
from training.stages.restore import RestoreSettings, RestoreTrainer


def learn_causal_core(
    network: CausalSegNetwork,
    squares: Squares,
    labels: Sequence[Mapping[str, bool]],
    dictionary: Sequence[Confounder],
    restore: RestoreSettings,
    detect: DetectSettings,
    run: Path,
) -> None:
    """Teach the restorer and presence the entries of `dictionary`; resumes from RUN/restore and RUN/detect.

    `labels` are what is said of the confounders in each scan.
    """
    carried, bank = Carried.of(squares.rows, dictionary, labels), TransplantBank.of_squares(squares, labels)
    learn(RestoreTrainer(network, squares, restore, carried, bank, dictionary), run / "restore")
    learn(DetectTrainer(network, squares, detect, carried, bank, dictionary), run / "detect")
