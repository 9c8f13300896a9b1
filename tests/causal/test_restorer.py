"""do(no S) in the picture: what holds by construction; a small one learns to take one mark off and leave another."""

import torch

from causalseg.causal.restorer import PictureRestorer

SIDE_PX, WIDTH = 32, 16


def restorer() -> PictureRestorer:
    torch.manual_seed(0)
    return PictureRestorer(WIDTH).eval()


def code_of(made: PictureRestorer, codes: torch.Tensor, batch: int = 1) -> torch.Tensor:
    """All `codes` removed from the one scan of a batch."""
    return made.set_codes(codes, torch.zeros(len(codes), dtype=torch.long), batch)


def test_the_order_of_a_set_does_not_matter_and_the_set_does() -> None:
    made, codes, image = restorer(), torch.randn(2, WIDTH), torch.rand(1, 3, SIDE_PX, SIDE_PX) * 2 - 1
    both, turned = (made(image, code_of(made, one)) for one in (codes, codes.flip(0)))
    torch.testing.assert_close(both, turned)
    assert not torch.allclose(both, made(image, code_of(made, codes[:1])), atol=1e-4)


def test_a_sets_code_is_the_sum_of_its_entries_codes() -> None:
    made, codes = restorer(), torch.randn(3, WIDTH)
    each = made.set_codes(codes, torch.arange(3), 3)
    together = made.set_codes(codes[[0, 2, 1]], torch.tensor([0, 0, 2]), 3)
    torch.testing.assert_close(together[[0, 2]], torch.stack([each[0] + each[2], each[1]]))
    assert not together[1].any()


def test_pictures_of_a_batch_do_not_mix() -> None:
    made, image = restorer(), torch.rand(2, 3, SIDE_PX, SIDE_PX) * 2 - 1
    codes = made.set_codes(torch.randn(2, WIDTH), torch.arange(2), 2)
    torch.testing.assert_close(made(image, codes)[1:], made(image[1:], codes[1:]), atol=1e-5, rtol=1e-4)


def test_a_restored_picture_is_a_picture() -> None:
    made, image = restorer(), torch.rand(2, 3, SIDE_PX, 2 * SIDE_PX) * 2 - 1
    restored = made(image, made.set_codes(torch.randn(2, WIDTH), torch.arange(2), 2))
    assert restored.shape == image.shape and restored.isfinite().all()


def test_codes_are_read_from_the_dictionarys_middle() -> None:
    """Text codes lie close together: moved by one vector, all say the same as before."""
    made, codes = restorer(), torch.randn(3, WIDTH)
    made.centre_on(codes)
    first = code_of(made, codes[:1])
    made.centre_on(codes + 5)
    torch.testing.assert_close(code_of(made, codes[:1] + 5), first, atol=1e-4, rtol=1e-4)


def test_it_learns_to_take_off_what_is_named_and_leave_the_other() -> None:
    """Two marks, two names: a bright square and a dark stripe, both there, one removed."""
    torch.manual_seed(0)
    made = PictureRestorer(WIDTH)
    codes = torch.eye(2, WIDTH)
    made.centre_on(torch.cat([codes, torch.zeros(2, WIDTH)]))
    optimizer = torch.optim.AdamW(made.parameters(), 1e-3)

    def marked(ground: torch.Tensor, names: tuple[int, ...]) -> torch.Tensor:
        image = ground[:, None, None, None].expand(-1, 3, SIDE_PX, SIDE_PX).clone()
        if 0 in names:
            image[:, :, 4:12, 4:12] = 1
        if 1 in names:
            image[:, :, 20:24] = -1
        return image

    def moved(ground: torch.Tensor, removed: int) -> tuple[torch.Tensor, torch.Tensor]:
        set_code = made.set_codes(codes[[removed] * len(ground)], torch.arange(len(ground)), len(ground))
        return made(marked(ground, (0, 1)), set_code), marked(ground, (1 - removed,))

    for step in range(300):
        restored, goal = moved(torch.rand(4) - 0.5, step % 2)
        optimizer.zero_grad()
        (restored - goal).abs().mean().backward()
        torch.nn.utils.clip_grad_norm_(made.parameters(), 1.0)
        optimizer.step()
    with torch.no_grad():
        for removed in (0, 1):
            restored, goal = moved(torch.tensor([0.1, -0.3]), removed)
            damage = (marked(torch.tensor([0.1, -0.3]), (0, 1)) - goal).abs().mean()
            assert (restored - goal).abs().mean() < 0.5 * damage
