"""Promoted or not, and why, in sentences that a person can act on."""

from collections.abc import Mapping
from dataclasses import dataclass

from causalseg.versions import Comparison


@dataclass(frozen=True, slots=True)
class GateRules:
    """What a version must show."""

    least_gain: float = 0.0
    """Of Dice on corrections held back: the lower end of its interval must lie above this."""
    most_lost_on_replay: float = 0.008
    """Mean Dice."""
    most_lost_by_switches: float = 0.02
    """Mean Dice of made-up scans with a confounder switched off."""
    most_lost_on_statements: float = 0.02
    """Share of statements that presence agrees with."""


def judge(scores: Mapping[str, Comparison], rules: GateRules) -> tuple[bool, tuple[str, ...]]:
    """Whether a version may be promoted, and a sentence on each measure."""
    verdicts = [_gain(scores["corrections"], rules.least_gain)]
    losses = (
        ("replay", "the scans it learnt from before", rules.most_lost_on_replay),
        ("switches", "made-up scans with a confounder switched off", rules.most_lost_by_switches),
        ("statements", "what people say of confounders", rules.most_lost_on_statements),
    )
    verdicts += [_loss(scores[name], where, most) for name, where, most in losses if name in scores]
    return all(passed for passed, _ in verdicts), tuple(sentence for _, sentence in verdicts)


def _gain(comparison: Comparison, least: float) -> tuple[bool, str]:
    change = comparison.change
    numbers = (
        f"{comparison.before.mean:.3f} -> {comparison.after.mean:.3f}, change {change.mean:+.3f} "
        f"[{change.low:+.3f}, {change.high:+.3f}] over {change.count}"
    )
    if change.low > least:
        return True, f"Better on corrections held back: Dice {numbers}."
    if change.mean > least:
        return False, (
            f"Perhaps better on corrections held back, but not surely: Dice {numbers}; the interval reaches down to "
            "no gain. Correct more scans and fine-tune again."
        )
    return False, f"Not better on corrections held back: Dice {numbers}. What they show does not carry over."


def _loss(comparison: Comparison, where: str, most: float) -> tuple[bool, str]:
    numbers = f"{comparison.before.mean:.3f} -> {comparison.after.mean:.3f}, at most {most:.3f} may be lost"
    if comparison.change.mean >= -most:
        return True, f"Not worse on {where}: {numbers}."
    return False, f"Worse on {where}: {numbers}. It would forget; fine-tune with more or better corrections."
