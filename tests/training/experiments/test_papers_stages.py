"""Both papers' stages: whose turn moves what, masks held at 1, warm-ups, stop and resume."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor

from causalseg.checkpoints import kept_state
from causalseg.errors import CheckpointError
from causalseg.models.build import Architecture
from causalseg.models.causalclipseg import CausalClipSegNetwork
from causalseg.models.mcdrl import McdrlNetwork
from tests.models.small import small_network
from tests.same import assert_same_weights
from training.data import Row, Squares
from training.experiments.causalclipseg import CausalClipSegSettings, Game, Turn
from training.experiments.mcdrl import McdrlSettings, McdrlTrainer, causal_loss, class_index
from training.experiments.paper_settings import WHOLE_TOWER
from training.experiments.papers import train_paper
from training.loop import learn, let_learn
from training.runs import load_architecture, save_architecture, take_shared

GAME = CausalClipSegSettings(
    epochs=2, batch_size=8, rates=WHOLE_TOWER, warm_up_share=0.5, masker_every=2, average_decay=0.5
)
LOSSES = McdrlSettings(epochs=2, batch_size=8, rates=WHOLE_TOWER, causal_from=0.5, average_decay=0.5)


def game_network() -> CausalClipSegNetwork:
    torch.manual_seed(0)
    return cast("CausalClipSegNetwork", small_network("causalclipseg", "RN50"))


def mcdrl_network() -> McdrlNetwork:
    torch.manual_seed(0)
    return cast("McdrlNetwork", small_network("mcdrl", "RN50"))


def play(squares: Squares, step: int) -> tuple[CausalClipSegNetwork, set[str]]:
    """Take one optimizer step as the `step`-th of a run; the network and the names of what moved, buffers too."""
    network = game_network()
    game = Game(network, squares, GAME)
    optimizer = torch.optim.AdamW(let_learn(network, GAME))
    before = {name: value.clone() for name, value in kept_state(network).items()}
    losses = game.losses(np.arange(8), np.random.default_rng(0), torch.Generator().manual_seed(0), step)
    optimizer.zero_grad()
    sum(losses.values(), start=torch.zeros(())).backward()
    optimizer.step()
    return network, {name for name, value in kept_state(network).items() if not torch.equal(value, before[name])}


def test_turns_follow_the_warm_up(squares: Squares) -> None:
    game = Game(game_network(), squares, GAME)  # 16 scans in batches of 8: two steps an epoch

    turns = [game.turn(step) for step in range(6)]

    assert turns == [Turn.WARM_UP, Turn.WARM_UP, Turn.MASKER, Turn.SEGMENTER, Turn.MASKER, Turn.SEGMENTER]


def test_the_maskers_turn_moves_the_maskers_alone(squares: Squares) -> None:
    network, moved = play(squares, 2)

    assert {name for name, p in network.maskers.named_parameters()} <= {name.removeprefix("maskers.") for name in moved}
    assert [name for name in moved if not name.startswith("maskers.")] == []


@pytest.mark.parametrize("step", [0, 3])
def test_the_segmenters_turn_moves_all_but_the_maskers(squares: Squares, step: int) -> None:
    _, moved = play(squares, step)

    parts = {name.split(".")[0] for name in moved}
    assert parts == {"image_tower", "neck", "fusion", "causal_projector", "confounding_projector"}


def test_masks_are_held_at_one_in_the_warm_up(squares: Squares, monkeypatch: pytest.MonkeyPatch) -> None:
    """Maskers that would spoil every feature change nothing there, and do so after it."""
    spoilt, plain = game_network(), game_network()
    for parameter in spoilt.maskers.parameters():
        torch.nn.init.constant_(parameter, float("nan"))
    losses = []
    for network in (spoilt, plain):
        game = Game(network, squares, GAME)
        arguments = (np.arange(8), np.random.default_rng(0), torch.Generator().manual_seed(0))
        losses.append(game.losses(*arguments, 0))
        later = game.losses(np.arange(8), np.random.default_rng(0), torch.Generator().manual_seed(0), 3)
        assert bool(later["causal"].isnan()) == (network is spoilt)

    assert losses[0].keys() == losses[1].keys() == {"causal", "confounding"}
    assert all(torch.equal(losses[0][name], losses[1][name]) for name in losses[0])


def test_the_maskers_want_the_confounding_branch_to_fail(squares: Squares) -> None:
    losses = Game(game_network(), squares, GAME).losses(
        np.arange(8), np.random.default_rng(0), torch.Generator().manual_seed(0), 2
    )

    assert losses["masker_causal"] > 0 > losses["masker_confounding"]


def test_the_causal_loss_starts_when_the_warm_up_ends(squares: Squares) -> None:
    trainer = McdrlTrainer(mcdrl_network(), squares, LOSSES)

    def names(step: int) -> set[str]:
        return {*trainer.losses(np.arange(8), np.random.default_rng(0), torch.Generator().manual_seed(0), step)}

    assert names(2) - names(1) == {"causal"}


def test_gradients_of_mcdrl_reach_all_that_is_trained(squares: Squares) -> None:
    network = mcdrl_network()
    trainer = McdrlTrainer(network, squares, LOSSES)

    losses = trainer.losses(np.arange(16), np.random.default_rng(0), torch.Generator().manual_seed(0), 2)
    sum(losses.values(), start=torch.zeros(())).backward()

    assert [name for name, p in network.named_parameters() if p.requires_grad and p.grad is None] == []


def test_classes_are_told_apart_by_modality_and_normal_scans_have_none(squares: Squares) -> None:
    rows: list[Row] = [squares.rows[0], squares.rows[0], squares.rows[-1]]
    masks = torch.ones(3, 1, 2, 2)
    masks[1] = 0

    index = class_index(rows, masks, (("ct", "polyp"), (rows[0].modality, rows[0].target)))

    assert index.tolist() == [1, -1, -1]


def test_the_causal_loss_is_the_squared_distance_of_scans_with_a_class() -> None:
    attended = torch.stack([torch.full((3, 2), 2.0), torch.full((3, 2), 7.0)])

    loss = causal_loss(attended, torch.tensor([[1.0, 0.0]]), torch.tensor([0, -1]))

    assert float(loss) == pytest.approx(1 + 4)


def game(squares: Squares, run_dir: Path) -> dict[str, Tensor]:
    network = game_network()
    learn(Game(network, squares, GAME), run_dir)
    return kept_state(network)


def mcdrl(squares: Squares, run_dir: Path) -> dict[str, Tensor]:
    network = mcdrl_network()
    learn(McdrlTrainer(network, squares, LOSSES), run_dir)
    return kept_state(network)


@pytest.mark.parametrize(("train", "make"), [(game, game_network), (mcdrl, mcdrl_network)])
def test_stop_and_resume_equals_straight_through(
    train: Callable[[Squares, Path], dict[str, Tensor]],
    make: Callable[[], CausalClipSegNetwork | McdrlNetwork],
    squares: Squares,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    straight = train(squares, tmp_path / "straight")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("training.loop.save_progress", _save_then_stop)
        train(squares, tmp_path / "stopped")

    resumed = train(squares, tmp_path / "stopped")

    assert_same_weights(straight, resumed, start=kept_state(make()))


def _save_then_stop(*arguments: object) -> None:
    from training.resume import save_progress

    save_progress(*arguments)  # pyright: ignore[reportArgumentType]
    raise KeyboardInterrupt


@pytest.mark.parametrize("core", ["causalclipseg", "mcdrl"])
def test_a_core_may_start_from_another_cores_tower_neck_and_decoder(core: str) -> None:
    donor = small_network("causalseg", "RN50").state_dict()
    network = small_network(core, "RN50")

    take_shared(network, donor)

    taken = {name.split(".")[0] for name, value in network.state_dict().items() if name in donor}
    own = {name: value for name, value in network.state_dict().items() if name in donor and name[:4] != "text"}
    assert all(torch.equal(value, donor[name]) for name, value in own.items())
    assert taken - {"text_tower"} == (
        {"image_tower"} if core == "causalclipseg" else {"image_tower", "neck", "decoder"}
    )
    with pytest.raises(CheckpointError, match="another image tower"):
        take_shared(network, {"image_tower.stages.0.0.weight": torch.zeros(1)})


def test_no_stage_of_a_paper_trains_our_own_core(squares: Squares, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there are causalclipseg, mcdrl"):
        train_paper(small_network("causalseg", "RN50"), squares, {}, tmp_path)


def test_a_run_knows_its_architecture(tmp_path: Path) -> None:
    architecture = Architecture(core="mcdrl", dictionary="endoscopy", kept_share=0.2)
    save_architecture(tmp_path, architecture)
    save_architecture(tmp_path, architecture)

    assert load_architecture(tmp_path) == architecture
    assert load_architecture(tmp_path / "none") == Architecture()
    with pytest.raises(CheckpointError, match="another architecture"):
        save_architecture(tmp_path, Architecture())
    (tmp_path / "architecture.json").write_text('{"channels": 96, "separate": true}')
    with pytest.raises(CheckpointError, match=r"architecture\.json cannot be used: separate: "):
        load_architecture(tmp_path)
