"""A fine-tuning in the small world: it learns, keeps its parent, can be stopped, and refuses poison."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from causalseg.annotations import review
from causalseg.annotations.review import confounder_statements
from causalseg.annotations.store import LabelStore
from causalseg.annotations.store.scans import Facts
from causalseg.checkpoints import kept_state
from causalseg.errors import BadVersion, Cancelled, CannotLearn
from causalseg.scan import Scan
from causalseg.versions import VersionCard, VersionStore
from tests.same import HALF_STEP, assert_same_weights
from tests.training.finetune_world import ENTRY, NEW, corrections, disc, replay_of, taught_network
from training.finetune.corrections import Correction, Material, Said, material_of
from training.finetune.features import Features
from training.finetune.learn import LearnConfig
from training.finetune.run import FinetuneConfig, Parent, finetune, learn
from training.finetune.scores import TWINS

CONFIG = FinetuneConfig(learn=LearnConfig(steps=12, rate=3e-3), twins=TWINS[:1])


@pytest.fixture(scope="module")
def parent() -> Parent:
    return Parent(ENTRY.name, ENTRY, taught_network())


@pytest.fixture(scope="module")
def replay(parent: Parent) -> Features:
    return replay_of(parent.network, 12)


@pytest.fixture(scope="module")
def world(
    parent: Parent, replay: Features, tmp_path_factory: pytest.TempPathFactory
) -> tuple[VersionStore, VersionCard]:
    versions = VersionStore(tmp_path_factory.mktemp("versions"))
    return versions, finetune(parent, Material(corrections(12)), replay, versions, "first", CONFIG)


def test_a_version_is_better_on_corrections_it_has_not_seen(world: tuple[VersionStore, VersionCard]) -> None:
    scores = world[1].scores

    assert scores["corrections"].change.count == 12
    assert scores["corrections"].change.mean > 0.02
    assert scores["replay"].change.mean > -0.1


def test_a_card_says_what_made_the_version(world: tuple[VersionStore, VersionCard]) -> None:
    card = world[0].card("first")

    assert card == world[1]
    assert (card.parent, card.corrections, card.statements) == ("tiny", 12, 0)
    assert card.data_sha256 == Material(corrections(12)[::-1]).sha256
    assert card.settings["steps"] == 12
    assert len(card.reasons) == 3


def test_only_heads_change(world: tuple[VersionStore, VersionCard]) -> None:
    changes = world[0].changes(world[1])

    assert {name.split(".")[0] for name in changes} <= {"neck", "decoder", "intervention"}
    assert not [name for name in changes if "running" in name]


def test_the_parent_is_left_alone_and_the_same_seed_gives_the_same_version(
    parent: Parent, replay: Features, world: tuple[VersionStore, VersionCard]
) -> None:
    before = {name: value.clone() for name, value in kept_state(parent.network).items()}

    again = learn(parent, Material(corrections(12)), replay, CONFIG)

    assert all(torch.equal(value, before[name]) for name, value in kept_state(parent.network).items())
    first = world[0].changes(world[1])
    assert_same_weights(again.changes, first, start=before, share=HALF_STEP)


def test_progress_rises_to_its_end_and_a_stop_leaves_nothing(parent: Parent, replay: Features, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def stop_late(done: int, total: int) -> None:
        seen.append((done, total))
        if done > 20:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        finetune(
            parent, Material(corrections(8)), replay, VersionStore(tmp_path / "v"), "x", CONFIG, on_progress=stop_late
        )

    assert not (tmp_path / "v").exists()
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len({total for _, total in seen}) == 1


def test_a_version_of_a_version_carries_both_changes(
    parent: Parent, replay: Features, world: tuple[VersionStore, VersionCard]
) -> None:
    inherited = {"presence.map_query.bias": torch.ones(64)}
    child = replace(parent, name="first", changes=inherited)

    made = learn(child, Material(corrections(8)), replay, CONFIG)

    assert made.changes.keys() > inherited.keys()


def test_statements_are_learnt_by_the_strength_heads(parent: Parent, replay: Features) -> None:
    said = [Said(disc(number, NEW)[0], {"hair": True, "calipers": False}, str(number)) for number in range(4)]

    made = learn(parent, Material(corrections(8), said=said), replay, CONFIG)

    assert made.scores["statements"].change.count == 8
    assert made.scores["statements"].after.mean >= made.scores["statements"].before.mean
    assert {name for name in made.changes if name.startswith("presence.")}


def _poisoned(kind: str) -> list[Correction]:
    right = corrections(12)
    masks = {
        "empty": [one.mask & False for one in right],
        "inverted": [~one.mask for one in right],
        "shifted": [np.roll(one.mask, 10, axis=1) for one in right],
        "of another scan": [right[i - 1].mask for i in range(len(right))],
    }
    return [replace(one, mask=mask) for one, mask in zip(right, masks[kind], strict=True)]


@pytest.mark.parametrize("kind", ["empty", "inverted", "shifted", "of another scan"])
def test_poison_is_stopped_before_it_is_learnt(parent: Parent, replay: Features, tmp_path: Path, kind: str) -> None:
    with pytest.raises(CannotLearn, match=r"Review page|Approve a mask"):
        finetune(parent, Material(_poisoned(kind)), replay, VersionStore(tmp_path / "v"), "x", CONFIG)

    assert not (tmp_path / "v").exists()


def test_too_few_corrections_and_taken_names_are_refused(
    parent: Parent, replay: Features, world: tuple[VersionStore, VersionCard]
) -> None:
    with pytest.raises(CannotLearn, match="There are 4 approved corrections of 2 patients"):
        finetune(parent, Material(corrections(4)), replay, world[0], "few", CONFIG)
    with pytest.raises(BadVersion, match="already"):
        finetune(parent, Material(corrections(12)), replay, world[0], "first", CONFIG)


def test_material_is_what_was_approved_in_the_train_part(tmp_path: Path) -> None:
    store = LabelStore(tmp_path)
    for number, (split, approve) in enumerate([("train", True), ("train", False), ("val", True), ("test", True)]):
        image_u8, mask = disc(number, NEW)
        scan = Scan(image_u8, f"{number:064d}", "PNG", "endoscopy")
        saved = store.save(
            scan,
            mask,
            person="ada",
            description=f"polyp {number}",
            removed=[],
            model="tiny",
            facts=Facts(split=split),  # pyright: ignore[reportArgumentType]
        )
        if approve:
            review.approve(store, saved, reviewer="bo")
    confounder_statements.say(store, f"{0:064d}", {"hair": True, "calipers": True}, person="ada")
    confounder_statements.say(store, f"{0:064d}", {"hair": False}, person="bo")

    material = material_of(store)

    assert [one.description for one in material.corrections] == ["polyp 0"]
    assert [one.description for one in material.held_back] == ["polyp 2"]
    np.testing.assert_array_equal(material.corrections[0].mask, disc(0, NEW)[1])
    assert [dict(said.present) for said in material.said] == [{"calipers": True}]
