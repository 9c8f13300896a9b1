"""How far a switch can be believed: what a checkpoint's entry says was measured of it, in words.

Read from `metrics: {switches: {by confounder: {id: {damage: ..., recovery: ...}}}}` of the entry. Damage is the Dice
that the confounder took in simulated twins; recovery, the share of it that the switch got back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from causalseg.causal.recovery import LEAST_DAMAGE, Worth, worth
from causalseg.ui.segment import text


@dataclass(frozen=True, slots=True)
class Reliability:
    """What stands beside a switch."""

    word: str
    reason: str
    """The numbers, as a sentence."""


_WORDS: Mapping[Worth, str] = {
    "reliable": text.RELIABLE,
    "partly reliable": text.PARTLY,
    "unreliable": text.UNRELIABLE,
}
NOT_MEASURED = Reliability(text.NOT_MEASURED, text.NOT_MEASURED_WHY)


def reliability(metrics: Mapping[str, Any], confounder: str) -> Reliability:
    """What was measured of removing `confounder`; `NOT_MEASURED` where the entry does not say."""
    scores = metrics.get("switches", {}).get("by confounder", {}).get(confounder)
    if scores is None or scores.get("damage") is None:
        return NOT_MEASURED
    damage, recovery = float(scores["damage"]), scores.get("recovery")
    if damage < LEAST_DAMAGE:
        return Reliability(text.HARDLY_MATTERS, text.hardly_matters(damage))
    if recovery is None:
        return NOT_MEASURED
    return Reliability(_WORDS[worth(float(recovery))], text.recovery(damage, float(recovery)))
