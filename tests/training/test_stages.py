"""Both stages: a run stopped and resumed ends where a straight run ends; each learns."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from causalseg.causal.dictionary import load_dictionary
from causalseg.checkpoints import kept_state
from causalseg.models.build import Architecture, build_network
from causalseg.models.network import CausalSegNetwork, with_removal
from causalseg.models.preprocess import to_network
from training.data import Squares
from training.data.twins import TwinShares
from training.experiments.rivals import RivalTrainer, train_rival
from training.losses import dice_score, mask_loss
from training.resume import load_average
from training.stages.detect import DetectConfig, train_detect
from training.stages.found import FoundConfig, FoundTrainer, train_found
from training.stages.intervene import InterveneConfig, TwinTrainer, train_intervene
from training.stages.joint import JointConfig, JointTrainer, freeze_beginning, train_joint
from training.stages.observe import SegmentConfig, train_segment


def fresh(*, separate: bool = False) -> CausalSegNetwork:
    torch.manual_seed(0)
    architecture = Architecture(channels=32, code_width=16, input_side_px=64, separate=separate)
    return with_removal(build_network(architecture))


def segment(network: CausalSegNetwork, squares: Squares, run_dir: Path, epochs: int) -> None:
    train_segment(network, squares, SegmentConfig(epochs=epochs, batch_size=8), run_dir)


def intervene(network: CausalSegNetwork, squares: Squares, run_dir: Path, epochs: int) -> None:
    config = InterveneConfig(epochs=epochs, batch_size=8, warm_up_steps=1)
    train_intervene(network, squares, load_dictionary(), config, run_dir)


def detect(network: CausalSegNetwork, squares: Squares, run_dir: Path, epochs: int) -> None:
    train_detect(network, squares, load_dictionary(), DetectConfig(epochs=epochs, batch_size=8), run_dir)


def found(network: CausalSegNetwork, squares: Squares, run_dir: Path, epochs: int) -> None:
    train_found(network, squares, load_dictionary(), FoundConfig(epochs=epochs, batch_size=8), run_dir)


def joint(network: CausalSegNetwork, squares: Squares, run_dir: Path, epochs: int) -> None:
    train_joint(network, squares, load_dictionary(), JointConfig(epochs=epochs, batch_size=8), run_dir)


def augmented(network: CausalSegNetwork, squares: Squares, run_dir: Path, epochs: int) -> None:
    train_rival("augmented", network, squares, load_dictionary(), JointConfig(epochs=epochs, batch_size=8), run_dir)


@pytest.mark.parametrize("train", [segment, detect, found, intervene, joint, augmented])
def test_stop_and_resume_equals_straight_through(
    train: Callable[..., None], squares: Squares, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = fresh()
    train(straight, squares, tmp_path / "straight", 2)

    stopped = fresh()
    monkeypatch.setattr("training.loop.save_progress", _save_then_stop)
    with pytest.raises(KeyboardInterrupt):
        train(stopped, squares, tmp_path / "stopped", 2)
    monkeypatch.undo()
    resumed = fresh()
    train(resumed, squares, tmp_path / "stopped", 2)

    for name, value in kept_state(straight).items():
        torch.testing.assert_close(kept_state(resumed)[name], value, rtol=0, atol=0, msg=name)


def _save_then_stop(*arguments: object) -> None:
    from training.resume import save_progress

    save_progress(*arguments)  # pyright: ignore[reportArgumentType]
    raise KeyboardInterrupt


def test_the_intervene_stage_leaves_towers_and_decoder_untouched(squares: Squares, tmp_path: Path) -> None:
    network = fresh()
    before = {name: value.clone() for name, value in kept_state(network).items()}

    intervene(network, squares, tmp_path, 1)

    moved = {name.split(".")[0] for name, value in kept_state(network).items() if not torch.equal(value, before[name])}
    assert moved == {"presence", "intervention"}


def moved_while_learning(train: Callable[..., None], trainer: TwinTrainer, run_dir: Path) -> set[str]:
    """Names of the weights that a stage moves; it must lower the loss of a batch that is always the same."""
    network = trainer.network.eval()
    before = {name: value.clone() for name, value in kept_state(network).items()}

    def loss() -> float:
        with torch.no_grad():
            drawn = trainer.losses(np.arange(8), np.random.default_rng(0), torch.Generator().manual_seed(0), 0)
        return float(sum(drawn.values()))

    untaught = loss()
    train(network, trainer.data, trainer.dictionary, trainer.config, run_dir)
    assert loss() < untaught
    return {name for name, value in kept_state(network).items() if not torch.equal(value, before[name])}


def test_the_detect_stage_learns_what_is_seen_of_confounders_alone(squares: Squares, tmp_path: Path) -> None:
    trainer = TwinTrainer(fresh(), squares, load_dictionary(), DetectConfig(epochs=4, batch_size=8))

    moved = moved_while_learning(train_detect, trainer, tmp_path)

    assert {name.split(".")[0] for name in moved} == {"presence"}


def test_the_found_stage_learns_what_is_there_and_leaves_every_mask(squares: Squares, tmp_path: Path) -> None:
    trainer = FoundTrainer(fresh(), squares, load_dictionary(), FoundConfig(epochs=6, batch_size=8))

    moved = moved_while_learning(train_found, trainer, tmp_path)

    assert {name.rpartition(".")[0] for name in moved} == {"decoder.presence.0", "decoder.presence.2"}


def test_stages_under_do_learn_in_the_intervene_stage_and_the_observed_mask_stays(
    squares: Squares, tmp_path: Path
) -> None:
    network = fresh(separate=True)
    images = to_network(torch.from_numpy(np.array(squares.images_u8[:2])))
    text = network.text_tower(["polyp"] * 2)
    with torch.no_grad():
        before, own = network.eval().answer(images, text).mask_logits, kept_state(network)
        own = {name: value.clone() for name, value in own.items() if name.startswith("stages_under_do")}

    intervene(network, squares, tmp_path, 1)

    with torch.no_grad():
        torch.testing.assert_close(network.answer(images, text).mask_logits, before, rtol=0, atol=1e-6)
    moved = [name for name, value in own.items() if not torch.equal(value, kept_state(network)[name])]
    assert len(moved) > 10


def test_stages_under_do_learn_in_the_joint_stage_and_rest_in_a_rivals(squares: Squares, tmp_path: Path) -> None:
    for train, learns in ((joint, True), (augmented, False)):
        network = fresh(separate=True)
        before = {name: value.clone() for name, value in kept_state(network).items()}

        train(network, squares, tmp_path / train.__name__, 1)

        moved = {name for name, value in kept_state(network).items() if not torch.equal(value, before[name])}
        assert any(name.startswith("stages_under_do") for name in moved) is learns


def test_segmenting_on_keeps_batch_statistics_the_beginning_and_the_causal_core(
    squares: Squares, tmp_path: Path
) -> None:
    network = fresh()
    before = {name: value.clone() for name, value in kept_state(network).items()}

    train_segment(network, squares, SegmentConfig(epochs=1, batch_size=8), tmp_path, goes_on=True)

    moved = {name for name, value in kept_state(network).items() if not torch.equal(value, before[name])}
    kept = ("image_tower.stages.0", "image_tower.stages.1", "presence", "intervention")
    assert not [name for name in moved if name.startswith(kept) or "running" in name]
    assert {name.split(".")[0] for name in moved} == {"image_tower", "neck", "decoder"}


def test_the_joint_stage_leaves_the_beginning_and_all_batch_statistics_untouched(
    squares: Squares, tmp_path: Path
) -> None:
    network = fresh()
    before = {name: value.clone() for name, value in kept_state(network).items()}

    joint(network, squares, tmp_path, 1)

    moved = {name for name, value in kept_state(network).items() if not torch.equal(value, before[name])}
    kept = ("image_tower.stages.0", "image_tower.stages.1", "intervention.early.0")
    assert not [name for name in moved if name.startswith(kept) or "running" in name]
    assert {name.split(".")[0] for name in moved} == {"image_tower", "neck", "decoder", "presence", "intervention"}


def test_average_of_a_run_is_what_the_run_left_in_the_network(squares: Squares, tmp_path: Path) -> None:
    network = fresh()
    segment(network, squares, tmp_path, 1)
    loaded = fresh()

    assert load_average(tmp_path, loaded) == 1
    for name, value in kept_state(network).items():
        torch.testing.assert_close(kept_state(loaded)[name], value, rtol=0, atol=0)


def test_one_batch_is_learnt(squares: Squares, network: CausalSegNetwork) -> None:
    images = to_network(torch.from_numpy(np.array(squares.images_u8[:8])))
    masks = torch.from_numpy(np.array(squares.masks[:8]))[:, None].float()
    text = network.text_tower([row.target for row in squares.rows[:8]])
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], 2e-3)
    network.train()

    for _ in range(40):
        logits = network.decode(network.observed_pyramid(network.observe(images)), text).mask_logits
        full = torch.nn.functional.interpolate(logits, scale_factor=4, mode="bilinear")
        loss = mask_loss(full, masks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    assert dice_score(full[:, 0] > 0, masks[:, 0] > 0).min() > 0.9


def test_gradients_reach_every_trainable_part(squares: Squares, network: CausalSegNetwork) -> None:
    config = InterveneConfig(warm_up_steps=0, shares=TwinShares(kept_other=0.2, both=0.3, null=0.2))
    torch.nn.init.normal_(dict(network.intervention.named_parameters())["early.0.leave.weight"], std=0.1)
    trainer = TwinTrainer(network, squares, load_dictionary(), config)
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)

    losses = trainer.losses(np.arange(12), rng, generator, step=1)
    sum(losses.values(), start=torch.zeros(())).backward()

    for part in (network.presence, network.intervention):
        without = [name for name, parameter in part.named_parameters() if parameter.grad is None]
        assert without == []


def test_gradients_of_the_joint_stage_reach_all_that_it_trains(squares: Squares, network: CausalSegNetwork) -> None:
    config = JointConfig(shares=TwinShares(kept_other=0.2, both=0.3, null=0.2))
    freeze_beginning(network)
    trainer = JointTrainer(network, squares, load_dictionary(), config)

    losses = trainer.losses(np.arange(12), np.random.default_rng(0), torch.Generator().manual_seed(0), step=0)
    sum(losses.values(), start=torch.zeros(())).backward()

    assert [name for name, p in network.named_parameters() if p.requires_grad and p.grad is None] == []


def test_a_rival_sees_the_same_scans_and_has_no_causal_core(squares: Squares, network: CausalSegNetwork) -> None:
    freeze_beginning(network)
    seen: dict[str, list[torch.Tensor]] = {}
    trainers = {
        "joint": JointTrainer(network, squares, load_dictionary(), JointConfig()),
        "augmented": RivalTrainer("augmented", network, squares, load_dictionary(), JointConfig()),
        "plain": RivalTrainer("plain", network, squares, load_dictionary(), JointConfig()),
    }
    for name, trainer in trainers.items():
        with torch.no_grad():
            batch = trainer.draw(np.arange(8), np.random.default_rng(0), torch.Generator().manual_seed(0))
        seen[name] = [batch.inputs, batch.goals, batch.answers]
    for name in ("augmented", "plain"):
        for mine, theirs in zip(seen[name], seen["joint"], strict=True):
            torch.testing.assert_close(mine, theirs, rtol=0, atol=0)

    drawn = (np.arange(8), np.random.default_rng(0), torch.Generator().manual_seed(0))
    assert "confounded_mask" not in trainers["plain"].losses(*drawn, step=0)
    losses = trainers["augmented"].losses(*drawn, step=0)
    sum(losses.values(), start=torch.zeros(())).backward()
    assert all(p.grad is None for part in (network.presence, network.intervention) for p in part.parameters())
