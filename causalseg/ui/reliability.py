"""How far a switch can be believed: what a checkpoint's entry says was measured of it, in words.

Read from `metrics: {switches: {by confounder: {id: {damage: ..., recovery: ...}}}}` of the entry. Damage is the Dice
that the confounder took in simulated twins; recovery, the share of it that the switch got back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from causalseg.ui import copy

RELIABLE_RECOVERY = 0.5
PARTLY_RECOVERY = 0.3
LEAST_DAMAGE = 0.03
"""Of Dice; below it, the true counterfactual is "no change", and recovery means nothing."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """What stands beside a switch."""

    word: str
    reason: str
    """The numbers, as a sentence."""


NOT_MEASURED = Reliability(copy.NOT_MEASURED, copy.NOT_MEASURED_WHY)


def reliability(metrics: Mapping[str, Any], confounder: str) -> Reliability:
    """What was measured of removing `confounder`; `NOT_MEASURED` where the entry does not say."""
    scores = metrics.get("switches", {}).get("by confounder", {}).get(confounder)
    if scores is None or scores.get("damage") is None:
        return NOT_MEASURED
    damage, recovery = float(scores["damage"]), scores.get("recovery")
    if damage < LEAST_DAMAGE:
        return Reliability(copy.HARDLY_MATTERS, copy.hardly_matters(damage))
    if recovery is None:
        return NOT_MEASURED
    return Reliability(_word(float(recovery)), copy.recovery(damage, float(recovery)))


def _word(recovery: float) -> str:
    if recovery >= RELIABLE_RECOVERY:
        return copy.RELIABLE
    return copy.PARTLY if recovery >= PARTLY_RECOVERY else copy.UNRELIABLE
