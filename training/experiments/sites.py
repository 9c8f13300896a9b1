"""MCDRL's protocol, leave one site out, on three sites of polyps: five models from one start.

    python -m training sites --data FOLDER --run RUN    # docs/results/sites.md

For each site in turn, the other two are learnt from: first a plain segmenter from the ImageNet tower, the same for all,
then every model goes on from it for as many passes over the same scans:

    plain, augmented       stage observe, without and with confounded twins
    causalclipseg, mcdrl   `training.experiments.papers`; of the start, `causalclipseg` takes the image tower alone
    causalseg              stage observe as `plain`, then restore and detect; its adjusted mask removes what it detects

Restorer and presence learn here too, from the learning sites alone: the released checkpoint's have seen one of the
three. So `causalseg` gets passes that its rivals do not; they never touch its observed pass, which is that of `plain`.
Nothing is simulated in the test: what differs there is the site. A tenth of the learning sites is kept for thresholds.
Pictures are 128 px squares here, so that all trainings fit into an afternoon of one core: the table compares the models
with one another, not with figures published at other sizes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from causalseg.causal.dictionary import load_dictionary
from causalseg.engine import Engine
from causalseg.errors import CannotLearn
from causalseg.models.build import Architecture, build_network
from causalseg.models.network import CausalSegNetwork, SegmentationNetwork, with_removal
from training.data import Squares, load_squares, read_index
from training.data.labels import label_folders, labels_of, read_labels
from training.data.rows import Row
from training.evaluate.commands import Cache, Data, Out, Run
from training.evaluate.report import RESULTS_DIR, provenance, write_report
from training.experiments.causal_core import learn_causal_core
from training.experiments.compare import Picture, clean_pictures, summary
from training.experiments.papers import PAPERS, train_paper
from training.imagenet import load_imagenet
from training.loop import learn
from training.progress import Bar
from training.runs import take_shared
from training.stages.detect import DetectSettings
from training.stages.observe import ObserveSettings, ObserveTrainer
from training.stages.release import chosen_entry
from training.stages.restore import RestoreSettings

GOES_ON = {
    "image_tower": 1.5e-4,
    "image_tower.stages.0": 0.0,
    "image_tower.stages.1": 0.0,
    "neck": 4e-4,
    "decoder": 4e-4,
    "decoder.reader": 1e-3,
}
"""Rates of an observed pass that goes on from the common start."""
SITES = ("kvasir", "clinicdb", "bkai")
RIVALS = ("plain", "augmented", *PAPERS)


@dataclass(frozen=True, slots=True)
class SitesConfig:
    """Settings of the experiment; a pass is every learning scan once."""

    architecture: Architecture = field(default_factory=lambda: Architecture(input_side_px=128))
    start_passes: int = 6
    passes: int = 3
    restore_passes: int = 12
    detect_passes: int = 3
    average_decay: float = 0.98
    test_scans: int = 400
    """At most, of a site that is held out; evenly spaced."""
    validation_every: int = 10
    batch_size: int = 8
    held_out: tuple[str, ...] = SITES

    def of_stage(self, passes: int) -> dict[str, Any]:
        """What every stage's own settings are changed by."""
        return {
            "epochs": passes,
            "average_decay": self.average_decay,
            "batch_size": self.batch_size,
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Fold:
    """What is learnt from where one site is held out, and where its runs are kept."""

    learn: Squares
    labels: Sequence[Mapping[str, bool]]
    """What is said of the confounders in each scan that is learnt from."""
    val: Squares
    run: Path
    config: SitesConfig


def sites(data: Data, run: Run, cache: Cache = Path("runs/squares"), out: Out = RESULTS_DIR) -> None:
    """Leave one site out: five models, three sites."""
    config = SitesConfig()
    rows = [row for row in read_index(data) if row.set in SITES]
    if missing := [site for site in SITES if site not in {row.set for row in rows}]:
        raise CannotLearn(f"The data holds no scans of {', '.join(missing)}; give a folder that does.")
    squares = load_squares(rows, config.architecture.input_side_px, cache, on_progress=Bar("squash"))
    labels = labels_of(rows, read_labels(label_folders(data)), data)
    made_by = provenance(None, "python -m training sites --data FOLDER --run RUN")
    write_report("sites", {"sites": leave_one_out(squares, labels, config, run)}, made_by, out)


def leave_one_out(
    squares: Squares, labels: Sequence[Mapping[str, bool]], config: SitesConfig, run: Path
) -> dict[str, Any]:
    """A row for each site that is held out, and one for all of them: Dice of every model, and paired gains."""
    table, everything = dict[str, Any](), list[Picture]()
    for site in config.held_out:
        fold, unseen = _fold(squares, labels, site, config, run / site)
        engines = {name: _engine(fold, name) for name in ("causalseg", *RIVALS)}
        causal = engines.pop("causalseg")
        pictures = clean_pictures(causal, engines, unseen, config.test_scans)
        table[f"{site} held out"] = summary(pictures)
        everything += pictures
    return table | {"all of them": summary(everything)}


def _fold(
    squares: Squares, labels: Sequence[Mapping[str, bool]], site: str, config: SitesConfig, run: Path
) -> tuple[_Fold, list[Row]]:
    others = np.array([i for i, row in enumerate(squares.rows) if row.set != site])
    is_val = np.arange(len(others)) % config.validation_every == 0
    learnt_from, val = others[~is_val], others[is_val]
    fold = _Fold(_part(squares, learnt_from), [labels[i] for i in learnt_from], _part(squares, val), run, config)
    return fold, [row for row in squares.rows if row.set == site]


def _part(squares: Squares, chosen: np.ndarray) -> Squares:
    return Squares([squares.rows[i] for i in chosen], squares.images_u8[chosen], squares.masks[chosen])


def _engine(fold: _Fold, name: str) -> Engine:
    network, architecture = _trained(fold, name)
    network.eval().requires_grad_(requires_grad=False)
    return Engine(network, chosen_entry(name, network, fold.val, architecture))


def _trained(fold: _Fold, name: str) -> tuple[SegmentationNetwork, Architecture]:
    """A model, trained on the fold from the start that all share, and what it is built of."""
    own, settings, run = fold.config.architecture, fold.config.of_stage(fold.config.passes), fold.run / name
    network = _start(fold)
    if name in PAPERS:
        architecture = replace(own, core=name)
        paper = _fresh(architecture)
        take_shared(paper, network.state_dict())
        train_paper(paper, fold.learn, settings, run)
        return paper, architecture
    share = 1.0 if name == "augmented" else 0.0
    observe = ObserveSettings(rates=GOES_ON, batch_norm="keep", confounded_share=share, **settings)
    learn(ObserveTrainer(network, fold.learn, observe), run)
    if name == "causalseg":
        restore = RestoreSettings(**fold.config.of_stage(fold.config.restore_passes))
        detect = DetectSettings(**fold.config.of_stage(fold.config.detect_passes))
        learn_causal_core(network, fold.learn, fold.labels, load_dictionary(), restore, detect, run)
    return network, own


def _start(fold: _Fold) -> CausalSegNetwork:
    """The plain segmenter that every model of a fold goes on from."""
    network = with_removal(_fresh(fold.config.architecture))
    if fold.config.architecture.towers == Architecture().towers:
        load_imagenet(network.image_tower)
    settings = ObserveSettings(**fold.config.of_stage(fold.config.start_passes))
    learn(ObserveTrainer(network, fold.learn, settings), fold.run / "start")
    return network


def _fresh(architecture: Architecture) -> SegmentationNetwork:
    """The same at every call, whatever was drawn before."""
    torch.manual_seed(0)
    return build_network(architecture).to(memory_format=torch.channels_last)
