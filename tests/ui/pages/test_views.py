"""Pictures of labels: what is painted where."""

import re
from xml.etree import ElementTree

import numpy as np

from causalseg.ui import pictures
from causalseg.ui.train import loss_curve
from causalseg.ui.train.process import Point

SIDE_PX = pictures.REVIEW_SIDE_PX
IMAGE_U8 = np.full((SIDE_PX, SIDE_PX, 3), 90, np.uint8)


def block(first: int, last: int) -> np.ndarray:
    mask = np.zeros((SIDE_PX, SIDE_PX), bool)
    mask[first:last, first:last] = True
    return mask


def test_a_label_covers_its_pixels_and_no_others() -> None:
    mask = block(40, 90)

    drawn = pictures.labelled(IMAGE_U8, mask)

    np.testing.assert_array_equal((drawn != IMAGE_U8).any(axis=-1), mask)
    assert tuple(drawn[40, 40]) == pictures.TINT_RGB


def test_where_two_labels_differ_each_has_its_colour() -> None:
    first, second = block(40, 90), block(60, 120)

    drawn = pictures.difference(IMAGE_U8, first, second).astype(int)

    only_first, only_second = drawn[45, 45], drawn[110, 110]
    assert np.argmax(only_first) == 0 and np.argmax(only_second) == 2
    np.testing.assert_array_equal(drawn[75, 75], IMAGE_U8[0, 0])


def test_a_curve_has_a_line_a_member_and_rises_with_the_loss() -> None:
    points = [Point(0, 1, 1.0), Point(0, 2, 0.5), Point(1, 1, 0.8)]

    drawn = ElementTree.fromstring(loss_curve.svg(points, "loss", "step"))

    assert drawn.get("aria-label") == "loss"
    paths = {number: drawn.findall(f".//*[@id='member-{number}']/{{*}}path") for number in (0, 1, 2)}
    assert [len(found) for found in paths.values()] == [1, 1, 0]
    (start_x, start_y), (end_x, end_y) = re.findall(r"([\d.]+) ([\d.]+)", paths[0][0].get("d", ""))
    assert float(start_x) < float(end_x) and float(start_y) < float(end_y)  # y grows downward
    assert "currentColor" in ElementTree.tostring(drawn, encoding="unicode")
    assert loss_curve.svg(points[:1], "loss", "step") == ""
