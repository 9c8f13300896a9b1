"""Words that several pages show."""

from collections.abc import Mapping

from causalseg.annotations.label_records import State

TITLE = "causalseg"
PERSON = "Your name"
PERSON_DEFAULT = "me"
"""Until a name is typed; the browser remembers it then."""
MAIN_PAGE = "Segment"
WORK_PAGE = "Work"
REVIEW_PAGE = "Review"
TRAIN_PAGE = "Train"
STOP = "Stop"
STATES: dict[State, str] = {
    "not_started": "not started",
    "in_progress": "begun",
    "done": "done",
    "flagged": "flagged",
    "approved": "approved",
    "sent_back": "sent back",
}
SEARCH = "Part of a description"
CHOOSE_ONE = "Choose a picture on the left."
SCAN_ALONE = "the scan"
NOTHING_FOUND = "Nothing matches."
BACK = "← Previous"
FORWARD = "Next →"
NO_DESCRIPTION = "not described yet"
NO_MODALITY = "modality not known"
PHRASES: Mapping[str, tuple[str, ...]] = {
    "endoscopy": ("polyp", "one small polyp in the upper left"),
    "ultrasound": ("breast tumour",),
    "dermoscopy": ("skin lesion",),
    "radiograph": ("infected lung area", "lung"),
    "ct": ("infected lung area", "lung"),
    "mri": ("glioma", "meningioma", "pituitary tumour"),
}
"""Suggested descriptions by modality."""


def duration(seconds: float) -> str:
    """In seconds, or minutes where it is long."""
    whole = max(1, round(seconds))
    return f"{whole} s" if whole < 120 else f"{whole // 60} min"


def counted(count: int, noun: str) -> str:
    """ "1 mask", "2 masks"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def of_total(first: int, last: int, total: int) -> str:
    """Which lines of a list are on screen."""
    return f"{first:,}–{last:,} of {total:,}" if total else NOTHING_FOUND


def kind_of(modality: str | None, index: int, count: int, axis: str, labels: int) -> str:
    """What a picture is, in a list."""
    place = f" · {axis} {index + 1}" if count > 1 else ""
    return f"{modality or NO_MODALITY}{place} · {counted(labels, 'mask')}"


def suggestions(modality: str | None) -> tuple[str, ...]:
    """Suggested descriptions for one modality, or all of them where it is not known."""
    if modality is not None and modality in PHRASES:
        return PHRASES[modality]
    return tuple(dict.fromkeys(phrase for phrases in PHRASES.values() for phrase in phrases))


def ticket(number: str) -> str:
    """Said when something broke that the visitor cannot mend."""
    return f"Something went wrong here, not with what you did. Ticket {number}; the page goes on working."
