"""Every word that the Train page shows."""

from causalseg.ui.shared_text import counted, duration
from causalseg.versions import Comparison, Score, VersionCard

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
