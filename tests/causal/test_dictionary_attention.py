"""MCDRL's two steps: exactly alpha of the positions are kept, and only they change."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from causalseg.causal.dictionary_attention import DictionaryAttention, gather_positions, keep_top, put_positions
from causalseg.causal.mcdrl_dictionary import SIZE, load_scan_dictionaries
from causalseg.scan import MODALITIES
from training.data.descriptions import SYNONYMS


@given(height=st.integers(1, 12), width=st.integers(1, 12), share=st.floats(0.01, 1.0), seed=st.integers(0, 9))
def test_exactly_the_top_share_is_kept(height: int, width: int, share: float, seed: int) -> None:
    similarity = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(seed))

    kept = keep_top(similarity, share)

    assert kept.shape == (2, max(1, round(share * height * width)))
    best = similarity.amax(1).flatten(1)
    for row, indices in zip(best, kept, strict=True):
        assert len(set(indices.tolist())) == len(indices)
        dropped = torch.ones(len(row), dtype=torch.bool).index_fill(0, indices, False)
        assert not dropped.any() or row[indices].min() >= row[dropped].max()


def test_kept_positions_go_back_to_where_they_came_from() -> None:
    dense = torch.randn(2, 5, 3, 4)
    kept = torch.stack([torch.randperm(12)[:4] for _ in range(2)])

    there_and_back = put_positions(dense, kept, gather_positions(dense, kept))
    emptied = put_positions(dense, kept, torch.zeros(2, 4, 5))

    assert torch.equal(there_and_back, dense)
    assert int((emptied == 0).all(1).sum()) == 8
    assert torch.equal(emptied[(emptied != 0)], dense[emptied != 0])


def test_attention_depends_on_the_dictionary_and_not_on_its_order() -> None:
    torch.manual_seed(0)
    attention = DictionaryAttention(16).double()
    positions, dictionary = torch.randn(1, 5, 16, dtype=torch.float64), torch.randn(12, 16, dtype=torch.float64)

    attended = attention(positions, dictionary)

    torch.testing.assert_close(attention(positions, dictionary.flip(0)), attended)
    assert not torch.allclose(attention(positions, -dictionary), attended)


def test_the_published_size_of_a_layer() -> None:
    """Published: 12.4, 24.9 and 37.5 million parameters for 1, 3 and 5 layers, so 6.3 million a layer."""
    counts = {n: sum(p.numel() for p in DictionaryAttention(1024, n).parameters()) for n in (1, 3, 5)}

    assert counts[3] - counts[1] == pytest.approx(24.9e6 - 12.4e6, rel=0.02)
    assert counts[5] - counts[3] == pytest.approx(37.5e6 - 24.9e6, rel=0.02)


def test_every_modality_has_twelve_confounders_in_five_groups() -> None:
    entries = load_scan_dictionaries()

    assert {entry.modality for entry in entries} == {*MODALITIES}
    assert all(len(entry.confounders) == SIZE and len(entry.groups) == 5 for entry in entries)
    assert {target for entry in entries for target in entry.classes} >= {*SYNONYMS}


def test_texts_follow_the_papers_pattern() -> None:
    (endoscopy,) = load_scan_dictionaries("endoscopy")

    assert endoscopy.class_texts()[0] == "A polyp in an endoscopic image"
    assert endoscopy.confounder_texts()[0] == "An endoscopy image with blur"
    assert endoscopy.class_texts_with_confounders("polyp")[0] == "A polyp in an endoscopy image with blur"


def test_an_unknown_dictionary_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'sonar'; known are .*endoscopy"):
        load_scan_dictionaries("sonar")
