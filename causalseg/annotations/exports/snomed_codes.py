"""Words of a description -> coded terms that other programs know (SNOMED CT, as DICOM's value sets use it).

The category is one of DICOM's CID 7150, the type one of CID 7151 or 7159, or a finding of the colon or skin. What no
row of the table speaks of is "Tissue": that claims nothing. The words themselves always travel beside the code.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Concept:
    """A code of SNOMED CT and what it means."""

    code: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Term:
    """What a mask shows, in codes."""

    words: str
    """A pattern; the first row of the table that is found in the description is taken."""
    category: Concept
    kind: Concept
    region: Concept | None = None
    """Where in the body, where the words say it."""
    target: str | None = None
    """What the data's index calls it, where it has a name there."""


_ABNORMAL = Concept("49755003", "Morphologically Abnormal Structure")
_ANATOMY = Concept("91723000", "Anatomical Structure")
_TISSUE = Concept("85756007", "Tissue")

_NEOPLASM = Concept("108369006", "Neoplasm")
_LESION = Concept("52988006", "Lesion")
_INFLAMMATION = Concept("409774005", "Inflammation")

_BRAIN = Concept("12738006", "Brain")
_BREAST = Concept("76752008", "Breast")
_COLON = Concept("71854001", "Colon")
_LUNG = Concept("39607008", "Lung")
_PITUITARY = Concept("56329008", "Pituitary")
_SKIN = Concept("39937001", "Skin")

UNKNOWN = Term("", _TISSUE, _TISSUE)
"""Where the words are not in the table."""

TERMS: tuple[Term, ...] = (
    Term(r"(colon|colorectal|rectal)\w* polyp", _ABNORMAL, Concept("68496003", "Polyp of colon"), _COLON, "polyp"),
    Term(r"polyp", _ABNORMAL, Concept("41329004", "Polyp"), None, "polyp"),
    Term(r"benign breast (tumou?r|mass)", _ABNORMAL, _NEOPLASM, _BREAST, "benign breast tumour"),
    Term(r"malignant breast (tumou?r|mass)", _ABNORMAL, _NEOPLASM, _BREAST, "malignant breast tumour"),
    Term(r"breast (tumou?r|cancer|neoplasm)", _ABNORMAL, _NEOPLASM, _BREAST, "breast tumour"),
    Term(r"breast mass", _ABNORMAL, Concept("4147007", "Mass"), _BREAST, "breast tumour"),
    Term(r"breast lesion", _ABNORMAL, _LESION, _BREAST, "breast tumour"),
    Term(r"glioma", _ABNORMAL, _NEOPLASM, _BRAIN, "glioma"),
    Term(r"meningioma", _ABNORMAL, _NEOPLASM, None, "meningioma"),
    Term(r"pituitary (tumou?r|adenoma)", _ABNORMAL, _NEOPLASM, _PITUITARY, "pituitary tumour"),
    Term(r"brain (tumou?r|neoplasm)", _ABNORMAL, _NEOPLASM, _BRAIN),
    Term(r"(melano\w+|melanocytic|pigmented|skin) lesion", _ABNORMAL, _LESION, _SKIN, "skin lesion"),
    Term(r"mole|na?evus|na?evi", _ABNORMAL, _LESION, _SKIN, "skin lesion"),
    Term(r"pneumonia|lung infection|infected lung", _ABNORMAL, _INFLAMMATION, _LUNG, "infected lung area"),
    Term(r"lung opacity|lung consolidation", _ABNORMAL, _LESION, _LUNG, "infected lung area"),
    Term(r"tumou?r|neoplasm|cancer|carcinoma|adenoma", _ABNORMAL, _NEOPLASM),
    Term(r"nodule", _ABNORMAL, Concept("27925004", "Nodule")),
    Term(r"cyst", _ABNORMAL, Concept("367643001", "Cyst")),
    Term(r"lesion", _ABNORMAL, _LESION),
    Term(r"lungs?", _ANATOMY, _LUNG, None, "lung"),
    Term(r"liver", _ANATOMY, Concept("10200004", "Liver")),
    Term(r"kidneys?", _ANATOMY, Concept("64033007", "Kidney")),
    Term(r"spleen", _ANATOMY, Concept("78961009", "Spleen")),
    Term(r"heart", _ANATOMY, Concept("80891009", "Heart")),
    Term(r"prostate", _ANATOMY, Concept("41216001", "Prostate")),
    Term(r"breasts?", _ANATOMY, _BREAST),
    Term(r"brain", _ANATOMY, _BRAIN),
    Term(r"colon", _ANATOMY, _COLON),
    Term(r"skin", _ANATOMY, _SKIN),
)


def term_of(description: str) -> Term:
    """The first term whose words are in the description, as whole words and in any case; else `UNKNOWN`."""
    text = " ".join(description.lower().split())
    return next((term for term in TERMS if re.search(rf"\b(?:{term.words})s?\b", text)), UNKNOWN)
