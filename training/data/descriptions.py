"""What people might type for a mask: synonyms, sizes, places, things that are elsewhere, things that are not there.

Places are the *picture's* (left is the viewer's left) and are read off the mask after augmentation, so a flipped
scan is described as it is seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from training.data.rows import Row

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "polyp": ("polyp", "colon polyp", "colorectal polyp", "polyps", "lesion", "adenoma"),
    "breast tumour": ("breast tumour", "breast tumor", "breast lesion", "breast mass", "tumour", "lesion"),
    "benign breast tumour": ("benign breast tumour", "breast tumour", "benign breast mass", "breast lesion", "tumour"),
    "malignant breast tumour": (
        "malignant breast tumour",
        "breast tumour",
        "breast cancer",
        "malignant breast mass",
        "breast lesion",
        "tumour",
    ),
    "skin lesion": ("skin lesion", "mole", "pigmented lesion", "melanocytic lesion", "lesion", "naevus"),
    "infected lung area": (
        "infected lung area",
        "lung infection",
        "pneumonia",
        "infection",
        "lung opacity",
        "consolidation",
    ),
    "lung": ("lung", "lungs", "both lungs", "lung field"),
    "glioma": ("glioma", "brain tumour", "brain tumor", "tumour", "lesion"),
    "meningioma": ("meningioma", "brain tumour", "brain tumor", "tumour", "lesion"),
    "pituitary tumour": ("pituitary tumour", "pituitary adenoma", "brain tumour", "brain tumor", "tumour", "lesion"),
}
"""What a target may be called; the first is its neutral description."""

ORGAN: Mapping[str, str] = {
    "polyp": "colon",
    "breast tumour": "breast",
    "benign breast tumour": "breast",
    "malignant breast tumour": "breast",
    "skin lesion": "skin",
    "infected lung area": "chest",
    "lung": "chest",
    "glioma": "brain",
    "meningioma": "brain",
    "pituitary tumour": "brain",
}
"""Where a target lives: only descriptions of another organ are certainly absent."""

_ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "colon": ("polyp", "colon polyp", "colorectal adenoma", "bowel diverticulum", "stomach ulcer", "oesophagus"),
    "breast": ("breast tumour", "breast mass", "benign breast tumour", "malignant breast tumour", "breast cyst"),
    "skin": ("skin lesion", "mole", "melanoma", "naevus", "skin rash"),
    "chest": ("infected lung area", "lung", "left lung", "right lung", "pneumonia", "heart", "rib", "pleural effusion"),
    "brain": ("glioma", "meningioma", "pituitary tumour", "brain tumour", "brain ventricle", "hippocampus"),
    "abdomen": ("liver", "spleen", "kidney", "pancreas", "liver tumour", "kidney cyst", "gallstone", "adrenal gland"),
    "pelvis": ("bladder", "uterus", "ovary", "fibroid", "foetus", "cervix"),
    "heart": ("left ventricle", "right atrium", "aorta", "mitral valve", "coronary artery"),
    "head": ("optic disc", "retinal vessel", "cochlea", "tooth", "jaw bone", "eyeball"),
    "limb": ("knee cartilage", "femur fracture", "hand bone", "hip implant", "shoulder tendon", "ankle"),
    "neck": ("thyroid", "carotid artery", "lymph node in the neck", "vocal cord"),
    "nowhere": ("cat", "dog", "car", "house", "chair", "bicycle", "bottle", "street sign", "flower", "banana"),
}
"""Things of other organs, by organ; heart and head may lie in a chest or brain scan, so they share its ban below."""

_NEAR: Mapping[str, tuple[str, ...]] = {
    "chest": ("chest", "heart", "abdomen", "neck"),
    "brain": ("brain", "head"),
    "colon": ("colon",),
    "breast": ("breast",),
    "skin": ("skin",),
}

HELD_OUT_ABSENT = (
    "kidney stone",
    "thyroid nodule",
    "foetal head",
    "knee meniscus",
    "retinal haemorrhage",
    "gallbladder",
    "prostate",
    "dental cavity",
    "carotid plaque",
    "hip fracture",
)
"""Descriptions of things in none of the training scans and never used in training: for the evaluation."""

_FRAMES = ("{}", "{}", "{}", "the {}", "segment the {}", "where is the {}?", "find the {}", "{} in this scan", "a {}")
_SIZES = ((0.03, "small"), (0.15, "medium"), (1.01, "large"))
_COUNTS = ("no", "one", "two", "three")


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A description with its right answer."""

    text: str
    mask: Bool[np.ndarray, "height width"]
    present: bool


def targets_of(rows: Sequence[Row]) -> list[str]:
    """All targets that training has words for, then those of `rows` that it has none for: their name is their word."""
    return [*SYNONYMS, *sorted({row.target for row in rows} - SYNONYMS.keys())]


def words_for(target: str) -> tuple[str, ...]:
    """What a target may be called."""
    return SYNONYMS.get(target, (target,))


def neutral(target: str) -> str:
    """The plain name of a target, which gives away nothing of the mask."""
    return "breast tumour" if ORGAN.get(target) == "breast" else target


def organ_of(target: str) -> str:
    """Where a target lives; one that training does not know lives in a place of its own."""
    return ORGAN.get(target, target)


def shown_name(target: str) -> str:
    """The name for what a scan shows that leaves the kind of a tumour open."""
    return {"breast": "breast tumour", "brain": "brain tumour"}.get(organ_of(target), target)


def ask(target: str, mask: Bool[np.ndarray, "height width"], rng: np.random.Generator) -> Question:
    """Draw a description for a scan whose `target` is `mask` (empty where the scan is normal)."""
    draw = rng.random()
    if draw < 0.22:
        return Question(absent_description(ORGAN.get(target), rng), np.zeros_like(mask), present=False)
    if not mask.any():
        return Question(_framed(target, rng), mask, present=False)
    if draw < (0.85 if target == "lung" else 0.40) and (part := _one_side(target, mask, rng)) is not None:
        return part
    if draw < 0.62:
        return Question(describe(str(rng.choice(words_for(target))), mask), mask, present=True)
    return Question(_framed(target, rng), mask, present=True)


def absent_description(organ: str | None, rng: np.random.Generator) -> str:
    """Something that a scan of `organ` cannot show, sometimes with a size and a place.

    Of an organ that training does not know (None), only what is in no scan at all.
    """
    places = ["nowhere"] if organ is None else [other for other in _ELSEWHERE if other not in _NEAR[organ]]
    thing = str(rng.choice(_ELSEWHERE[str(rng.choice(places))]))
    if rng.random() < 0.35:
        size, row, column = rng.choice(("small", "medium", "large")), rng.integers(3), rng.integers(3)
        return f"one {size} {thing} in the {_place(int(row), int(column))}"
    return str(rng.choice(_FRAMES)).format(thing)


def describe(name: str, mask: Bool[np.ndarray, "height width"]) -> str:
    """Count, size and place of `name`, read off `mask`: "one small polyp in the upper left"."""
    count = len(_parts(mask))
    height, width = mask.shape
    y, x = ndimage.center_of_mass(mask)
    place = _place(min(int(3 * y / height), 2), min(int(3 * x / width), 2))
    if count == 1:
        size = next(word for limit, word in _SIZES if mask.mean() < limit)
        return f"one {size} {name} in the {place}"
    return f"{_COUNTS[count] if count < len(_COUNTS) else 'several'} {_plural(name)} around the {place}"


def _framed(target: str, rng: np.random.Generator) -> str:
    name = words_for(target)[0] if rng.random() < 0.4 else str(rng.choice(words_for(target)))
    return str(rng.choice(_FRAMES)).format(name)


def _one_side(target: str, mask: Bool[np.ndarray, "height width"], rng: np.random.Generator) -> Question | None:
    """Only the parts in one half of the picture, where both halves have some."""
    horizontal = bool(target == "lung" or rng.random() < 0.6)
    halves: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for part in _parts(mask):
        y, x = ndimage.center_of_mass(part)
        halves[int(x > mask.shape[1] / 2) if horizontal else int(y > mask.shape[0] / 2)].append(part)
    if not halves[0] or not halves[1]:
        return None
    side = int(rng.integers(2))
    word = (("left", "right") if horizontal else ("upper", "lower"))[side]
    name = str(rng.choice(words_for(target)[:1] if target == "lung" else words_for(target)))
    frame = str(rng.choice(("{word} {name}", "{name} on the {word}", "the {word} {name}", "{name} in the {word} half")))
    return Question(frame.format(word=word, name=name), np.logical_or.reduce(halves[side]), present=True)


def _parts(mask: Bool[np.ndarray, "height width"]) -> list[Bool[np.ndarray, "height width"]]:
    """Connected parts of at least a tenth of a percent of the picture (the largest whatever its size)."""
    labels, count = ndimage.label(mask)  # pyright: ignore[reportGeneralTypeIssues]
    areas = ndimage.sum_labels(mask, labels, range(1, count + 1))
    least = min(mask.size * 0.001, max(areas))
    return [labels == index + 1 for index, area in enumerate(areas) if area >= least]


def _place(row: int, column: int) -> str:
    vertical, horizontal = ("upper", "middle", "lower")[row], ("left", "centre", "right")[column]
    return "centre" if (row, column) == (1, 1) else f"{vertical} {horizontal}"


def _plural(name: str) -> str:
    return name if name.endswith("s") else f"{name}s"
