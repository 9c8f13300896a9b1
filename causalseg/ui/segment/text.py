"""Every word the page shows to a person, in one place."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from causalseg.scan import Scan
from causalseg.ui.shared_text import duration

HELP = "? keys"
KEYS_TITLE = "Keys"
CLOSE = "Close"
KEY_SHEET: tuple[tuple[str, str], ...] = (
    ("1 – 9", "switch the confounders of this scan, in their order"),
    ("H", "hide the mask, show it again; in the editor too"),
    ("W", "the scan without what is switched off, in place of the scan; again: the scan"),
    ("← → ↑ ↓", "the slice before, the slice after; not in the editor"),
    ("Esc", "back from looking closer; close this sheet"),
    ("C", "correct the mask on screen; in the editor: load it again"),
    ("B, E", "brush, eraser"),
    ("[ ]", "smaller, larger brush or eraser"),
    ("Ctrl+Z, Ctrl+Y", "undo, redo"),
    ("Ctrl+Enter", "save the correction"),
    ("?", "this sheet"),
)
TOUR_LABEL = "First steps"
TOUR_NEXT = "Next"
TOUR_CLOSE = "Close, I know"
TOUR: tuple[tuple[str, str, str], ...] = (
    ("#left", "Open a scan", "Drop a file, or click an example. Then type what to look for, in your own words."),
    (
        "#views",
        "See the mask",
        "The tint is what was found. “Compare” shows the observed mask beside the one on screen.",
    ),
    (
        "#right",
        "Switch confounders",
        "Each switch takes one thing out of the scan and the mask follows at once. The words "
        "beside it say how far that can be believed; click them for the reasons.",
    ),
    ("#tools", "Correct and save", "Paint or erase; drafts are kept while you draw. Press ? for all keys."),
)
"""What a step points at, its title, its words."""

MOST_NAMED = 3
"""Confounders named in one line; more are counted, and the ticks say which."""
PRESENCE_THRESHOLD = 0.5
"""From here on what is described counts as found; presence is scaled so for every checkpoint."""

PLACE = "on this machine"
FOOTER = (
    "Not a medical device: for research and teaching only. Nothing leaves the machine this app runs on; "
    "what you save goes to its own label store."
)
THREE_WORDS = (
    "<b>observed</b> mask: nothing removed &nbsp;·&nbsp; "
    "<b>adjusted</b> mask: all detected confounders removed (the default) &nbsp;·&nbsp; "
    "<b>counterfactual</b> mask: the set you chose removed"
)

SCAN = "Scan"
OPEN = "Drop a scan here (picture, DICOM, NIfTI, zip; a series as many files), or click to open"
EXAMPLES = "Examples"
NO_SCAN = "Open a scan, or click an example."

DESCRIPTION = "What to look for"
DESCRIPTION_HINT = "for example: one small polyp in the upper left"
SUGGESTIONS = "Suggestions"
SHOW_ANYWAY = "show it anyway"
NO_DESCRIPTION = "Type what to look for."

WINDOW = "Window"
WINDOW_WHICH = "Preset"
WINDOW_CENTER = "Centre"
WINDOW_WIDTH = "Width"
WINDOW_OF_FILE = "as the file says"
SEGMENT_ALL = "Segment all {count} {axis}s"

MASK_TAB = "Mask"
COMPARE_TAB = "Compare"
CORRECT_TAB = "Correct"
OPACITY = "Tint"
OUTLINE = "outline"
HIDE = "Hide (H)"
BARE = "the scan without the mask"
CHECK_HERE = "check here"
CHECK_WHY = "Where the model is least certain of the mask's edge; click to look closer, again to go back."
WITHOUT_NOTHING = (
    "The scan without what you switch off appears here, as the model pictures it. Now nothing is switched off."
)
WITHOUT_WHY = "Made by the model, which then looks for the mask in it. A guess, not a photograph."
WITHOUT_UNCHANGED = "The model found nothing to change in the picture."
WITHOUT_LARGE = "In place of the scan (W)"
WHERE = "where?"
WHERE_HIDE = "hide"
ADJUSTED_IS_THE_SAME = "nothing detected, so the adjusted mask is the same"
NO_SWITCHES = "This checkpoint cannot remove confounders one by one, so it has an observed mask only and no switches."
CORRECT = "Correct this mask"
DOWNLOAD = "Download"
COMPARE_LABEL = "observed | the mask on screen"
LEGEND = (
    '<span class="key added"></span>added &nbsp; <span class="key removed"></span>removed &nbsp; '
    '<span class="key kept"></span>in both &nbsp;·&nbsp; left: observed'
)

EXPORT = "Export"
EXPORT_WHICH = "What"
EXPORT_SCREEN = "the mask on screen"
EXPORT_VOLUME = "all slices, as segmented"
EXPORT_SAVED = "the correction last saved"
EXPORT_IDENTITY = "DICOM-SEG with the patient's name"
EXPORT_MAKE = "Make the files"
EXPORT_FILES = "Files"
EXPORT_HINT = "PNG, NIfTI, DICOM-SEG, COCO, and a zip of all with their provenance."
EXPORT_FORMATS: Mapping[str, str] = {
    "png": "PNG",
    "nifti": "NIfTI",
    "dicom_seg": "DICOM-SEG",
    "coco": "COCO",
    "bundle": "Zip",
}
EXPORT_NOTHING = "There is no mask on screen to export. Type what to look for first."
EXPORT_NO_VOLUME = "There are no masks of all slices yet. Press “Segment all” below the scan first."
EXPORT_NOT_SAVED = "There is no saved correction in the editor. Save one first, or export the mask on screen."
SIMULATED_NO_EXPORT = "This scan is simulated. Go back to the original scan to export its mask."

CONFOUNDERS = "Confounders: what else is in the scan"
OBSERVED = "observed (remove nothing)"
ADJUSTED = "adjusted (remove all detected)"
IN_THIS_SCAN = "In this scan, with its strength; tick to remove"
RELIABLE = "reliable"
PARTLY = "partly"
UNRELIABLE = "unreliable"
HARDLY_MATTERS = "hardly matters"
NOT_MEASURED = "not measured"
NOT_MEASURED_WHY = "How well this switch works was not measured for this checkpoint."
NO_BETTER = "Removing something else, which is not in the scan, helps as much: do not trust it."
NEVER_TESTED = "untested"
NEVER_TESTED_WHY = "Never tested on real scans: whether it is recognised there is not known."
LABELLED_BY: Mapping[str, str] = {
    "people": ", labelled by people",
    "an AI reader": ", labelled by an AI reader",
    "both": ", labelled by people and by an AI reader",
}
REAL_SCANS = "real scans"
REMOVAL = "removal"
MARKS_OF = "how far to believe it"
SAY = "Really there? Say yes or no: kept at once, and learnt from."
IS_THERE: Mapping[bool, str] = {True: "is there", False: "is not there"}
SAID_OF_ANOTHER = "Another picture has come on screen meanwhile. Say it of that one with its own buttons."
NO_SWITCHES_YET = "They appear when a scan is open."
NONE_DETECTED = "None detected in this scan."
TYPED = "Something else: type it and press Enter"
TYPED_HINT = "for example: a cable across the image"
NOT_IN_THIS_SCAN = "Not detected in this scan"
TRY_ALL = "Try all"
TRY_ALL_TITLE = "Try all, one by one"
TRY_ALL_HINT = "Removes each confounder alone and ranks them by how far the mask moves."
ADD_TITLE = "Add one to this scan"
ADD_WHICH = "Confounder"
ADD_STRENGTH = "Strength"
ADD_SEED = "Seed"
ADD = "Add to the scan"
ORIGINAL = "Back to the original scan"

CORRECT_HINT = "Paint to add, erase to take away, then save."
KEYS = "B brush, E eraser, [ ] size, ? all keys"
START_FROM = "Start from"
START_SCREEN = "the mask on screen"
START_OBSERVED = "the observed mask"
START_ADJUSTED = "the adjusted mask"
FILL = "Fill"
SMOOTH = "Smooth"
REFINE = "Refine"
TAKE_BACK = "Take back"
NOTHING_TO_TAKE_BACK = "Nothing was filled, smoothed or refined. A stroke is taken back with Undo, or Ctrl+Z."
RESTORE = "Restore"
DISCARD = "Discard"
ALL_UNDONE = "Nothing drawn: the draft is gone."
DRAFT_FIRST = "You have unsaved strokes on this mask. Restore or discard them first, with the buttons below."
NO_DRAFT = "These strokes are gone: they were saved, discarded or purged meanwhile."
SAVE = "Save"
KEEP = "Keep a draft"
"""Never seen: the browser presses it."""
DOWNLOAD_SAVED = "Download it"

UNSAVED = (
    "The editor holds strokes{place} that are not saved. Save them, or press “Correct this mask” again to drop them."
)
SIMULATED_NO_VOLUME = "This scan is simulated. Go back to the original scan to segment all of it."
BAD_WINDOW = "A window needs two numbers: its centre, and a width of 0 or more."
OPEN_FIRST = "Open a scan first: drop a file on the left or click an example."
DESCRIBE_FIRST = "Type what to look for first; a correction starts from a mask."
CORRECT_FIRST = "Press “Correct this mask” first; there is no mask in the editor to save."
NAME_FIRST = "Type your name beside the Save button; corrections are kept per person."
PICK_FIRST = "Pick a confounder to add first."
SIMULATED_NOT_SAVED = (
    "This scan is simulated, and a label for it would mislead a training. "
    "Go back to the original scan to correct its mask."
)
EDITOR_OTHER_SIZE = (
    "The editor sent a mask of another size than the one it was given. Press “Correct this mask” to load it again."
)
EDITOR_OTHER_SCAN = (
    "The editor shows another picture than the scan of this mask. Press “Correct this mask” to load it again."
)
EDITOR_OTHER_LAYERS = (
    "The editor holds several masks over one another. Press “Correct this mask” to load the one you want again."
)
EDITOR_LATE = "The editor has not taken the new mask yet. Wait a second and press again."
EDITOR_AGAIN = (
    "The editor did not take the new mask, so nothing was saved. It was given the mask again: look at it, then press "
    "Save."
)
EDITOR_MOVED = (
    "The mask moved in the editor without a stroke, so nothing was saved. Press “Correct this mask” to load it again."
)
BAD_SEED = "The seed must be a whole number from 0 to 4294967295, for example 0."


def scan_facts(scan: Scan) -> str:
    """One line on a scan: format, size, modality, distance between pixels."""
    height_px, width_px = scan.hw
    facts = [scan.format, f"{width_px} × {height_px} px", scan.modality or "modality not stated"]
    if scan.spacing_mm is not None:
        facts.append(f"{scan.spacing_mm[1]:.3g} × {scan.spacing_mm[0]:.3g} mm")
    else:
        facts.append("spacing not known")
    return " · ".join(facts)


def presence(probability: float, *, found: bool, anyway: bool) -> str:
    """The answer to whether what is described is there; `probability` in [0, 1]."""
    if found:
        return f"found, {probability:.2f} ({PRESENCE_THRESHOLD:.2f} is enough)"
    told = f"Nothing like that found in this scan ({probability:.2f}; it takes {PRESENCE_THRESHOLD:.2f})"
    return f"{told}; shown anyway." if anyway else f"{told}."


def where(label: str, *, is_everywhere: bool) -> str:
    """What the tint over the scan is."""
    return f"{label}: everywhere in the scan" if is_everywhere else f"{label}: where it is tinted purple"


def without(labels: Sequence[str]) -> str:
    """What the picture is that the model made."""
    quoted = [f"“{label}”" for label in labels]
    named = " and ".join(part for part in (", ".join(quoted[:-1]), quoted[-1]) if part)
    return f"The scan without {named if len(labels) <= MOST_NAMED else f'{len(labels)} confounders'}, an estimate"


def hidden(labels: Sequence[str]) -> str:
    """What the hatching is; `labels` are of what covered the scan there."""
    covers = " or ".join(f"“{label}”" for label in labels)
    return f"Hatched: not visible, {covers} covers it. Nobody knows what lies there, so no mask grows there."


def switched(label: str, *, is_removed: bool) -> str:
    """What the last switch did, before the numbers."""
    return f"{label} {'removed' if is_removed else 'put back'}"


def check_place(number: int, doubt: float) -> str:
    """What a numbered place is, for those who cannot see the ring."""
    return f"Look closer at place {number}, doubt {doubt:.2f}"


def start_without(label: str) -> str:
    """A counterfactual mask to start from."""
    return f"the mask without {label}"


def unsaved_strokes(at: datetime, description: str) -> str:
    """Offered after a reload."""
    return f"You have unsaved strokes of {at.astimezone():%H:%M} on the mask of “{description}”."


def draft_kept(at: datetime) -> str:
    """Said when what is drawn is safe."""
    return f"draft kept {at.astimezone():%H:%M}"


def real_scans(auroc: float) -> str:
    """How often, in [0, 1], a real scan with a confounder scores above one without."""
    return f"{auroc:.2f}"


def real_scans_why(auroc: float, present: int, absent: int, labels: str | None) -> str:
    """The same as a sentence: on how many scans it was tested, and who said what is in them."""
    tested = f"Tested on {present:,} real scans with it and {absent:,} without{LABELLED_BY.get(labels or '', '')}."
    return f"{tested} Of 100 pairs, one with and one without, the one with it scores higher in {100 * auroc:.0f}."


def recovery(damage: float, share: float) -> str:
    """What was measured of a switch: the Dice that its confounder took, and the share that the switch got back."""
    return f"Measured on simulated twins: this switch gets back {share:.2f} of {damage:.2f} Dice lost."


def hardly_matters(damage: float) -> str:
    """What was measured of a confounder that takes hardly any Dice."""
    return f"Measured on simulated twins: it takes {damage:.3f} Dice, so removing it should change nothing."


def simulated(label: str, strength: float, seed: int) -> str:
    """What marks a simulated scan."""
    return f"Simulated: {label}, strength {strength:.2f}, seed {seed}"


def loaded(mask_word: str, place: str) -> str:
    """Said when a mask has come into the editor; `place` names its slice where there are several."""
    return f"Editing the {mask_word} mask{f' of {place}' if place else ''} · {KEYS}"


def unsaved(place: str) -> str:
    """Said before strokes are lost; `place` names their slice where there are several."""
    return UNSAVED.format(place=f" on {place}" if place else "")


def segment_all(scan: Scan) -> str:
    """On the button that asks the question of every slice, frame or page."""
    return SEGMENT_ALL.format(count=scan.count, axis=scan.axis)


def volume_progress(done: int, total: int, seconds_left: float | None) -> str:
    """While all slices are segmented."""
    left = "" if seconds_left is None else f" · {duration(seconds_left)} left"
    return f"{done} of {total}{left}"


def volume_done(done: int, total: int, axis: str, millilitres: float | None) -> str:
    """When all slices are segmented, or as many as there was patience for."""
    return f"{done} of {total} {axis}s" + ("" if millilitres is None else f" · {millilitres:,.1f} ml")


def saved(revision: int, person: str) -> str:
    """Said when a correction is in the store."""
    return f"saved as revision {revision} of {person}"
