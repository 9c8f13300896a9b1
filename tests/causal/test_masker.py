"""The causal masker: soft, of the feature's own shape, and its two parts add up to the feature."""

import torch

from causalseg.causal.masker import CausalMasker, take_apart


def test_a_mask_is_soft_and_has_the_features_shape() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 8, 4, 6)

    mask = CausalMasker(8)(features)

    assert mask.shape == features.shape
    assert 0 < float(mask.detach().min()) < float(mask.detach().max()) < 1


def test_a_mask_may_differ_between_places_that_look_alike() -> None:
    torch.manual_seed(0)
    masker = CausalMasker(4).eval()

    mask = masker(torch.ones(1, 4, 8, 8)).detach()

    assert mask[0, :, 4, 4].ne(mask[0, :, 4, 5]).any()


def test_causal_and_confounding_part_add_up_to_the_feature() -> None:
    features, mask = torch.randn(2, 3, 4, 4, dtype=torch.float64), torch.rand(2, 3, 4, 4, dtype=torch.float64)

    parts = take_apart(features, mask)

    torch.testing.assert_close(parts.causal + parts.confounding, features)
    torch.testing.assert_close(parts.causal, features * mask)


def test_held_at_one_both_parts_are_the_whole_feature() -> None:
    features = torch.randn(1, 3, 4, 4)

    assert all(torch.equal(part, features) for part in take_apart(features, None))
