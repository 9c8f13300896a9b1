"""The experiments on fine-tuning, in the small world: a data folder of two sites, a few steps of a few corrections."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import rankdata

from causalseg.acquisition import signal_of
from causalseg.checkpoints import kept_state
from causalseg.engine import Engine
from causalseg.scan import read_scan
from tests.training.finetune_world import ENTRY, KNOWN, NEW, RIM, corrections, disc, replay_of, taught_network
from training.data.rows import Row
from training.experiments import simulated_corrections, simulated_poison, simulated_rounds
from training.experiments.queue_order import Value
from training.experiments.simulated_corrections import Round, rounds_of, simulate_table
from training.experiments.simulated_poison import KINDS, poison_table, poisoned
from training.experiments.simulated_rounds import rounds_table
from training.experiments.whole_network import WholeConfig, learn_whole
from training.finetune.learn import LearnConfig
from training.finetune.run import Parent


@pytest.fixture(scope="module")
def parent() -> Parent:
    return Parent(ENTRY.name, ENTRY, taught_network())


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    """Two sites of faint discs to correct, source sets of known ones."""
    made: list[Row] = []
    for name, role, split, first, count in (
        ("here", "target", "test", 0, 24),
        ("there", "target", "test", 100, 24),
        ("home", "source", "test", 200, 4),
        ("home", "source", "train", 300, 8),
    ):
        for number in range(first, first + count):
            image_u8, mask = disc(number, KNOWN if role == "source" else NEW, 1.0 if role == "source" else RIM)
            image, drawn = tmp_path / f"{number}.png", tmp_path / f"{number}_mask.png"
            Image.fromarray(image_u8).save(image)
            Image.fromarray(mask).save(drawn)
            made.append(Row(name, split, role, "endoscopy", "polyp", f"patient {number}", name, image, drawn, ""))
    return made


@pytest.fixture
def quick(parent: Parent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from the taught network, and make few steps; at ten times the rate they gain or lose by the machine."""
    few = LearnConfig(steps=8, rate=3e-4, corrections_per_step=6, replay_per_step=6, parent_answer_weight=1.0)
    for module in (simulated_corrections, simulated_rounds, simulated_poison):
        monkeypatch.setattr(module, "checkpoint_parent", lambda entry: parent)
    monkeypatch.setattr(simulated_rounds, "LearnConfig", lambda seed: replace(few, seed=seed))
    monkeypatch.setattr(simulated_poison, "LearnConfig", lambda: few)
    monkeypatch.setattr(simulated_corrections, "WAYS", dict.fromkeys(simulated_corrections.WAYS, few))


def ignore(done: int, total: int) -> None:
    """Nobody looks."""


SITES = ("here", "there")
SMALL: dict[str, Any] = {"corrections": 6, "seed": 0, "tests": 6, "source": 4, "on_progress": ignore}


def test_rounds_are_a_product_or_as_a_way_says() -> None:
    assert rounds_of(("decoder",), (5, 10), 2) == [Round("decoder", n, seed) for n in (5, 10) for seed in (0, 1)]
    assert rounds_of(("heads:10x3", "whole network:20"), (5,), 1) == [
        *(Round("heads", 10, seed) for seed in range(3)),
        Round("whole network", 20, 0),
    ]
    with pytest.raises(ValueError, match="no way 'head' to fine-tune; there are heads, queue, no replay"):
        rounds_of(("head",), (5,), 1)


@pytest.mark.usefixtures("quick")
def test_a_table_says_seeds_gain_and_cost_of_every_way(parent: Parent, rows: list[Row]) -> None:
    seen: list[list[str]] = []
    ways = ("heads:6x2", "queue:6x1", "whole network:6x1")
    table = simulate_table(
        ENTRY,
        rows,
        replay_of(parent.network, 6),
        "here",
        rounds_of(ways, (6,), 1),
        tests=6,
        source=4,
        on_progress=ignore,
        on_table=lambda table: seen.append([*table]),
    )

    heads, whole = table["heads, 6 corrections"], table["whole network, 6 corrections"]
    assert (heads["seeds"], whole["seeds"]) == (2, 1)
    assert heads["gain on the site"].mean > 0.02
    assert heads["let through by the gate"] in (0.0, 0.5, 1.0)
    assert whole["let through by the gate"] is None
    assert whole["seconds"] > 0
    assert 0.05 < heads["peak memory so far, GB"] <= whole["peak memory so far, GB"]
    assert table["before"]["source"].count == 4
    assert [len(names) for names in seen] == [2, 2, 3, 4]
    assert table["queue, 6 corrections"]["gain on the site"].mean > 0


def test_the_queue_gives_what_the_model_doubts_and_a_share_at_random(parent: Parent, rows: list[Row]) -> None:
    pool = [row for row in rows if row.set == "here"]
    value = Value(parent.network, ENTRY, pool)
    signals = [signal_of(Engine(parent.network, ENTRY), read_scan(row.image), row.target) for row in pool]
    doubt = rankdata([one.uncertainty for one in signals]) + rankdata([one.disagreement for one in signals])

    orders = [value.first(len(pool), seed) for seed in range(20)]

    assert all(sorted(order) == list(range(len(pool))) for order in orders)
    firsts = [order[0] for order in orders]
    assert firsts.count(int(np.argmax(doubt))) >= 12
    assert len(set(firsts)) > 1
    assert value.first(6, 3) == orders[3][:6]


def test_the_whole_network_learns_its_towers_and_leaves_its_parent(parent: Parent) -> None:
    before = {name: value.clone() for name, value in kept_state(parent.network).items()}

    made = learn_whole(
        parent.network, ENTRY, corrections(8), corrections(2, first=20), WholeConfig(LearnConfig(steps=6))
    )

    after = kept_state(made)
    moved = {name.split(".")[0] for name, value in after.items() if not torch.equal(value, before[name])}
    assert {"image_tower", "neck", "decoder"} <= moved
    assert moved <= {"image_tower", "neck", "decoder", "intervention", "restorer"}
    assert not [n for n in after if "running" in n and not torch.equal(after[n], before[n])]
    assert all(torch.equal(value, before[name]) for name, value in kept_state(parent.network).items())
    assert not any(p.requires_grad for p in made.parameters())


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_rounds_take_turns_and_carry_on_from_the_version_before(parent: Parent, rows: list[Row]) -> None:
    table = rounds_table(ENTRY, rows, replay_of(parent.network, 6), SITES, **SMALL, rounds=3, gated=False)

    assert [line["corrections of"].split()[-1] for line in table.values()] == ["here", "there", "here"]
    assert min(line["here"].mean for line in table.values()) > 0.02
    assert table["2"]["here"].mean != table["1"]["here"].mean
    assert {line["gate"] for line in table.values()} <= {"passed", "stopped"}


@pytest.mark.usefixtures("quick")
def test_gated_rounds_drop_what_the_gate_stops(
    parent: Parent, rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated_rounds, "judge", lambda scores, rules: (False, ()))

    table = rounds_table(ENTRY, rows, replay_of(parent.network, 6), SITES, **SMALL, rounds=1, gated=True)

    assert table["1"]["gate"] == "stopped"
    assert (table["1"]["here"].mean, table["1"]["source"].mean) == (0, 0)


def test_poison_is_what_its_name_says() -> None:
    masks = [disc(number, NEW)[1] for number in range(8)]
    wrong = {kind: poisoned(masks, kind, np.random.default_rng(0)) for kind in KINDS}

    assert not any(mask.any() for mask in wrong["empty"])
    for right, inverted in zip(masks, wrong["inverted"], strict=True):
        np.testing.assert_array_equal(inverted, ~right)
    np.testing.assert_array_equal(wrong["another scan's"][1], masks[0])
    for kind in ("shifted, one way", "shifted, each its way"):
        steps = {
            _step(right, mask) for right, mask in zip(masks, wrong[kind], strict=True) if mask.sum() == right.sum()
        }
        assert steps <= {(10, 0), (-10, 0), (0, 10), (0, -10)}
        assert len(steps) == 1 if kind == "shifted, one way" else len(steps) > 1


def _step(right: np.ndarray, moved: np.ndarray) -> tuple[int, int]:
    """How far a mask has moved, from its centres."""
    (y, x), (new_y, new_x) = (np.argwhere(mask).mean(0) for mask in (right, moved))
    return round(new_y - y), round(new_x - x)


@pytest.mark.usefixtures("quick")
def test_poison_is_refused_and_right_masks_are_not(parent: Parent, rows: list[Row]) -> None:
    few: dict[str, Any] = {"draws": 4, "corrections": 8, "seed": 0, "most_scans": 24, "learnt": 1, "unchecked": 0}

    table = poison_table(ENTRY, rows, replay_of(parent.network, 6), ("here",), **few, on_progress=ignore)

    assert table["here, right"]["refused before learning"] == 0
    assert table["here, empty"]["refused before learning"] == table["here, inverted"]["refused before learning"] == 4
    assert all(line["draws"] == 4 for line in table.values())
    assert all(line["stopped by the gate"] <= line["put before the gate"] <= 1 for line in table.values())
