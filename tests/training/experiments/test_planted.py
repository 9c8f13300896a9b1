"""The planted shortcut: where marks stand, who may learn what, and how the worst test is scored."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Bool

from causalseg.checkpoints import kept_state
from causalseg.models.build import Architecture
from causalseg.models.preprocess import to_network
from tests.same import assert_same_weights
from training.__main__ import main
from training.data import Squares, load_squares, read_index
from training.experiments.planted.cli import TARGETS, experiment
from training.experiments.planted.learn import (
    DESCRIPTION,
    EraseTrainer,
    PlantedConfig,
    Views,
    answer_under_do,
    caliper_code,
    fresh_network,
    train_erase,
    whole_removal,
    with_misplaced,
)
from training.experiments.planted.marks import Planted, draw_calipers, lesion_ends, misplaced_ends, plant
from training.experiments.planted.score import TESTS, gains_table, make_tests, own_masks, score_tests, scores_table

SMALL = PlantedConfig(
    architecture=Architecture(channels=32, code_width=16, input_side_px=64),
    passes=3,
    start_passes=1,
    batch_size=4,
)


@pytest.fixture(scope="module")
def tumours(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Squares:
    """Four made-up tumours, twice each, so that a batch is whole."""
    rows = [row for row in read_index(data_dir) if row.target in TARGETS]
    return load_squares([*rows, *rows], 64, tmp_path_factory.mktemp("cache"))


@pytest.fixture
def planted(tumours: Squares) -> Planted:
    return plant(tumours, 0.5, seed=1)


def disc(x: int, y: int, radius: int, side: int = 128) -> Bool[np.ndarray, "side side"]:
    yy, xx = np.mgrid[:side, :side]
    return (xx - x) ** 2 + (yy - y) ** 2 <= radius**2


def test_calipers_stand_at_the_four_ends_of_a_lesion() -> None:
    mask = disc(50, 70, 20)

    ends = np.array(lesion_ends(mask)) * 128

    np.testing.assert_allclose(ends, [(30.5, 70.5), (70.5, 70.5), (50.5, 50.5), (50.5, 90.5)], atol=0.01)
    marked = draw_calipers(np.zeros((128, 128, 3), np.uint8), lesion_ends(mask), np.random.default_rng(0))
    for x, y in ends:
        assert marked.region[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3].any()


def test_an_empty_mask_has_no_ends() -> None:
    with pytest.raises(ValueError, match="empty"):
        lesion_ends(np.zeros((64, 64), bool))


@pytest.mark.parametrize("seed", range(8))
def test_misplaced_calipers_keep_their_size_and_leave_the_lesion(seed: int) -> None:
    mask = disc(60, 60, 12)

    ends = np.array(misplaced_ends(mask, np.random.default_rng(seed))) * 128

    x, y = (ends.min(0) + ends.max(0)) / 2
    assert np.hypot(x - 60, y - 60) > 12
    assert np.ptp(ends, axis=0).max() <= np.ptp(np.array(lesion_ends(mask)) * 128, axis=0).max() + 1e-6


def test_marks_are_planted_in_the_same_scans_for_a_seed_and_nowhere_else(tumours: Squares) -> None:
    before = np.array(tumours.images_u8)

    one, again, other = plant(tumours, 0.5, seed=1), plant(tumours, 0.5, seed=1), plant(tumours, 0.5, seed=2)

    np.testing.assert_array_equal(one.squares.images_u8, again.squares.images_u8)
    assert not np.array_equal(one.squares.images_u8, other.squares.images_u8)
    assert one.is_marked.any() and not one.is_marked.all()
    changed = (one.squares.images_u8 != before).any((1, 2, 3))
    np.testing.assert_array_equal(changed, one.is_marked)
    np.testing.assert_array_equal(tumours.images_u8, before)


def test_the_three_tests_share_scans_and_looks(tumours: Squares) -> None:
    tests = make_tests(tumours, seed=3)

    assert tuple(tests) == TESTS
    np.testing.assert_array_equal(tests["absent"], tumours.images_u8)
    for name in ("aligned", "misleading"):
        assert (tests[name] != tumours.images_u8).any((1, 2, 3)).all()
    assert (tests["aligned"] != tests["misleading"]).any((1, 2, 3)).all()


def test_misplaced_calipers_are_drawn_in_their_share(tumours: Squares) -> None:
    views = Views(np.array(tumours.images_u8), np.array(tumours.masks) > 0)

    for share, drawn in ((0.0, False), (1.0, True)):
        images = with_misplaced(views, share, np.random.default_rng(0))
        assert ((images != views.images_u8).any((1, 2, 3)) == drawn).all()


def test_twins_come_only_from_scans_without_the_mark(
    planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[np.ndarray] = []

    def keep(trainer: EraseTrainer, run_dir: Path) -> None:
        seen.append(trainer.draw_epoch(np.random.default_rng(0)))

    monkeypatch.setattr("training.experiments.planted.learn.learn", keep)

    train_erase(fresh_network(SMALL), planted, SMALL, tmp_path / "erase")

    assert len(seen[0]) == len(planted.is_marked)
    assert not planted.is_marked[seen[0]].any()


def test_erasing_teaches_the_restorer_alone(planted: Planted, tmp_path: Path) -> None:
    network = fresh_network(SMALL)
    before = {key: value.clone() for key, value in kept_state(network).items()}

    train_erase(network, planted, SMALL, tmp_path / "erase")

    moved = {key for key, value in kept_state(network).items() if not torch.equal(value, before[key])}
    assert moved and all(key.startswith("restorer.") for key in moved)


def test_the_observed_tower_reads_the_restored_picture(tumours: Squares) -> None:
    network = fresh_network(SMALL).eval()
    images = to_network(torch.from_numpy(np.array(tumours.images_u8[:2])))
    text, removal = network.text_tower([DESCRIPTION] * 2), whole_removal(caliper_code(network), 2)

    with torch.no_grad():
        removed = answer_under_do(network, images, removal, text)
        read = network.answer(network.restored(images, removal), text).mask_logits

    torch.testing.assert_close(removed, read, rtol=0, atol=1e-5)


def test_the_worst_test_the_gap_and_paired_gains_are_those_of_the_means() -> None:
    leaning, steady = np.tile([0.9, 0.7, 0.4], (20, 1)), np.tile([0.75, 0.76, 0.74], (20, 1))
    patients = [str(i) for i in range(20)]

    table = scores_table({"leaning": leaning, "steady": steady}, patients)
    gains = gains_table({"leaning": leaning, "steady": steady}, patients, [("steady", "leaning")])

    assert table["leaning"]["worst"].mean == pytest.approx(0.4)
    assert table["leaning"]["gap"].mean == pytest.approx(0.5)
    gain = gains["steady over leaning"]["worst"]
    assert (gain.mean, gain.low, gain.high) == pytest.approx((0.34, 0.34, 0.34))
    assert gains["steady over leaning"]["aligned"].mean == pytest.approx(-0.15)


def test_intervals_resample_patients_and_not_scans() -> None:
    scores = np.repeat(np.random.default_rng(0).random((8, 3)), 6, axis=0)
    together, apart = [str(i // 6) for i in range(48)], [str(i) for i in range(48)]

    wide, narrow = (scores_table({"one": scores}, names)["one"]["absent"] for names in (together, apart))

    assert wide.mean == pytest.approx(narrow.mean) == pytest.approx(scores[:, 1].mean())
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_a_perfect_answer_scores_one_at_the_scans_own_size(tumours: Squares) -> None:
    tests, masks = make_tests(tumours, seed=0), own_masks(tumours)
    truth = torch.from_numpy(np.array(tumours.masks))[:, None].float() * 20 - 10

    scores = score_tests(lambda images: truth[: len(images)], tests, masks)

    assert scores.shape == (len(masks), 3)
    assert scores.min() > 0.9
    assert score_tests(lambda images: -truth[: len(images)], tests, masks).max() < 0.1


def test_the_experiment_gives_every_model_and_resumes_to_the_same_numbers(
    planted: Planted, tumours: Squares, tmp_path: Path
) -> None:
    tables = experiment(planted, tumours, SMALL, tmp_path)

    again = experiment(planted, tumours, replace(SMALL), tmp_path)

    assert list(tables["planted"]) == ["plain", "augmented", "causalseg, observed", "causalseg, calipers removed"]
    assert tables["planted"]["plain"]["passes"] == "1 + 2"
    assert tables["planted"]["causalseg, calipers removed"]["passes"] == "1 plain + 2 erase"
    assert tables == again


def test_data_without_tumours_is_refused_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = "set,split,role,site,modality,target,patient,image,mask,text"
    (tmp_path / "index.csv").write_text(f"{columns}\nkvasir,train,source,x,endoscopy,polyp,1,a.png,b.png,\n")

    code = main(["planted", "--data", str(tmp_path), "--run", str(tmp_path / "run"), "--cache", str(tmp_path / "c")])

    assert code == 2
    assert "no tumour scans of busi" in capsys.readouterr().err


def test_a_stopped_erasing_ends_where_a_straight_one_does(
    planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(SMALL, passes=4, average_decay=0.5)
    straight, resumed = fresh_network(config), fresh_network(config)
    train_erase(straight, planted, config, tmp_path / "straight" / "erase")
    monkeypatch.setattr("training.loop.save_progress", _save_then_stop)
    with pytest.raises(KeyboardInterrupt):
        train_erase(fresh_network(config), planted, config, tmp_path / "stopped" / "erase")
    monkeypatch.undo()

    train_erase(resumed, planted, config, tmp_path / "stopped" / "erase")

    assert_same_weights(kept_state(straight), kept_state(resumed), start=kept_state(fresh_network(config)))


def _save_then_stop(*arguments: object) -> None:
    from training.resume import save_progress

    save_progress(*arguments)  # pyright: ignore[reportArgumentType]
    raise KeyboardInterrupt
