import pytest
from pydicom.sr.codedict import codes

from causalseg.annotations.exports.snomed_codes import TERMS, UNKNOWN, term_of

_KNOWN_TO_SNOMED_ONLY = {"41329004"}
"""Polyp (morphologic abnormality): a code of SNOMED CT that DICOM's own value sets do not list."""


@pytest.mark.parametrize(
    ("description", "meaning", "region", "target"),
    [
        ("one small polyp in the upper left", "Polyp", None, "polyp"),
        ("Colorectal  Polyps", "Polyp of colon", "Colon", "polyp"),
        ("malignant breast tumour", "Neoplasm", "Breast", "malignant breast tumour"),
        ("breast tumor", "Neoplasm", "Breast", "breast tumour"),
        ("tumour", "Neoplasm", None, None),
        ("infected lung area", "Inflammation", "Lung", "infected lung area"),
        ("left lung", "Lung", None, "lung"),
        ("a mole", "Lesion", "Skin", "skin lesion"),
        ("pituitary adenoma", "Neoplasm", "Pituitary", "pituitary tumour"),
        ("hepatic vein", "Tissue", None, None),
        ("molehill", "Tissue", None, None),
        ("", "Tissue", None, None),
    ],
)
def test_words_are_coded(description: str, meaning: str, region: str | None, target: str | None) -> None:
    term = term_of(description)

    assert (term.kind.meaning, term.region and term.region.meaning, term.target) == (meaning, region, target)


@pytest.mark.parametrize("term", [*TERMS, UNKNOWN], ids=lambda term: term.words)
def test_codes_mean_what_pydicom_says_they_mean(term: object) -> None:
    known = {code.value: code.meaning for code in (getattr(codes.SCT, name) for name in codes.SCT.dir())}
    categories = {getattr(codes.cid7150, name).value for name in codes.cid7150.dir()}

    assert term.category.code in categories  # pyright: ignore[reportAttributeAccessIssue]
    for concept in (term.category, term.kind, term.region):  # pyright: ignore[reportAttributeAccessIssue]
        if concept is not None and concept.code not in _KNOWN_TO_SNOMED_ONLY:
            assert concept.code in known
