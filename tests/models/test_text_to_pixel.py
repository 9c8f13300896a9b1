"""The decoder on random weights: shapes, independence of the batch, and that the text matters."""

import torch

from causalseg.models.text_to_pixel import TextToPixel
from causalseg.models.towers import TextCode


def code(*lengths: int, width: int = 12) -> TextCode:
    generator = torch.Generator().manual_seed(1)
    words = torch.randn(len(lengths), max(lengths), width, generator=generator)
    is_word = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    sentence = torch.nn.functional.normalize(torch.randn(len(lengths), width, generator=generator), dim=1)
    return TextCode(words, is_word, sentence)


def pyramid(batch: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    return [torch.randn(batch, 16, 32 // 2**i, 32 // 2**i, generator=generator) for i in range(4)]


def decoder() -> TextToPixel:
    """One whose word reader has left its start, where it does nothing."""
    torch.manual_seed(0)
    model = TextToPixel(16, 12, kernel_channels=8).eval()
    for name, parameter in model.reader.named_parameters():
        if name.startswith(("correction", "slope", "prior")) and name.endswith("weight"):
            torch.nn.init.normal_(parameter, std=0.1)
    return model


def test_shapes() -> None:
    decoded = decoder()(pyramid(3), code(4, 2, 6))
    assert decoded.mask_logits.shape == (3, 1, 32, 32)
    assert decoded.presence_logits.shape == (3,)
    assert decoded.patch_codes.shape == (3, 12, 8, 8)
    torch.testing.assert_close(decoded.patch_codes.norm(dim=1), torch.ones(3, 8, 8))


def test_presence_alone_is_the_presence_of_the_whole_answer() -> None:
    model, levels, text = decoder(), pyramid(3), code(4, 2, 6)

    torch.testing.assert_close(model.presence_logits(levels, text), model(levels, text).presence_logits)


def test_each_scan_is_answered_by_its_own_text_alone() -> None:
    model, levels, text = decoder(), pyramid(2), code(3, 3)

    together = model(levels, text)
    alone = model([level[1:] for level in levels], text[torch.tensor([1])])

    torch.testing.assert_close(together.mask_logits[1:], alone.mask_logits, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together.presence_logits[1:], alone.presence_logits, atol=1e-5, rtol=1e-4)


def test_padding_words_are_not_read() -> None:
    model, levels, text = decoder(), pyramid(1), code(3)
    padded = TextCode(
        torch.cat([text.words, torch.full((1, 4, 12), 9.0)], 1),
        torch.cat([text.is_word, torch.zeros(1, 4, dtype=torch.bool)], 1),
        text.sentence,
    )
    torch.testing.assert_close(model(levels, padded).mask_logits, model(levels, text).mask_logits, atol=1e-5, rtol=1e-4)


def test_words_and_sentence_both_reach_the_mask() -> None:
    model, levels, text = decoder(), pyramid(1), code(3)
    plain = model(levels, text).mask_logits
    other_words = model(levels, TextCode(text.words * 30, text.is_word, text.sentence)).mask_logits
    other_sentence = model(levels, TextCode(text.words, text.is_word, -text.sentence)).mask_logits
    assert (plain - other_words).abs().max() > 1e-4
    assert (plain - other_sentence).abs().max() > 1e-4


def test_a_word_reader_at_its_start_changes_nothing() -> None:
    torch.manual_seed(0)
    model, levels, text = TextToPixel(16, 12, kernel_channels=8).eval(), pyramid(1), code(3)
    before = model(levels, text).mask_logits
    torch.nn.init.normal_(model.reader.value.weight)
    torch.testing.assert_close(model(levels, text).mask_logits, before)


def test_a_place_prior_tilts_the_answer_along_the_picture() -> None:
    model, levels, text = decoder(), pyramid(1), code(3)
    before = model(levels, text).mask_logits
    with torch.no_grad():
        model.reader.prior.bias[0] += 2.0  # the term x

    tilt = (model(levels, text).mask_logits - before)[0, 0]

    torch.testing.assert_close(tilt, torch.linspace(-2, 2, 32).expand(32, 32), atol=1e-4, rtol=1e-4)
