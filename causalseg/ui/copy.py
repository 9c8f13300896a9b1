"""Every word the page shows to a person, in one place."""

from collections.abc import Mapping

from causalseg.scan.types import Scan

TITLE = "causalseg"
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
STOP = "Stop"

MASK_TAB = "Mask"
COMPARE_TAB = "Compare"
CORRECT_TAB = "Correct"
OPACITY = "Tint"
CORRECT = "Correct this mask"
DOWNLOAD = "Download this mask"
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
NONE_DETECTED = "None detected in this scan."
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
KEYS = "B brush · E eraser · Ctrl+Z undo · Ctrl+Enter save"
PERSON = "Your name"
PERSON_DEFAULT = "me"
SAVE = "Save"
DOWNLOAD_SAVED = "Download the saved mask"

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
EDITOR_MOVED = (
    "The mask moved in the editor without a stroke, so nothing was saved. Press “Correct this mask” to load it again."
)
BAD_SEED = "The seed must be a whole number from 0 to 4294967295, for example 0."

PHRASES: Mapping[str, tuple[str, ...]] = {
    "endoscopy": ("polyp", "one small polyp in the upper left"),
    "ultrasound": ("breast tumour",),
    "dermoscopy": ("skin lesion",),
    "radiograph": ("infected lung area", "lung"),
    "ct": ("infected lung area", "lung"),
    "mri": ("glioma", "meningioma", "pituitary tumour"),
}
"""Suggested descriptions by modality."""


def suggestions(modality: str | None) -> tuple[str, ...]:
    """Suggested descriptions for one modality, or all of them where it is not known."""
    if modality is not None and modality in PHRASES:
        return PHRASES[modality]
    return tuple(dict.fromkeys(phrase for phrases in PHRASES.values() for phrase in phrases))


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
        return f"found, {probability:.2f}"
    if anyway:
        return f"Nothing like that found in this scan ({probability:.2f}); shown anyway."
    return f"Nothing like that found in this scan ({probability:.2f})."


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
    left = "" if seconds_left is None else f" · {_duration(seconds_left)} left"
    return f"{done} of {total}{left}"


def volume_done(done: int, total: int, axis: str, millilitres: float | None) -> str:
    """When all slices are segmented, or as many as there was patience for."""
    return f"{done} of {total} {axis}s" + ("" if millilitres is None else f" · {millilitres:,.1f} ml")


def _duration(seconds: float) -> str:
    whole = max(1, round(seconds))
    return f"{whole} s" if whole < 120 else f"{whole // 60} min"


def saved(revision: int, person: str) -> str:
    """Said when a correction is in the store."""
    return f"saved as revision {revision} of {person}"


def ticket(number: str) -> str:
    """Said when something broke that the visitor cannot mend."""
    return f"Something went wrong here, not with what you did. Ticket {number}; the page goes on working."
