"""Every word that the Train page shows."""

from causalseg.ui.shared_text import counted, duration
from causalseg.versions import Comparison, Score, VersionCard

TRAIN_TITLE = "Learn from corrections"
TRAIN_WHAT = (
    "The last layers of the network learn from approved masks, and from what people say of confounders. The new "
    "version is compared with the one it started from; only what is better, and forgets nothing, can be served."
)
LEARN_FROM = "There is to learn from"
PARENT = "Start from"
VERSION_NAME = "Name of the new version"
VERSION_NAME_HINT = "small letters, digits, dash; for example clinic-1"
SEED = "Seed"
MORE = "More"
START = "Fine-tune"
READING = "Reading the model and the masks…"
NOTHING_RUNS = (
    "Nothing runs. A fine-tuning takes about a minute on an idle laptop; the time left is measured while it runs."
)
CURVE = "Loss of each of the three trainings whose mean the version is, step by step"
CURVE_AXIS = "step"
STOPPED = "Stopped. Nothing was written; what was served before is served still."
SERVED = "served now"
AS_IT_CAME = "as it came"
PROMOTE = "Serve this"
GO_BACK = "Go back to this"
PASSED = "may be served"
GATED = "not good enough"
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
MEASURE_HEAD = ("compared on", "before", "after", "change [95 %]")
VERSION_HEAD = ("version", "comes from", "learnt from", "made", "on corrections held back", "check", "")
OPINION_HEAD = ("confounder", "said to be there", "said not to be", "people differ")
HISTORY_HEAD = ("when (UTC)", "what", "version")


def already_running(version: str) -> str:
    """Said when a second fine-tuning is asked for."""
    return f"{version} is being made. Wait for it, or stop it first."


def broke_off(code: int, cause: str) -> str:
    """Said when the process ended in a way that nobody foresaw; `cause` is the last that it said."""
    if code == -9:
        cause = "the system ended it, most often because memory ran out"
    return (
        f"The fine-tuning broke off: {cause or f'exit code {code}'}. Nothing was changed. Start it again; if it breaks "
        "off again, run `python -m training finetune` in a terminal with the same store to see all that it says."
    )


def not_installed(cause: str) -> str:
    """Said where the package that fine-tunes is missing."""
    return (
        f"This server cannot fine-tune: the package `training` cannot be imported ({cause}). Start the app from a "
        "whole checkout of the project, after `pip install -r requirements.txt`."
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
    """What the comparison with the parent said."""
    return f"{card.name} may be served" if card.passed else f"{card.name} is not good enough to be served"


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
