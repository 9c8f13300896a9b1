"""The stages observe, restore and detect: what each learns, what stays, and that a batch is learnt."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode

from causalseg.causal.dictionary import Confounder, load_dictionary
from causalseg.checkpoints import kept_state
from causalseg.models.build import Architecture
from causalseg.models.network import CausalSegNetwork
from causalseg.models.preprocess import to_network
from causalseg.models.towers import TextCode
from training.data import Squares
from training.data.carried import Carried
from training.data.twins import TwinShares
from training.loop import Trainer, learn, let_learn
from training.losses import dice_score, mask_loss
from training.resume import load_average
from training.runs import fresh_network
from training.stages.detect import DetectSettings, DetectTrainer
from training.stages.observe import ObserveSettings, ObserveTrainer
from training.stages.restore import RestoreSettings, RestoreTrainer, RestoreWeights

GOES_ON = {
    "image_tower": 1e-3, "image_tower.stages.0": 0.0, "image_tower.stages.1": 0.0, "neck": 1e-3, "decoder": 1e-3,
}  # fmt: skip
SHARES = TwinShares(kept_other=0.2, both=0.3, null=0.2)


def fresh() -> CausalSegNetwork:
    return fresh_network(Architecture(channels=32, code_width=16, input_side_px=64))


def unlabelled(squares: Squares, dictionary: Sequence[Confounder]) -> Carried:
    return Carried.of(squares.rows, dictionary, [{} for _ in squares.rows])


def observe(squares: Squares, network: CausalSegNetwork | None = None, **settings: Any) -> ObserveTrainer:
    return ObserveTrainer(network or fresh(), squares, ObserveSettings(epochs=1, batch_size=8, **settings))


def restore(squares: Squares, network: CausalSegNetwork | None = None, **settings: Any) -> RestoreTrainer:
    given = {"epochs": 1, "batch_size": 8, "cut_px": 32, "shares": SHARES} | settings
    carried = unlabelled(squares, load_dictionary())
    return RestoreTrainer(network or fresh(), squares, RestoreSettings.model_validate(given), carried)


def detect(squares: Squares, network: CausalSegNetwork | None = None, **settings: Any) -> DetectTrainer:
    given = {"epochs": 1, "batch_size": 8, "shares": SHARES} | settings
    carried = unlabelled(squares, load_dictionary())
    return DetectTrainer(network or fresh(), squares, DetectSettings.model_validate(given), carried)


STAGES = [observe, restore, detect]


def drawn(trainer: Trainer[Any], rows: int = 8) -> dict[str, torch.Tensor]:
    return trainer.losses(np.arange(rows), np.random.default_rng(0), torch.Generator().manual_seed(0), 0)


def moved_by(trainer: Trainer[Any], run_dir: Path) -> set[str]:
    """Names of the weights that a stage moves."""
    before = {name: value.clone() for name, value in kept_state(trainer.network).items()}
    learn(trainer, run_dir)
    return {name for name, value in kept_state(trainer.network).items() if not torch.equal(value, before[name])}


def parts(moved: set[str]) -> set[str]:
    return {name.split(".")[0] for name in moved}


@pytest.mark.parametrize("make", STAGES)
def test_a_stage_that_was_stopped_goes_on(make: Callable[..., Any], squares: Squares, tmp_path: Path) -> None:
    """What is compared, and that it would show a fault: see test_loop."""
    trainer = make(squares)
    trainer.settings = trainer.settings.model_copy(update={"epochs": 2})

    class Stop(Exception):
        pass

    def stopping(*arguments: Any) -> Any:
        if arguments[-1] >= 2:
            raise Stop
        return type(trainer).losses(trainer, *arguments)

    trainer.losses = stopping
    with pytest.raises(Stop):
        learn(trainer, tmp_path / "stopped")
    resumed, straight = make(squares), make(squares)
    for one, folder in ((resumed, "stopped"), (straight, "straight")):
        one.settings = trainer.settings
        learn(one, tmp_path / folder)

    assert apart(resumed.network, straight.network) < 0.1 * apart(fresh(), straight.network)


def apart(one: CausalSegNetwork, other: CausalSegNetwork) -> float:
    """Length of the difference of two networks' weights: bfloat16 makes little of much in single weights."""
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return float(torch.stack([(a - b).detach().square().sum() for a, b in pairs]).sum().sqrt())


def test_observe_from_imagenet_leaves_the_stem_and_learns_batch_statistics(squares: Squares, tmp_path: Path) -> None:
    moved = moved_by(observe(squares), tmp_path)

    assert parts(moved) == {"image_tower", "neck", "decoder"}
    assert not [name for name in moved if name.startswith(("image_tower.stages.0", "image_tower.stages.1.0"))]
    assert [name for name in moved if "running" in name]


def test_observing_on_keeps_batch_statistics_the_beginning_and_the_causal_core(
    squares: Squares, tmp_path: Path
) -> None:
    moved = moved_by(observe(squares, rates=GOES_ON, batch_norm="keep", confounded_share=1.0), tmp_path)

    kept = ("image_tower.stages.0", "image_tower.stages.1", "presence", "restorer", "intervention")
    assert not [name for name in moved if name.startswith(kept) or "running" in name]
    assert parts(moved) == {"image_tower", "neck", "decoder"}


def test_average_of_a_run_is_what_the_run_left_in_the_network(squares: Squares, tmp_path: Path) -> None:
    trainer = observe(squares)
    learn(trainer, tmp_path)
    loaded = fresh()

    assert load_average(tmp_path, loaded) == 1
    for name, value in kept_state(trainer.network).items():
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


@pytest.mark.parametrize("make", [restore, detect])
def test_gradients_reach_all_that_learns(make: Callable[..., Any], squares: Squares) -> None:
    trainer = make(squares)
    let_learn(trainer.network, trainer.settings)

    sum(drawn(trainer, 12).values(), start=torch.zeros(())).backward()

    assert [name for name, p in trainer.network.named_parameters() if p.requires_grad and p.grad is None] == []


def test_the_restorer_may_be_drawn_to_the_towers_features_too(squares: Squares) -> None:
    losses = drawn(restore(squares, losses=RestoreWeights(feature=0.5)))

    assert losses.keys() == {"picture", "feature"}
    assert all(bool(value.isfinite()) for value in losses.values())


def test_pictures_smaller_than_a_part_are_seen_whole(squares: Squares) -> None:
    trainer = restore(squares, cut_px=128, whole_share=0.0)
    pairs = trainer.draw(np.arange(4), np.random.default_rng(0), torch.Generator().manual_seed(0))

    assert pairs.inputs.shape == pairs.goals.shape == (4, 3, 64, 64)


def test_the_rivals_see_the_same_scans_and_touch_no_causal_core(squares: Squares) -> None:
    plain, augmented = observe(squares, rates=GOES_ON), observe(squares, rates=GOES_ON, confounded_share=1.0)
    for one in (plain, augmented):
        let_learn(one.network, one.settings)
    losses = drawn(augmented)

    assert {name for name in losses if name not in drawn(plain)} == {"confounded_mask", "confounded_presence"}
    for name, value in drawn(plain).items():
        torch.testing.assert_close(losses[name], value)
    sum(losses.values(), start=torch.zeros(())).backward()
    core = (augmented.network.presence, augmented.network.restorer, augmented.network.intervention)
    assert all(p.grad is None for part in core for p in part.parameters())


class EveryTensorIsPlaced(TorchFunctionMode):
    """Fails where a tensor is made on the default device, or comes from numpy and is used before it is moved."""

    MAKERS = (torch.tensor, torch.zeros, torch.ones, torch.full, torch.arange, torch.rand, torch.randn, torch.empty)

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.unplaced: list[torch.Tensor] = []
        made = torch.from_numpy
        monkeypatch.setattr(torch, "from_numpy", lambda array: self._note(made(array)))

    def _note(self, tensor: torch.Tensor) -> torch.Tensor:
        self.unplaced.append(tensor)
        return tensor

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        ours = str(sys._getframe(1).f_globals.get("__name__")).startswith(("causalseg", "training", "tests"))
        named = given.get("device") is not None or func not in self.MAKERS
        assert named or not ours, f"{func.__name__} without a device"  # MONAI makes a list of axes so
        from_numpy = [one for one in args if any(one is other for other in self.unplaced)]
        if from_numpy and func is torch.Tensor.to:
            self.unplaced = [one for one in self.unplaced if one is not args[0]]
        is_reading = getattr(func, "__name__", "") == "__get__"  # its shape, its type
        assert not from_numpy or is_reading or func is torch.Tensor.to, f"{func} of a tensor that was not moved"
        return func(*args, **given)


@pytest.mark.parametrize("make", STAGES)
def test_losses_make_no_tensor_on_a_device_of_their_own(
    make: Callable[..., Any], squares: Squares, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a stage draws is made on the CPU and moved; all that follows is where the network is."""
    chosen, rng, generator = np.arange(8), np.random.default_rng(0), torch.Generator().manual_seed(0)
    trainer = make(squares, confounded_share=1.0) if make is observe else make(squares)
    drawing = trainer.questions if make is observe else trainer
    drawn_before = drawing.draw(
        chosen, rng, generator, **({"light": 1.0, "relit_share": 1.0} if make is observe else {})
    )
    monkeypatch.setattr(drawing, "draw", lambda *a, **k: drawn_before)
    if make is observe:
        read = trainer.network.text_tower(["polyp"])
        monkeypatch.setattr(trainer.questions.texts, "encode", lambda texts: _repeated(read, len(texts)))

    with EveryTensorIsPlaced(monkeypatch):
        losses = trainer.losses(chosen, rng, generator, 10)

    assert all(bool(value.isfinite()) for value in losses.values())


def _repeated(code: TextCode, count: int) -> TextCode:
    return TextCode(code.words.repeat(count, 1, 1), code.is_word.repeat(count, 1), code.sentence.repeat(count, 1))


def test_that_mode_sees_what_is_not_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="zeros without a device"), EveryTensorIsPlaced(monkeypatch):
        torch.zeros(1)
    monkeypatch.undo()
    with EveryTensorIsPlaced(monkeypatch):
        made = torch.from_numpy(np.ones(2))
        with pytest.raises(AssertionError, match="not moved"):
            made.sum()
        assert float(made.to("cpu").sum()) == 2


@pytest.mark.parametrize(
    ("make", "settings"), [(RestoreTrainer, RestoreSettings(cut_px=32)), (DetectTrainer, DetectSettings())]
)
def test_a_dictionary_of_ones_own_is_learnt_from(make: Any, settings: Any, squares: Squares) -> None:
    few = [entry for entry in load_dictionary() if entry.id != "motion_blur"]
    trainer = make(fresh(), squares, settings, unlabelled(squares, few), None, few)

    assert all(bool(value.isfinite()) for value in drawn(trainer).values())
    assert len(trainer.prompts.mean) == len(few)
