"""A fine-tuning from beginning to end. Nothing is written before the end: a run that is stopped leaves no trace."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
import torch
from torch import Tensor

from causalseg.checkpoints import CheckpointEntry, changed_copy, load_network
from causalseg.errors import CannotLearn
from causalseg.models.network import CausalSegNetwork, with_removal
from causalseg.models.preprocess import squash
from causalseg.versions import Comparison, VersionCard, VersionStore, raise_if_for_another
from training.finetune.augmented_views import views_of
from training.finetune.corrections import Material, Said, doubts, too_few
from training.finetune.features import Encoder, Features
from training.finetune.learn import LearnConfig, Learner, OnStep, Spoken, folds_of, mean_of
from training.finetune.scores import TWINS, GateRules, Scorer, Twin, judge, predicted

OnProgress = Callable[[int, int], object]

_REPLAY_HELD_BACK = 3
"""Every third replayed scan is never learnt from, only scored."""


@dataclass(frozen=True, slots=True)
class FinetuneConfig:
    """Settings of a fine-tuning and of its gate."""

    learn: LearnConfig = field(default_factory=LearnConfig)
    gate: GateRules = field(default_factory=GateRules)
    twins: tuple[Twin, ...] = TWINS


@dataclass(frozen=True, slots=True, eq=False)
class Parent:
    """What a version is fine-tuned from."""

    name: str
    entry: CheckpointEntry
    """The checkpoint that it is, or is a version of."""
    network: CausalSegNetwork
    changes: Mapping[str, Tensor] = field(default_factory=dict)
    """Where it is a version: what differs from the checkpoint."""


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """What came out, before it is judged and written."""

    changes: dict[str, Tensor]
    """All that differs from the checkpoint, what the parent had changed included."""
    network: CausalSegNetwork
    scores: dict[str, Comparison]


def load_parent(entry: CheckpointEntry, name: str, versions: VersionStore) -> Parent:
    """A checkpoint by its own name, or a version of it.

    Raises:
        BadVersion: there is no such version.
        CheckpointError: its weights are damaged, or it is a version of other weights.
    """
    network = with_removal(load_network(entry)).to(memory_format=torch.channels_last)
    if name == entry.name:
        return Parent(name, entry, network)
    card = versions.card(name)
    raise_if_for_another(card, entry)
    changes = versions.changes(card)
    return Parent(name, entry, changed_copy(network, changes, name), changes)


def finetune(
    parent: Parent,
    material: Material,
    replay: Features,
    versions: VersionStore,
    name: str,
    config: FinetuneConfig | None = None,
    *,
    on_progress: OnProgress = lambda done, total: None,
    on_step: OnStep = lambda step, loss: None,
) -> VersionCard:
    """Learn from `material` and write the version `name`, with the verdict of its gate. It is not promoted here.

    Args:
        parent: what to start from; it is left as it is.
        material: corrections and statements.
        replay: stored features of the checkpoint's training scans.
        versions: where the version is written.
        name: of the version.
        config: settings.
        on_progress: may raise `Cancelled`; the parent is kept and nothing is written.
        on_step: takes the points of the live curve.

    Raises:
        CannotLearn: there are too few corrections, or they do not fit their scans; the message says which.
        BadVersion: the name is taken, or is none.
    """
    chosen, started = config or FinetuneConfig(), time.monotonic()
    versions.raise_if_unusable(name)
    raise_if_unfit(parent, material)
    made = learn(parent, material, replay, chosen, on_progress=on_progress, on_step=on_step)
    passed, reasons = judge(made.scores, chosen.gate)
    card = VersionCard(
        name=name,
        checkpoint=parent.entry.name,
        checkpoint_sha256=parent.entry.sha256,
        parent=parent.name,
        data_sha256=material.sha256,
        corrections=len(material.corrections),
        statements=sum(len(said.present) for said in material.said),
        settings={**asdict(chosen.learn), "gate": asdict(chosen.gate)},
        seed=chosen.learn.seed,
        made_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        seconds=round(time.monotonic() - started, 1),
        scores=made.scores,
        passed=passed,
        reasons=reasons,
    )
    return versions.add(card, made.changes)


def raise_if_unfit(parent: Parent, material: Material) -> None:
    """Refuse what cannot be learnt from, before anything is learnt.

    Raises:
        CannotLearn: there are too few corrections, or they do not fit their scans; the message says which.
    """
    if sentence := too_few([one.patient for one in material.corrections]):
        raise CannotLearn(sentence)
    encoder = Encoder(parent.network, parent.entry)
    views = views_of(encoder, [replace(one, modality=None) for one in material.corrections], 0, most=1)
    seen = predicted(parent.network, views.features, views.asked, None)
    if sentences := doubts(views.features.masks[views.asked], seen):
        raise CannotLearn(" ".join(sentences))


def learn(
    parent: Parent,
    material: Material,
    replay: Features,
    config: FinetuneConfig,
    *,
    on_progress: OnProgress = lambda done, total: None,
    on_step: OnStep = lambda step, loss: None,
) -> Learnt:
    """Everything between the checks and the gate."""
    settings, entry = config.learn, parent.entry
    clock = _Clock(on_progress, len(material.corrections), settings.members * settings.steps)
    encoder = Encoder(parent.network, entry)
    views = views_of(encoder, material.corrections, settings.seed, on_progress=clock.picture)
    spoken = _spoken(encoder, material.said)
    learner = Learner(parent.network, encoder.codes, views.features, replay, spoken, settings)
    folds = folds_of([views.features.groups[item] for item in views.asked], settings.members, settings.seed)
    kept_back = np.flatnonzero(~replay.is_intervened)[::_REPLAY_HELD_BACK]
    replayed = np.setdiff1d(np.arange(len(replay)), kept_back)

    def step(done: int, loss: float) -> None:
        clock.step(done)
        on_step(done, loss)

    members = [
        learner.member(np.flatnonzero(folds[views.owner] != fold), replayed, fold, step)
        for fold in range(settings.members)
    ]
    changes = _changed(parent.network, mean_of(members))
    version = changed_copy(parent.network, changes, "the version")
    scorer = Scorer(entry, parent.network, version, encoder)
    scores = {
        "corrections": scorer.corrections(views, members, folds, material.held_back),
        "replay": scorer.items(replay, kept_back),
        "switches": scorer.switches(config.twins, has_new_presence=spoken is not None),
    }
    if spoken is not None:
        scores["statements"] = scorer.statements(spoken)
    clock.finished()
    return Learnt({**parent.changes, **changes}, version, scores)


class _Clock:
    """Progress in one unit of work: a picture or a step counts 1, the scores count 40."""

    def __init__(self, on_progress: OnProgress, pictures: int, steps: int) -> None:
        self._on_progress, self._pictures, self._steps = on_progress, pictures, steps
        self._total = pictures + steps + 40

    def picture(self, done: int, total: int) -> None:
        """A correction was encoded."""
        del total
        self._on_progress(done, self._total)

    def step(self, done: int) -> None:
        """A member has made a step."""
        self._on_progress(self._pictures + done, self._total)

    def finished(self) -> None:
        """All is scored."""
        self._on_progress(self._total, self._total)


def _spoken(encoder: Encoder, said: Sequence[Said]) -> Spoken | None:
    """Statistics and labels of the pictures that something is said of; None where nothing is."""
    if not said:
        return None
    ids = [one.id for one in encoder.dictionary]
    labels = torch.full((len(said), len(ids)), float("nan"))
    statistics = []
    for row, one in enumerate(said):
        statistics.append(encoder.observe(squash(one.image_u8, encoder.side_px)[None].copy()).statistics)
        for name, present in one.present.items():
            if name in ids:
                labels[row, ids.index(name)] = float(present)
    return Spoken(torch.cat(statistics), labels)


def _changed(network: CausalSegNetwork, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """What differs from the parent, at half precision."""
    own = network.state_dict()
    return {name: value for name, value in weights.items() if not torch.equal(value, own[name].half())}
