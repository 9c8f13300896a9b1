"""Every word that the Review page shows."""

from causalseg.ui.shared_text import counted, duration

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
NOTE = "Note to the author"
NOTE_HINT = "needed to send a mask back: what should change?"
NOTE_FIRST = "Write in the note what should change, then send it back."
APPROVE = "Approve"
SEND_BACK = "Send back"
NEXT_ONE = "Next to be reviewed"
NOTHING_TO_REVIEW = "No masks to be reviewed. What people save on the Segment page comes here."
NO_LABELS = "Nobody has drawn on this picture yet."
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


def says(person: str, confounder: str, *, present: bool) -> str:
    """What one person says of a confounder."""
    return f"{person}: {confounder} {'is there' if present else 'is not there'}"


def stated(confounder: str, present: bool | None) -> str:
    """Said when a statement is kept."""
    what = {True: "is there", False: "is not there", None: "is left open"}[present]
    return f"Kept: {confounder} {what}. Fine-tuning learns from it where nobody says otherwise."
