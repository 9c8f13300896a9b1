"""What fine-tuning may learn from, and whether it is enough: told without a model, and without opening a picture."""

from collections.abc import Iterable
from dataclasses import dataclass

from causalseg.annotations import review
from causalseg.annotations.label_records import Revision, Split
from causalseg.annotations.review import confounder_statements
from causalseg.annotations.store import LabelStore

FEWEST_CORRECTIONS = 6
FEWEST_PATIENTS = 3


@dataclass(frozen=True, slots=True)
class Opinion:
    """What people say of one confounder, in pictures of the train part."""

    confounder: str
    present: int
    """Pictures in which all who speak of it say that it is there."""
    absent: int
    """Pictures in which all say that it is not."""
    contradicted: int
    """Pictures of which people say both; nothing is learnt from these."""


@dataclass(frozen=True, slots=True)
class Learnable:
    """How much there is to learn from."""

    corrections: int
    """Approved masks of the train part, one for each picture and description."""
    patients: int
    """With one of them."""
    held_back: int
    """Approved masks of the validation part: scored, never learnt from."""
    opinions: tuple[Opinion, ...]
    """By the confounder's id."""

    @property
    def statements(self) -> int:
        """Statements about confounders that nobody contradicts."""
        return sum(one.present + one.absent for one in self.opinions)


def too_few(corrections: int, patients: int) -> str:
    """Why so many corrections are too few, in a sentence; empty where they are enough."""
    if corrections >= FEWEST_CORRECTIONS and patients >= FEWEST_PATIENTS:
        return ""
    return (
        f"There are {corrections} approved corrections of {patients} patients to learn from; at least "
        f"{FEWEST_CORRECTIONS} of {FEWEST_PATIENTS} patients are needed. Correct and approve more scans, then "
        "fine-tune again."
    )


def masks(store: LabelStore, split: Split) -> list[Revision]:
    """Of each picture and description the approved mask that was saved last, whoever drew it."""
    newest: dict[tuple[str, int, str], Revision] = {}
    for revision in review.approved(store, split):
        place = (revision.scan_sha256, revision.index, revision.description)
        if place not in newest or newest[place].saved_at <= revision.saved_at:
            newest[place] = revision
    return list(newest.values())


def said(store: LabelStore) -> dict[tuple[str, int], dict[str, set[bool]]]:
    """For each picture of the train part (scan, index): confounder -> what people say of it, both where they differ."""
    pictures: dict[tuple[str, int], dict[str, set[bool]]] = {}
    for one in confounder_statements.current(store, "train"):
        words = pictures.setdefault((one.scan_sha256, one.index), {})
        words.setdefault(one.confounder, set()).add(bool(one.present))
    return pictures


def learnable(store: LabelStore) -> Learnable:
    """How much there is."""
    corrections = masks(store, "train")
    patient_of = {scan.sha256: scan.patient_key for scan in store.scans()}
    patients = {patient_of[one.scan_sha256] for one in corrections}
    return Learnable(len(corrections), len(patients), len(masks(store, "val")), _opinions(said(store).values()))


def _opinions(pictures: Iterable[dict[str, set[bool]]]) -> tuple[Opinion, ...]:
    counted: dict[str, list[set[bool]]] = {}
    for words in pictures:
        for confounder, what in words.items():
            counted.setdefault(confounder, []).append(what)
    return tuple(
        Opinion(name, whats.count({True}), whats.count({False}), whats.count({True, False}))
        for name, whats in sorted(counted.items())
    )
