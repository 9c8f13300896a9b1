"""Versions: written whole or not at all, verified, promoted only past their gate, put back at will, served at once."""

import json
import os
import signal
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from causalseg.checkpoints import CheckpointEntry, changed_copy, kept_state
from causalseg.engine import Engine
from causalseg.errors import BadVersion, CheckpointError, ChecksumMismatch
from causalseg.models.build import Architecture, build_network
from causalseg.models.network import CausalSegNetwork, with_removal
from causalseg.scan import Scan
from causalseg.settings import Settings
from causalseg.versions import CHANGES, Comparison, Score, VersionCard, VersionStore

TINY = Architecture(channels=32, code_width=16, input_side_px=64)
ENTRY = CheckpointEntry("tiny", "tiny.safetensors", "0" * 64, "none", TINY, 0.5, 1.0, 0.25, version="1")
CHANGE: Mapping[str, Tensor] = {"decoder.kernel.bias": torch.full((32 * 9 + 1,), 0.5)}


def card(name: str, *, passed: bool = True) -> VersionCard:
    score = Score(0.5, 0.4, 0.6, 10)
    return VersionCard(
        name=name,
        checkpoint=ENTRY.name,
        checkpoint_sha256=ENTRY.sha256,
        parent=ENTRY.name,
        data_sha256="1" * 64,
        corrections=10,
        statements=0,
        settings={"steps": 3},
        seed=0,
        made_at="2026-01-01T00:00:00+00:00",
        seconds=1.5,
        scores={"corrections": Comparison(score, score, score)},
        passed=passed,
        reasons=("The masks held back are no better.",) if not passed else (),
    )


@pytest.fixture(scope="module")
def network() -> CausalSegNetwork:
    torch.manual_seed(0)
    return with_removal(build_network(TINY)).eval().requires_grad_(requires_grad=False)


@pytest.fixture
def versions(tmp_path: Path) -> VersionStore:
    return VersionStore(tmp_path / "versions")


@pytest.fixture
def scan() -> Scan:
    return Scan(np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8), "a" * 64, "PNG")


def test_a_version_comes_back_as_it_was_written(versions: VersionStore) -> None:
    written = versions.add(card("one"), CHANGE)

    assert versions.card("one") == written
    assert versions.cards() == [written]
    torch.testing.assert_close(versions.changes(written)["decoder.kernel.bias"], CHANGE["decoder.kernel.bias"].half())


def test_no_version_is_overwritten_and_bad_names_are_refused(versions: VersionStore) -> None:
    versions.add(card("one"), CHANGE)

    with pytest.raises(BadVersion, match="already"):
        versions.add(card("one"), CHANGE)
    for name in ("", ".hidden", "../up", "Upper", "a" * 65):
        with pytest.raises(BadVersion, match="no name for a version"):
            versions.add(card(name), CHANGE)


def test_a_damaged_version_is_not_promoted(versions: VersionStore) -> None:
    written = versions.add(card("one"), CHANGE)
    path = versions.folder / "one" / CHANGES
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))

    with pytest.raises(ChecksumMismatch):
        versions.changes(written)
    with pytest.raises(ChecksumMismatch):
        versions.promote("one", ENTRY)
    assert versions.promoted(ENTRY) is None


def test_what_the_gate_stopped_is_refused_with_its_reason(versions: VersionStore) -> None:
    versions.add(card("bad", passed=False), CHANGE)

    with pytest.raises(BadVersion, match="no better"):
        versions.promote("bad", ENTRY)
    assert versions.promoted(ENTRY) is None


def test_any_version_that_was_promoted_can_be_put_back(versions: VersionStore) -> None:
    for name in ("one", "two", "never"):
        versions.add(card(name), CHANGE)
    versions.promote("one", ENTRY)
    versions.promote("two", ENTRY)

    for name in ("one", "two", "one"):
        versions.roll_back(name, ENTRY)
        assert versions.promoted(ENTRY) == versions.card(name)
    versions.roll_back(ENTRY.name, ENTRY)
    assert versions.promoted(ENTRY) is None
    assert [line["version"] for line in versions.history(ENTRY.name)] == ["one", "two", "one", "two", "one", None]
    with pytest.raises(BadVersion, match="never promoted"):
        versions.roll_back("never", ENTRY)


def test_forty_threads_that_promote_at_once_leave_forty_lines(versions: VersionStore) -> None:
    versions.add(card("one"), CHANGE)

    with ThreadPoolExecutor(40) as threads:
        list(threads.map(lambda _: versions.promote("one", ENTRY), range(40)))

    assert len(versions.history(ENTRY.name)) == 40
    assert versions.promoted(ENTRY) == versions.card("one")


@pytest.mark.skipif(os.name != "posix", reason="needs fork")
def test_several_processes_that_promote_at_once_lose_no_line(versions: VersionStore) -> None:
    versions.add(card("one"), CHANGE)
    children = []
    for _ in range(4):
        if (child := os.fork()) == 0:
            for _ in range(10):
                versions.promote("one", ENTRY)
            os._exit(0)
        children.append(child)

    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    assert len(versions.history(ENTRY.name)) == 40


def test_a_card_with_a_key_that_is_unknown_or_missing_is_refused(versions: VersionStore) -> None:
    versions.add(card("one"), CHANGE)
    path = versions.folder / "one" / "card.json"
    values = json.loads(path.read_text())

    for wrong in (values | {"colour": "red"}, {key: values[key] for key in values if key != "parent"}):
        path.write_text(json.dumps(wrong))
        with pytest.raises(CheckpointError, match="card of version one cannot be read"):
            versions.card("one")


def test_a_version_of_other_weights_is_refused(versions: VersionStore) -> None:
    versions.add(card("one"), CHANGE)

    with pytest.raises(CheckpointError, match="made for other weights"):
        versions.promote("one", replace(ENTRY, sha256="f" * 64))


@pytest.mark.skipif(os.name != "posix", reason="needs fork and SIGKILL")
@pytest.mark.parametrize("before", ["the card", "the new name"])
def test_a_run_killed_while_it_writes_leaves_no_version(
    versions: VersionStore, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    if before == "the card":
        monkeypatch.setattr("causalseg.versions._write_json", _killed)
    else:
        monkeypatch.setattr(Path, "rename", _killed)
    if (child := os.fork()) == 0:
        versions.add(card("one"), CHANGE)
    status = os.waitpid(child, 0)[1]
    monkeypatch.undo()

    assert os.WTERMSIG(status) == signal.SIGKILL
    assert versions.cards() == []
    versions.add(card("one"), CHANGE)
    assert [found.name for found in versions.cards()] == ["one"]


def _killed(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_changed_copy_shares_the_towers_and_leaves_its_model_alone(network: CausalSegNetwork) -> None:
    before = {key: value.clone() for key, value in kept_state(network).items()}

    changed = changed_copy(network, CHANGE, "one")

    assert changed.image_tower is network.image_tower
    assert changed.text_tower is network.text_tower
    moved = [key for key, value in kept_state(changed).items() if not torch.equal(value, before[key])]
    assert moved == list(CHANGE)
    assert all(torch.equal(value, before[key]) for key, value in kept_state(network).items())
    for wrong in ({"decoder.none": torch.zeros(1)}, {"decoder.kernel.bias": torch.zeros(3)}):
        with pytest.raises(CheckpointError, match="do not fit"):
            changed_copy(network, wrong, "one")
    with pytest.raises(CheckpointError, match="do not fit"):
        changed_copy(network, {key: value for key, value in before.items() if key.startswith("image_tower")}, "one")


def test_the_promoted_version_answers_at_once_and_scans_in_work_keep_theirs(
    network: CausalSegNetwork, versions: VersionStore, scan: Scan
) -> None:
    engine = Engine(network, ENTRY, Settings(), versions)
    begun = engine.encode(scan)
    first = engine.segment(begun, "polyp").probability
    versions.add(card("one"), CHANGE)
    versions.promote("one", ENTRY)  # as another process would: the engine is not told

    fresh = engine.encode(scan)

    assert (engine.name, engine.name_for(begun), engine.name_for(fresh)) == ("tiny 1 + one", "tiny 1", "tiny 1 + one")
    np.testing.assert_array_equal(engine.segment(begun, "polyp").probability, first)
    second = engine.segment(fresh, "polyp").probability
    assert np.abs(second - first).max() > 0.01

    versions.roll_back(ENTRY.name, ENTRY)
    np.testing.assert_array_equal(engine.segment(engine.encode(scan), "polyp").probability, first)
    np.testing.assert_array_equal(engine.segment(fresh, "polyp").probability, second)


def test_an_engine_starts_with_the_promoted_version(network: CausalSegNetwork, versions: VersionStore) -> None:
    versions.add(card("one"), CHANGE)
    versions.promote("one", ENTRY)

    assert Engine(network, ENTRY, Settings(), versions).name == "tiny 1 + one"


def test_a_promoted_version_that_is_lost_leaves_the_old_one_serving_and_says_so(
    network: CausalSegNetwork, versions: VersionStore, scan: Scan
) -> None:
    engine = Engine(network, ENTRY, Settings(), versions)
    versions.add(card("one"), CHANGE)
    versions.promote("one", ENTRY)
    (versions.folder / "one" / CHANGES).unlink()

    assert engine.name_for(engine.encode(scan)) == "tiny 1"
    assert "are gone" in engine.notice
    versions.roll_back(ENTRY.name, ENTRY)
    assert engine.notice == ""
