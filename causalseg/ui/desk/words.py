"""Every word that the pages beside the main one show."""

from causalseg.annotations.types import State
from causalseg.versions import Comparison, Score, VersionCard

MAIN_PAGE = "Segment"
WORK_PAGE = "Work"
REVIEW_PAGE = "Review"
TRAIN_PAGE = "Train"

# Train
TRAIN_TITLE = "Learn from corrections"
TRAIN_WHAT = (
    "The heads of the network learn from approved masks, and from what people say of confounders. A gate compares the "
    "new version with its parent; only what is better, and forgets nothing, can be served."
)
LEARN_FROM = "There is to learn from"
PARENT = "Start from"
VERSION_NAME = "Name of the new version"
VERSION_NAME_HINT = "small letters, digits, dash; for example clinic-1"
SEED = "Seed"
MORE = "More"
START = "Fine-tune"
STOP = "Stop"
STOP_HINT = "What is served stays as it is."
READING = "Reading the model and the masks…"
NOTHING_RUNS = "Nothing runs. A fine-tuning takes about a minute on a laptop."
CURVE = "Loss of each member, step by step"
CURVE_AXIS = "step"
STOPPED = "Stopped. Nothing was written; what was served before is served still."
SERVED = "served now"
AS_IT_CAME = "as it came"
PROMOTE = "Serve this"
GO_BACK = "Go back to this"
PASSED = "may be served"
GATED = "stopped by the gate"
VERSIONS = "Versions"
HISTORY = "What was served when"
OPINIONS = "What people say of confounders"
NO_OPINIONS = "Nobody has said yet, on the Review page, which confounders are in a scan and which are not."
NOT_TRAIN = "Only scans in the train part of the split count here."
BAD_SEED = "The seed must be a whole number from 0 up, for example 0."
MEASURES = {
    "corrections": "corrections held back",
    "replay": "scans it learnt from before",
    "switches": "confounders switched off",
    "statements": "what people say of confounders",
}
MEASURE_HEAD = ("measured on", "parent", "version", "change [95 %]")
VERSION_HEAD = ("version", "comes from", "learnt from", "made", "on corrections held back", "gate", "")
OPINION_HEAD = ("confounder", "said to be there", "said not to be", "people differ")
HISTORY_HEAD = ("when (UTC)", "what", "version")

STATES: dict[State, str] = {
    "not_started": "not started",
    "in_progress": "begun",
    "done": "done",
    "flagged": "flagged",
    "approved": "approved",
    "sent_back": "sent back",
}

# Review
REVIEW_TITLE = "A second pair of eyes"
REVIEW_WHAT = (
    "Approve a mask and it may be learnt from; send it back with a note and its author gets it first. No model."
)
SHOW = "Show"
SHOWN = {
    "done": "to be reviewed",
    "sent_back": "sent back",
    "approved": "approved",
    "flagged": "flagged",
    "": "everything",
}
"""State to look for -> what the list shows."""
SEARCH = "Part of a description"
NOTE = "Note to the author"
NOTE_HINT = "needed to send a mask back: what should change?"
NOTE_FIRST = "Write in the note what should change, then send it back."
APPROVE = "Approve"
SEND_BACK = "Send back"
NEXT_ONE = "Next to be reviewed"
NOTHING_TO_REVIEW = "No masks to be reviewed. What people save on the Segment page comes here."
CHOOSE_ONE = "Choose a picture on the left."
NO_LABELS = "Nobody has drawn on this picture yet."
SCAN_ALONE = "the scan"
YOUR_OWN = "your own mask"
AGREEMENT = "Agreement between readers"
AGREEMENT_HEAD = ("readers", "Dice", "mean distance", "95 % within", "")
SHOW_DIFFERENCE = "Show where"
OTHER_WORDS = "they looked for different things"
ONE_IS_EMPTY = "one is empty"
SAID = "Confounders in this picture, as people see them"
CONFOUNDER = "Confounder"
CHOOSE = "choose…"
CHOOSE_CONFOUNDER = "Choose a confounder from the list first, then say whether it is in the picture."
SAYS = {"present": "It is there", "absent": "It is not there", "unsaid": "Take back"}
NOTHING_FOUND = "Nothing matches."
BACK = "← Previous"
FORWARD = "Next →"

NO_DESCRIPTION = "not described yet"
NO_MODALITY = "modality not known"

# Work
WORK_TITLE = "Scans to work on"
WORK_WHAT = "What is in the label store, and how far everybody is. Open one and it comes up on the Segment page."
NEXT_SCAN = "Next scan for me"
ANY = "any"
STATE = "State"
MINE = "mine only"
MODALITY = "Modality"
IMPORT = "Import scans"
IMPORT_START = "Import"
IMPORT_HINT = (
    "Scans, and masks where there are any: a.png with a_mask.png, or folders images and masks, or an index.csv. "
    "The same files again add only what is new."
)
FILES = "Drop scans and masks here, or click"
FOLDER = "or a folder on this machine"
FOLDER_HINT = "its path"
MASKS_SHOW = "What the masks show"
MASKS_SHOW_HINT = "for example: polyp"
CHECKED = "I have checked the masks; they may be learnt from"
FILES_FIRST = "Choose files, or type the path of a folder."
FOLDER_FORBIDDEN = (
    "Folders cannot be typed here, for this server may be reached from elsewhere. Drop the files instead, or have "
    "CAUSALSEG_IMPORT_DIR set where it is started."
)
FOLDER_ELSEWHERE = "Only folders inside the one that this server imports from can be typed. Drop the files instead."
NO_FOLDER = "There is no such folder on the machine that runs the app. Type its whole path, or drop the files."
IMPORT_STOPPED = "Stopped. What was read until then is in the list, whole."
CHOOSE_OR_NEXT = "Choose a picture in the list, or ask for the next one."
EMPTY_STORE = "The store is empty. Import scans, or save a mask on the Segment page."
NOTHING_LEFT = "Nothing is left for you. Import more scans, or look at what others did on the Review page."
NO_SCAN_ANY_MORE = "The label store does not have this scan any more."
OPEN_IT = "Open it"
SKIP = "Skip"
SKIPPED = "Skipped; it comes again when nothing else is left."
FLAG = "Flag"
UNFLAG = "Take my flag away"
FLAGGED = "Flagged; the queue does not give it to you again."
UNFLAGGED = "Your flag is gone."
REASON = "Reason for a flag"
REASON_HINT = "for example: wrong organ, blurred"
REASON_FIRST = "Write the reason first, then flag it."
DELETE_ASK = "Delete…"
DELETE_YES = "Delete it"
KEEP = "Keep it"
DELETED = "Deleted: nobody sees it any more. Its files stay on the disk until they are purged."
LOOK = "Let the model look first"
LOOK_START = "Look at them"
PURGE = "Purge what is deleted"
PURGE_ASK = "Remove it for ever…"
PURGE_YES = "Remove it for ever"
PURGE_SURE = "Pictures, masks and what was said of them go from the disk and cannot be brought back, by anybody."
NOTHING_DELETED = "Nothing is deleted, so there is nothing to purge."
WHY = {
    "sent_back": "Sent back.",
    "control": "Random control.",
    "uncertainty": "Uncertain.",
    "disagreement": "Switches disagree.",
    "diversity": "Unlike the others.",
    "arrival": "Next in line.",
    "begun": "Begun.",
    "skipped": "Skipped before.",
}
"""Why the queue gave a scan, in two words."""


def already_running(version: str) -> str:
    """Said when a second fine-tuning is asked for."""
    return f"{version} is being made. Wait for it, or stop it first."


def broke_off(code: int) -> str:
    """Said when the process ended in a way that nobody foresaw."""
    return (
        f"The fine-tuning broke off (exit code {code}); nothing was changed. Run `python -m training finetune` in a "
        "terminal with the same store to see why."
    )


def serving(name: str) -> str:
    """Which model answers the next scan."""
    return f"The next scan that is opened is answered by {name}"


def to_learn_from(corrections: int, patients: int, held_back: int, statements: int) -> str:
    """How much there is."""
    return (
        f"{counted(corrections, 'approved mask')} of {counted(patients, 'patient')}, "
        f"{counted(statements, 'statement')} on confounders; {counted(held_back, 'mask')} only to be scored"
    )


def progress(done: int, total: int, seconds_left: float | None) -> str:
    """How far a fine-tuning is."""
    left = "" if seconds_left is None else f" · about {duration(seconds_left)} left"
    return f"{100 * done // max(total, 1)} %{left}"


def duration(seconds: float) -> str:
    """In seconds, or minutes where it is long."""
    whole = max(1, round(seconds))
    return f"{whole} s" if whole < 120 else f"{whole // 60} min"


def verdict(card: VersionCard) -> str:
    """What the gate said."""
    return f"{card.name} may be served" if card.passed else f"{card.name} was stopped by its gate"


def made_from(card: VersionCard) -> str:
    """What a version learnt from."""
    return f"{counted(card.corrections, 'mask')}, {counted(card.statements, 'statement')}"


def score(value: Score) -> str:
    """A mean."""
    return f"{value.mean:.3f}"


def change(comparison: Comparison) -> str:
    """By how much, with its interval."""
    one = comparison.change
    return f"{one.mean:+.3f} [{one.low:+.3f}, {one.high:+.3f}]".replace("-", "−")


def before_after(comparison: Comparison) -> str:
    """Dice of the parent and of the version, and the change."""
    return f"{score(comparison.before)} → {score(comparison.after)}, {change(comparison)}"


def promoted(name: str) -> str:
    """Said when a version was promoted, or put back."""
    return f"{name} answers from the next scan on. Whoever is at work on a scan finishes it as it was begun."


def counted(count: int, noun: str) -> str:
    """ "1 mask", "2 masks"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def differ(first: str, second: str) -> str:
    """Over the picture of two labels: what each colour means, in words."""
    return f"where they differ: blue only {second}, orange only {first}"


def reviewed(verdict: str, person: str, number: int) -> str:
    """Said when a reviewer has spoken."""
    done = "Approved" if verdict == "approve" else "Sent back"
    return f"{done}: mask {number} of {person}."


def newer(person: str) -> str:
    """Said when the mask on screen is no longer the newest."""
    return f"{person} has saved a newer mask meanwhile. It is on screen now; look at it first."


def label_of(person: str, number: int, state: str) -> str:
    """Whose mask, and how far it is."""
    return f"{person} · mask {number} · {state}"


def provenance(description: str, removed: int, model: str, dice: float | None, seconds: float) -> str:
    """Where a mask comes from."""
    parts = [f"“{description}”" if description else "no description"]
    parts.append("nothing removed" if removed == 0 else f"{counted(removed, 'confounder')} removed")
    if dice is not None:
        parts.append(f"Dice {dice:.2f} to what {model} proposed")
    if seconds >= 1:
        parts.append(f"{duration(seconds)} of work")
    return " · ".join(parts)


def of_total(first: int, last: int, total: int) -> str:
    """Which lines of a list are on screen."""
    return f"{first:,}–{last:,} of {total:,}" if total else NOTHING_FOUND


def kind_of(modality: str | None, index: int, count: int, axis: str, labels: int) -> str:
    """What a picture is, in a list."""
    place = f" · {axis} {index + 1}" if count > 1 else ""
    return f"{modality or NO_MODALITY}{place} · {counted(labels, 'mask')}"


def files_read(done: int, total: int) -> str:
    """How far an import is."""
    return f"{done:,} of {counted(total, 'scan')} read" if total else "Looking at the files…"


def imported(scans: int, labels: int) -> str:
    """What an import added."""
    return f"Added {counted(scans, 'scan')} and {counted(labels, 'mask')}."


def refused(count: int) -> str:
    """Over the list of files that were not taken."""
    return f"{counted(count, 'file')} not taken"


def and_more(count: int) -> str:
    """At the end of a list that is cut."""
    return f"and {count:,} more"


def goes(pictures: int, labels: int, people: int, drafts: int) -> str:
    """What deleting a scan hides."""
    slices = f" with its {pictures:,} pictures" if pictures > 1 else ""
    what = [f"{counted(labels, 'mask')} of {people:,} {'person' if people == 1 else 'people'}"] if labels else []
    what += [counted(drafts, "draft")] if drafts else []
    drawn = f", and {' and '.join(what)}, for everybody" if what else ", for everybody"
    again = " The masks do not come back, even if the file is added again." if labels else ""
    return f"This hides the scan{slices}{drawn}.{again}"


def waiting(scans: int, labels: int) -> str:
    """What is deleted and still on the disk."""
    return f"{counted(scans, 'scan')} and {counted(labels, 'mask')} are deleted and still on the disk."


def purged(scans: int, labels: int, files: int) -> str:
    """What a purge removed."""
    return f"Gone for ever: {counted(scans, 'scan')}, {counted(labels, 'mask')}, {counted(files, 'file')}."


def unseen(count: int) -> str:
    """How many pictures the queue knows nothing of but their order."""
    if count == 0:
        return (
            "The model that is served has looked at every picture: the queue can choose by doubt, switches and variety."
        )
    return (
        f"The model that is served has not looked at {counted(count, 'picture')}. Where it has, the queue chooses by "
        "its doubt, by how far switches move its mask, and by variety; else by order of arrival."
    )


def looked_at(done: int, total: int, seconds_left: float | None) -> str:
    """How far the model is."""
    left = "" if seconds_left is None else f" · about {duration(seconds_left)} left"
    return f"{done:,} of {counted(total, 'picture')}{left}"


def says(person: str, confounder: str, *, present: bool) -> str:
    """What one person says of a confounder."""
    return f"{person}: {confounder} {'is there' if present else 'is not there'}"


def stated(confounder: str, present: bool | None) -> str:
    """Said when a statement is kept."""
    what = {True: "is there", False: "is not there", None: "is left open"}[present]
    return f"Kept: {confounder} {what}. Fine-tuning learns from it where nobody says otherwise."
