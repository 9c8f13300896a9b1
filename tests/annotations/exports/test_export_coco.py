import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from causalseg.annotations.exports.coco import Label, masks_to_coco, picture_name
from tests.annotations.exports.reading_back import load_coco

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""pycocotools 2.0.11 decodes in the words of numpy 1."""

sizes = st.tuples(st.integers(1, 20), st.integers(1, 20))
scans = st.sampled_from(["a" * 64, "b" * 64])
words = st.sampled_from(["polyp", "left lung", "Läsion"])


@st.composite
def labels(draw: st.DrawFn) -> list[Label]:
    hw = {sha256: draw(sizes) for sha256 in ("a" * 64, "b" * 64)}
    keys = draw(st.lists(st.tuples(scans, st.integers(0, 3), words), unique=True, max_size=8))
    return [
        Label(picture_name(sha256, index), description, draw(hnp.arrays(bool, hw[sha256])))
        for sha256, index, description in keys
    ]


@given(labels=labels())
def test_masks_sizes_and_words_come_back(labels: list[Label]) -> None:
    coco = load_coco(masks_to_coco(labels))

    by_name = {image["file_name"]: image for image in coco.loadImgs(coco.getImgIds())}
    assert set(by_name) == {label.picture for label in labels}
    for label in labels:
        image = by_name[label.picture]
        assert (image["height"], image["width"]) == label.mask.shape
        (category,) = coco.getCatIds(catNms=[label.description])
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]], catIds=[category]))
        if not label.mask.any():
            assert annotations == []
            continue
        (annotation,) = annotations
        np.testing.assert_array_equal(coco.annToMask(annotation), label.mask)
        rows, columns = np.nonzero(label.mask)
        left, top = int(columns.min()), int(rows.min())
        box = [left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1]
        assert (annotation["area"], annotation["bbox"]) == (int(label.mask.sum()), box)


@given(labels=labels())
def test_ids_are_unique_and_all_references_hold(labels: list[Label]) -> None:
    file = json.loads(masks_to_coco(labels))

    for kind in ("images", "categories", "annotations"):
        ids = [item["id"] for item in file[kind]]
        assert ids == list(range(1, len(ids) + 1))
    for annotation in file["annotations"]:
        assert annotation["image_id"] <= len(file["images"])
        assert annotation["category_id"] <= len(file["categories"])


def test_two_masks_of_one_picture_are_two_annotations() -> None:
    polyp, fold = (Label("a.png", words, np.eye(4, dtype=bool)) for words in ("polyp", "fold"))

    coco = load_coco(masks_to_coco([polyp, fold]))

    assert (len(coco.imgs), len(coco.anns)) == (1, 2)


def test_two_sizes_of_one_picture_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="one size"):
        masks_to_coco([Label("a.png", "polyp", np.ones((2, n), dtype=bool)) for n in (2, 3)])


def test_cocoeval_gives_a_perfect_score_to_the_masks_themselves(tmp_path: Path) -> None:
    from pycocotools.cocoeval import COCOeval

    mask = np.zeros((40, 50), dtype=bool)
    mask[5:20, 10:30] = True
    truth = load_coco(masks_to_coco([Label("a.png", "polyp", mask)]))
    path = tmp_path / "results.json"
    path.write_text(json.dumps([{**annotation, "score": 1.0} for annotation in truth.dataset["annotations"]]))
    found = truth.loadRes(str(path))

    score = COCOeval(truth, found, "segm")
    score.evaluate()
    score.accumulate()
    score.summarize()

    assert score.stats[0] == pytest.approx(1)
