"""The restorer on random weights: what names a set, and what a picture's row may depend on."""

import pytest
import torch

from causalseg.causal.restorer import CONDITION, PictureRestorer

WIDTH = 12
CODES = torch.nn.functional.normalize(torch.arange(3.0 * WIDTH).reshape(3, WIDTH).cos(), dim=1)


@pytest.fixture
def restorer() -> PictureRestorer:
    torch.manual_seed(0)
    return PictureRestorer(WIDTH).eval().requires_grad_(requires_grad=False)


def test_a_sets_code_is_the_sum_of_its_entries_codes(restorer: PictureRestorer) -> None:
    each = restorer.set_codes(CODES, torch.arange(3), 3)

    together = restorer.set_codes(CODES[[0, 2, 1]], torch.tensor([0, 0, 2]), 3)

    torch.testing.assert_close(together[0], each[0] + each[2])
    torch.testing.assert_close(together[2], each[1])
    assert torch.equal(together[1], torch.zeros(CONDITION))


def test_the_origin_of_codes_is_the_mean_of_a_dictionary(restorer: PictureRestorer) -> None:
    before = restorer.set_codes(CODES[:1], torch.tensor([0]), 1)

    restorer.centre_on(CODES)

    torch.testing.assert_close(restorer.centre, CODES.mean(0))
    assert not torch.allclose(restorer.set_codes(CODES[:1], torch.tensor([0]), 1), before)


@pytest.mark.parametrize("hw", [(16, 16), (48, 32)])
def test_a_restored_picture_has_the_pictures_size_and_range(restorer: PictureRestorer, hw: tuple[int, int]) -> None:
    image = torch.rand(2, 3, *hw) * 2 - 1

    restored = restorer(image, restorer.set_codes(CODES[:2], torch.arange(2), 2))

    assert restored.shape == image.shape
    assert -1 <= restored.min() <= restored.max() <= 1
    assert not torch.equal(restored, image)


def test_pictures_of_a_batch_do_not_mix_and_the_set_matters(restorer: PictureRestorer) -> None:
    image = torch.rand(2, 3, 32, 32) * 2 - 1
    codes = restorer.set_codes(CODES[:2], torch.arange(2), 2)

    both = restorer(image, codes)

    torch.testing.assert_close(both[1:], restorer(image[1:], codes[1:]), atol=1e-5, rtol=1e-4)
    assert (both - restorer(image, codes.flip(0))).abs().max() > 1e-4
