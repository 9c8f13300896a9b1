"""Every word that the Work page shows."""

from causalseg.annotations.store.deletion import Hidden
from causalseg.ui.shared_text import counted, duration

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


def goes(hidden: Hidden) -> str:
    """What deleting a scan hides."""
    slices = f" with its {hidden.pictures:,} pictures" if hidden.pictures > 1 else ""
    people = "1 person" if hidden.people == 1 else f"{hidden.people:,} people"
    what = [f"{counted(hidden.labels, 'mask')} of {people}"] if hidden.labels else []
    what += [counted(hidden.drafts, "draft")] if hidden.drafts else []
    drawn = f", and {' and '.join(what)}, for everybody" if what else ", for everybody"
    again = " The masks do not come back, even if the file is added again." if hidden.labels else ""
    return f"This hides the scan{slices}{drawn}.{again}"


def waiting(scans: int, labels: int) -> str:
    """What is deleted and still on the disk; empty where nothing is."""
    if scans == labels == 0:
        return ""
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
