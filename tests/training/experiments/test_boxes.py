"""What refining gains is scored beside the mask that it starts from."""

from pathlib import Path

import numpy as np

from causalseg.engine import Engine
from training.data import read_index
from training.evaluate.report import write_report
from training.evaluate.scans import evaluation_rows
from training.experiments.boxes import HAND, boxes_table, by_a_hand


def test_each_set_has_its_gain_over_the_adjusted_mask(data_dir: Path, tmp_path: Path) -> None:
    groups = evaluation_rows(read_index(data_dir))
    table = boxes_table(Engine.load("causalseg-lite"), {name: groups[name] for name in ("kvasir", "isic")}, 1)
    assert list(table) == ["kvasir", "isic"]
    for row in table.values():
        gain = row["refined in its own box"].mean - row["adjusted mask"].mean
        np.testing.assert_allclose(row["gain"].mean, gain, atol=1e-9)
        assert row["scans"] == 1 and row["seconds, median"] > 0 and row["refined in a hand's box"].mean > 0.8
    assert "| kvasir |" in write_report("boxes", {"boxes": table}, {}, tmp_path).read_text(encoding="utf-8")


def test_a_hand_misses_each_side_by_a_tenth_at_most() -> None:
    truth = np.zeros((200, 300), bool)
    truth[50:150, 100:200] = True
    ys, xs = np.nonzero(by_a_hand(truth, np.random.default_rng(3)))
    edges = np.array([ys.min(), ys.max() + 1, xs.min(), xs.max() + 1])
    off = abs(edges - [50, 150, 100, 200])
    assert off.max() <= 100 * HAND and off.any()
